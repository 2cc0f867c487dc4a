"""E-mail addresses, the identity of a person, and the tenant that their domains give away.

An address ends up in JSON inside a header inside a property list, and an MDM's variable puts it
there unescaped (rollout 3, T25). So the part before the @ is an allow-list, narrower than the
standards; the domain is judged by `email-validator`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from provisioner.roster.text import Flaw, hidden, skeleton, strange_letter

MAX_ADDRESS = 128
"""Gateways cut metadata values at 128 characters (facts/portkey.md 9.4), so that longer ones could meet."""
MAX_LOCAL = 64
LOCAL_PART = re.compile(r"[a-z0-9_](?:[a-z0-9_+-]|\.(?!\.|\Z))*\Z")

_NO_SINGLE_ADDRESS = frozenset(' ,;:()<>[]@"')
_ONLY_ADDRESS = "write one address per row, nothing else in the cell"
_COUNTRY_SUFFIXES = frozenset(
    {"ac", "asn", "asso", "co", "com", "edu", "firm", "gob", "gouv", "gov", "govt", "gv", "ltd"}
    | {"ne", "net", "nhs", "nom", "or", "org", "plc", "sch"}
)
_SHARED_DOMAINS = frozenset(
    {
        "gmail.com",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "onmicrosoft.com",
        "outlook.com",
        "yahoo.com",
    }
)


def read_address(text: str, read_domain: Callable[[str], str | Flaw]) -> str | Flaw:
    """Return an address in lower-case ASCII, or why it can't be used.

    `read_domain` is `read_domain` below with its allowed domains, cached by the caller: a roster
    has many people and few domains.
    """
    if not text.strip("-"):
        return Flaw("EMAIL_MISSING", "the e-mail address is missing", "fill it in, or delete the row")
    if flaw := hidden(text):
        return flaw
    local, at, domain = text.rpartition("@")
    if not at:
        return Flaw("EMAIL_INVALID", "an address has an @", _ONLY_ADDRESS)
    if not local.isascii():
        return _not_ascii(local)
    local = local.lower()
    if not LOCAL_PART.match(local) or len(local) > MAX_LOCAL:
        return _refused(local)
    # Only ASCII is lowered here: str.lower turns some look-alikes (the Kelvin sign) into ASCII letters.
    found = read_domain(domain.lower() if domain.isascii() else domain)
    if isinstance(found, Flaw):
        return found
    address = f"{local}@{found}"
    if len(address) > MAX_ADDRESS:
        message = f"the address has {len(address)} characters; gateways keep {MAX_ADDRESS}"
        return Flaw("EMAIL_TOO_LONG", message, "use a shorter address of this person")
    return address


def _not_ascii(local: str) -> Flaw:
    character = next(c for c in local if not c.isascii())
    if skeleton(character).isascii():
        return strange_letter(character, local)
    message = "the part before the @ is not ASCII"
    return Flaw("EMAIL_NOT_ASCII", message, "use an address of this person in plain letters")


def _refused(local: str) -> Flaw:
    """Say why the part before the @ (ASCII, lower case) is refused."""
    if not local:
        return Flaw("EMAIL_INVALID", "nothing stands before the @", _ONLY_ADDRESS)
    if not _NO_SINGLE_ADDRESS.isdisjoint(local):
        return Flaw("EMAIL_INVALID", "this is not one plain address", _ONLY_ADDRESS)
    if "#ext#" in local:
        message = "this is a guest's user principal name"
        return Flaw("EMAIL_UNSAFE", message, "use the guest's mail address")
    if unsafe := "".join(dict.fromkeys(re.sub(r"[a-z0-9_.+-]", "", local))):
        message = f"{' '.join(unsafe)} can't travel safely through headers and MDM variables"
        fix = "use an alias of letters, digits and . _ + - for this person"
        return Flaw("EMAIL_UNSAFE", message, fix)
    if len(local) > MAX_LOCAL:
        message = f"more than {MAX_LOCAL} characters stand before the @"
        return Flaw("EMAIL_TOO_LONG", message, "use a shorter address of this person")
    message = "the part before the @ starts with a sign, ends with a dot or has two dots in a row"
    return Flaw("EMAIL_INVALID", message, _ONLY_ADDRESS)


def read_domain(text: str, allowed: Collection[str] = ()) -> str | Flaw:
    """Return a domain in lower-case ASCII (IDN as punycode), or why it can't be used.

    With `allowed` (canonical domains) exactly these are accepted, subdomains not included. An IDN
    is accepted only there: nobody can tell by eye whether it is the one that is meant (T15).
    """
    domain = canonical_domain(text)
    if isinstance(domain, Flaw):
        return domain
    idn = any(label.startswith("xn--") for label in domain.split("."))
    strange = next((c for c in text if not c.isascii()), None)
    if domain in allowed and (idn or not strange):
        return domain
    if strange and (not idn or skeleton(text).isascii()):
        return strange_letter(strange, text)
    if idn:
        fix = f'if it is yours, add "{domain}" to the allowed domains in provision.toml'
        return Flaw("IDN_DOMAIN", f"{domain} is an internationalised domain", fix)
    if allowed:
        message = f"the domain {domain} is not among the allowed ones"
        return Flaw("DOMAIN_NOT_ALLOWED", message, "correct it, or allow it in provision.toml")
    return domain


def canonical_domain(text: str) -> str | Flaw:
    """Return a syntactically valid domain in lower-case ASCII, or what is wrong with it."""
    # Imported here: it takes longer than the rest of this package, and most commands need no address.
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(f"x@{text}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        reason = str(error).rstrip(".").encode("ascii", "backslashreplace").decode()
        return Flaw("EMAIL_INVALID", reason[:1].lower() + reason[1:], "correct the domain")
    return found.ascii_domain


def plus_base(address: str) -> str:
    """Return the mailbox that an address with a plus tag belongs to (`a+b@x` gives `a@x`)."""
    local, _, domain = address.partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def guess_tenant(domains: Collection[str]) -> str | None:
    """Return the first label of the sole registrable domain of all, or None when that is not clear."""
    registrable = {_registrable(domain) for domain in domains}
    sole = registrable.pop() if len(registrable) == 1 else None
    if sole is None or sole in _SHARED_DOMAINS or sole.startswith("xn--"):
        return None
    return sole.partition(".")[0]


def _registrable(domain: str) -> str | None:
    """Return the domain that somebody registered, or None when this rule can't tell.

    In place of the public-suffix list: the last two labels; under a country (a top level of two
    letters) the last three when the second level is a usual suffix (`acme.co.uk`, `acme.com.au`).
    Any other second level of up to three letters under a country may be either (`mail.hp.de`,
    `acme.xy.at`), so it is only taken when nothing stands before it.
    """
    labels = domain.split(".")
    top, second = labels[-1], labels[-2]
    if len(top) != 2:
        return ".".join(labels[-2:])
    if second in _COUNTRY_SUFFIXES:
        return ".".join(labels[-3:]) if len(labels) > 2 else None
    return ".".join(labels[-2:]) if len(second) > 3 or len(labels) == 2 else None

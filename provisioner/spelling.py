"""How single values of people's files are spelt: names, versions, domains, and "not set". Pure.

Each type fits a field of a `strict.Strict` table; a value that breaks its spelling becomes a `Flaw`.
The optional ones take empty text as "not set". What might be a pasted key is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from provisioner import naming
from provisioner.strict import wrong

DESKTOP_FLOOR_MIN = (1, 8089, 0)
"""The first Claude Desktop that takes `inferenceCustomHeaders` (C8)."""
OWN_METADATA = frozenset({"tenant", "team", "env", "user", "_user", "rev"})
"""Metadata names that the tool itself writes."""

_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_KEYRING = re.compile(r"[^/\s][^/]*/\S.*")
_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,5})(?:\.(?:0|[1-9][0-9]{0,5})){2}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_METADATA_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def unset(value: object) -> object:
    """Return None for empty text, anything else as it is."""
    return None if value == "" else value


def _text(text: str | None) -> str | None:
    if text is not None and (text != text.strip() or not text.isprintable()):
        raise wrong("BAD_VALUE", "has spaces around it or control characters", "take them out")
    return text


def _slug(text: str | None) -> str | None:
    if text is None or naming.slug(text) == text:
        return text
    near = naming.slug(text)
    fix = f'write "{near}"' if near else "write a-z, 0-9 and hyphens, 48 characters at most"
    raise wrong("BAD_NAME", "is not in the form that names have here", fix, text)


def _env_name(text: str | None) -> str | None:
    # A key may look almost like a name; capitals keep most of them apart.
    if text is not None and not _ENV_NAME.fullmatch(text):
        fix = "write the variable's name in capitals, digits and underscores, never the key itself"
        raise wrong("BAD_VALUE", "is not the name of an environment variable", fix)
    return text


def _keyring_entry(text: str | None) -> str | None:
    if text is not None and not _KEYRING.fullmatch(text):
        fix = 'write "service/name", as they stand in the keyring'
        raise wrong("BAD_VALUE", "is not an entry of the keyring", fix)
    return text


def _argv(words: tuple[str, ...]) -> tuple[str, ...]:
    if words and (not words[0] or any("\0" in word for word in words)):
        raise wrong("BAD_VALUE", "does not start with a program", 'write ["program", "argument"]')
    return words


def _version(text: str | None) -> str | None:
    # Claude Code ignores a floor that it can't read (facts/claude-code.md 3).
    if text is not None and not _VERSION.fullmatch(text):
        raise wrong("BAD_VERSION", "is not a client version", 'write three numbers, "2.1.285"', text)
    return text


def _desktop_floor(text: str | None) -> str | None:
    if text is not None and tuple(map(int, text.split("."))) < DESKTOP_FLOOR_MIN:
        least = ".".join(map(str, DESKTOP_FLOOR_MIN))
        message = f"is below {least}, the first version that sends custom headers"
        raise wrong("FLOOR_TOO_LOW", message, f'write "{least}" or a later one', text)
    return text


def _uuid(text: str | None) -> str | None:
    # Kept as written: another spelling could orphan people's local sessions.
    if text is not None and not _UUID.fullmatch(text):
        fix = "write it without braces: 8-4-4-4-12 hexadecimal digits"
        raise wrong("BAD_VALUE", "is not a UUID", fix, text)
    return text


def _metadata_name(text: str) -> str:
    if text in OWN_METADATA:
        fix = "take it off the list, it is always there"
        raise wrong("BAD_NAME", "is a name that the tool itself writes", fix, text)
    if not _METADATA_NAME.fullmatch(text):
        fix = "write a-z, 0-9 and underscores, a letter first"
        raise wrong("BAD_NAME", "is not a name for metadata", fix, text)
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text.lower()):
        fix = 'write "acme.com", other scripts in their "xn--" form'
        raise wrong("BAD_VALUE", "is not a domain", fix, text)
    return text.lower()


def _distinct(items: tuple[Hashable, ...], some: bool = False) -> tuple[Hashable, ...]:
    if some and not items:
        raise wrong("BAD_VALUE", "is empty", "name at least one, or leave the key out")
    if twice := next((item for at, item in enumerate(items) if item in items[:at]), None):
        raise wrong("DUPLICATE", "stands in the list twice", "take one out", str(twice))
    return items


_UNSET = BeforeValidator(unset)

Text = Annotated[str | None, _UNSET, AfterValidator(_text)]
EnvName = Annotated[str | None, _UNSET, AfterValidator(_env_name)]
KeyringEntry = Annotated[str | None, _UNSET, AfterValidator(_keyring_entry)]
Version = Annotated[str | None, _UNSET, AfterValidator(_version)]
DesktopFloor = Annotated[Version, AfterValidator(_desktop_floor)]
Uuid = Annotated[str | None, _UNSET, AfterValidator(_uuid)]
Slug = Annotated[str, AfterValidator(_slug)]
MaybeSlug = Annotated[str | None, _UNSET, AfterValidator(_slug)]
MetadataName = Annotated[str, AfterValidator(_metadata_name)]
Domain = Annotated[str, AfterValidator(_domain)]
argv = AfterValidator(_argv)
distinct = AfterValidator(_distinct)
some_distinct = AfterValidator(partial(_distinct, some=True))

"""What vendors write in cells that mean yes or no, a platform, an owner, a day, several addresses. Pure.

Each function gets a stripped cell. None, where nothing else is said: it can't be told, and is not guessed.
"""

from __future__ import annotations

import re
from datetime import date

from provisioner.roster.model import Enrolment, Platform
from provisioner.roster.titles import normal

_YES = frozenset(
    {"true", "yes", "y", "1", "enabled", "active", "managed"}
    | {"wahr", "ja", "aktiviert", "verwaltet", "vrai", "oui", "verdadero", "sí", "si"}
)
_NO = frozenset(
    {"false", "no", "n", "0", "disabled", "inactive", "unmanaged"}
    | {"falsch", "nein", "deaktiviert", "nichtverwaltet", "faux", "non", "falso"}
)
_OKTA = {
    # Who can sign in, or will when a password is set anew (Okta's life cycle of users; rollout 4.1).
    **dict.fromkeys(("active", "provisioned", "recovery", "passwordexpired", "lockedout"), True),
    **dict.fromkeys(("staged", "suspended", "deprovisioned"), False),
}
_COMPANY = frozenset({"company", "corporate", "companyowned", "institutional", "unknown", "1", "0"})
"""With the numbers of Graph's `managedDeviceOwnerType`, as in a report that is not localised."""
_PERSONAL = frozenset({"personal", "personallyowned", "byod", "2", "persönlich", "privat", "personnel"})
_USER_ENROLMENTS = frozenset(("appleuserenrollment", "appleuserenrollmentwithserviceaccount"))
"""Graph's `deviceEnrollmentType`. Its `userEnrollment` is something else: any enrolment by a person."""
_NOT_COMPUTERS = ("windowsphone", "windowsmobile", "windowsholographic", "windows10mobile")
_PLATFORMS: tuple[tuple[Platform, tuple[str, ...]], ...] = (
    ("macos", ("mac", "imac", "osx")),
    ("windows", ("windows", "desktop", "cloudpc")),
    ("linux", ("linux", "ubuntu", "redhat", "debian")),
)
_SEPARATORS = re.compile(r"[,;\s]+")
_DAY = re.compile(
    r"(?P<iso>(\d{4})[-/.](\d{1,2})[-/.](\d{1,2}))(?!\d)"
    r"|(?P<german>(\d{1,2})\.(\d{1,2})\.(\d{4}))(?!\d)"
    r"|(?P<slashes>(\d{1,2})/(\d{1,2})/(\d{4}))(?!\d)"
)
_TWELVE_HOURS = re.compile(r"\d\s*[AP]M\Z", re.IGNORECASE)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MILLISECONDS_A_DAY = 86_400_000


def read_yes(text: str) -> bool | None:
    """Return what a yes-or-no cell says, in English, German, French or Spanish; an empty one says yes."""
    word = normal(text)
    return True if word in _YES or not word else False if word in _NO else None


def read_okta_status(text: str) -> bool | None:
    """Return whether an account of this status counts as enabled."""
    return _OKTA.get(normal(text))


def read_google_status(text: str) -> bool:
    """Return whether an account of this status counts as enabled: only `Active` does (rollout 4.1)."""
    return normal(text) == "active"


def read_platform(text: str) -> Platform | None:
    """Return the platform of an operating system, family or model; None for phones and the rest."""
    word = normal(text)
    if word.startswith(_NOT_COMPUTERS):
        return None
    return next((platform for platform, starts in _PLATFORMS if word.startswith(starts)), None)


def read_enrolment(ownership: str, method: str) -> Enrolment | None:
    """Return how a device is enrolled; None for an owner in unknown words.

    `method` is Intune's `EnrollmentType` or Jamf's `Enrollment Method`; what it does not say, the
    ownership does, and silence means the company's.
    """
    way, owner = normal(method), normal(ownership)
    if way in _USER_ENROLMENTS or " user enrollment" in f" {method.lower()}":
        return "byod-user"
    if ("accountdriven" in way and "device" not in way) or ("userinitiated" in way and "personal" in way):
        return "byod-user"
    if owner in _PERSONAL or "personal" in way or (way == "userenrollment" and not owner):
        return "byod-device"
    return "company" if owner in _COMPANY or not owner else None


def read_day(text: str) -> date | None:
    """Return the day of a time stamp, as far as its form tells it for sure.

    With AM or PM the month comes first, as in Intune's export; `11/12/2026` alone is no certain day.
    """
    if len(text) == 13 and text.isascii() and text.isdigit():
        return date.fromordinal(_EPOCH_DAY + int(text) // _MILLISECONDS_A_DAY)
    found = _DAY.match(text)
    if not found:
        return None
    first, second, third = (int(part) for part in re.split(r"[-/.]", found[0]))
    match found.lastgroup:
        case "iso":
            return _day(first, second, third)
        case "german":
            return _day(third, second, first)
    if second > 12 or (first <= 12 and (_TWELVE_HOURS.search(text) or first == second)):
        return _day(third, first, second)
    return _day(third, second, first) if first > 12 else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def split_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a cell that holds several, the first or primary one first.

    Separators are comma, semicolon and blanks; of the prefixed ones (`SMTP:` is the primary, `smtp:`
    another, `sip:` no mailbox) only mailboxes count. What is no list of addresses comes back whole.
    """
    parts = [part for part in _SEPARATORS.split(text) if part]
    if not all("@" in part or ":" in part for part in parts):
        return (text,) if text else ()
    found: dict[str, None] = {}
    primary = None
    for part in parts:
        prefix, colon, address = part.rpartition(":")
        if colon and prefix.lower() != "smtp":
            continue
        if prefix == "SMTP":
            primary = primary or address
        found.setdefault(address)
    return tuple(found) if primary is None else (primary, *(a for a in found if a != primary))

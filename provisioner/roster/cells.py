"""One cell to one value, or a flaw: team, env and tenant, name, platform, serial, expiry, metadata.

Each function gets a cell without the blanks around it. None means that an optional cell is empty;
dashes alone count as empty, as exports write them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from provisioner import naming
from provisioner.roster.model import Platform
from provisioner.roster.text import Flaw, foreign, formula, hidden

MAX_DISPLAY = 100
"""Characters in the display name of a team, env or tenant; its slug may have 48."""
MAX_NAME = 128
MAX_METADATA = 128
"""Gateways cut longer metadata values in their logs (facts/portkey.md 9.4)."""

_SERIAL = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_METADATA = re.compile(r"[A-Za-z0-9 !#&'()*+,./:;=?@\[\]^_|~-]+\Z")
_PLATFORMS: dict[str, Platform] = {
    **dict.fromkeys(("mac", "macos", "macosx", "osx", "darwin"), "macos"),
    **dict.fromkeys(("win", "windows", "microsoftwindows", "windowspro", "windowsenterprise"), "windows"),
    **dict.fromkeys(("linux", "ubuntu", "debian", "fedora", "redhat", "rhel"), "linux"),
}


@dataclass(frozen=True, slots=True)
class Spelled:
    """A name as it was typed, and its slug."""

    text: str
    slug: str

    @property
    def display(self) -> str:
        """The name for people, composed (NFC)."""
        return unicodedata.normalize("NFC", self.text)


def read_spelled(text: str, field: str) -> Spelled | Flaw:
    """Return a team, env or tenant with its slug; `field` names it in codes and messages."""
    code = field.upper()
    if _empty(text):
        return Flaw(f"{code}_MISSING", f"the {field} is missing", "fill it in, or delete the row")
    if flaw := hidden(text) or formula(text) or foreign(text):
        return flaw
    name = naming.fold(text)
    if name is None:
        message = "a letter in it has no plain form from a to z"
        return Flaw(f"{code}_NO_SLUG", message, "write it with letters from a to z in all rows")
    if not name:
        return Flaw(f"{code}_NO_SLUG", "no letter or digit is in it", f"give the {field} a name")
    if len(name) > naming.SLUG_MAX or len(text) > MAX_DISPLAY:
        message = f"as {field} it is too long: {naming.SLUG_MAX} letters and digits are the limit"
        return Flaw(f"{code}_TOO_LONG", message, "shorten it in all rows")
    slug = naming.slug(text)
    if slug is None:
        message = f"{name} is a device name on Windows, no folder can be called so"
        return Flaw(f"{code}_RESERVED", message, f"give the {field} another name")
    return Spelled(text, slug)


def read_env(text: str, allowed: Collection[str] | None) -> Spelled | Flaw:
    """Return an env; with `allowed` (slugs) only one of these."""
    env = read_spelled(text, "env")
    if isinstance(env, Flaw) or allowed is None or env.slug in allowed:
        return env
    near = get_close_matches(env.slug, allowed, 1)
    fix = (
        f'did you mean "{near[0]}"?'
        if near
        else f"use one of {', '.join(allowed)}, or add it in provision.toml"
    )
    return Flaw("ENV_UNKNOWN", "the fleet has no such env", fix)


def read_tenant(text: str) -> Spelled | Flaw | None:
    """Return a tenant."""
    return None if _empty(text) else read_spelled(text, "tenant")


def read_name(text: str) -> str | Flaw | None:
    """Return a person's name in any script, composed (NFC)."""
    if _empty(text):
        return None
    if flaw := hidden(text) or formula(text):
        return flaw
    if len(text) > MAX_NAME:
        return Flaw("NAME_TOO_LONG", f"the name has more than {MAX_NAME} characters", "shorten it")
    return unicodedata.normalize("NFC", text)


def read_platform(text: str) -> Platform | Flaw | None:
    """Return a platform; version numbers behind its name do not matter."""
    if _empty(text):
        return None
    platform = _PLATFORMS.get(re.sub(r"[0-9. ]", "", text.lower())) if text.isascii() else None
    fix = "write macos, windows or linux, or leave it empty"
    return platform or Flaw("PLATFORM_UNKNOWN", "not a platform that the tool knows", fix)


def read_serial(text: str) -> str | Flaw | None:
    """Return a device's serial number as written."""
    if _empty(text):
        return None
    if _SERIAL.match(text):
        return text
    fix = "write 1 to 64 letters, digits and hyphens; in a spreadsheet format the column as text"
    return hidden(text) or Flaw("SERIAL_INVALID", "not a serial number", fix)


def read_expires(text: str) -> date | Flaw | None:
    """Return the first day on which the row no longer counts; only YYYY-MM-DD is read."""
    if _empty(text):
        return None
    fix = "write it as YYYY-MM-DD, such as 2027-01-31"
    if not _DATE.match(text):
        return hidden(text) or Flaw("EXPIRES_INVALID", "not a date as YYYY-MM-DD", fix)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return Flaw("EXPIRES_INVALID", "not a day of the calendar", fix)


def read_metadata(text: str) -> str | Flaw | None:
    """Return a metadata value: ASCII that no MDM, shell or header reads as its own, within the limit.

    Refused are `" < > \\ $ % { }` and the backtick: variables of MDMs and quoting (T4 to T6, T25).
    """
    if _empty(text):
        return None
    if flaw := hidden(text) or formula(text):
        return flaw
    if len(text) > MAX_METADATA:
        message = f"a metadata value has at most {MAX_METADATA} characters"
        return Flaw("METADATA_TOO_LONG", message, "shorten it")
    if not _METADATA.match(text):
        return Flaw(
            "METADATA_UNSAFE", 'metadata is ASCII without " < > \\ $ % { } `', "write it in plain characters"
        )
    return text


def _empty(text: str) -> bool:
    return not text.strip("-")

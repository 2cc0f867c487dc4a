"""The roster as values: who stands in it, for which team and env. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Platform = Literal["macos", "windows", "linux"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a person in a team and env. Strings are checked and canonical; see `roster.check`."""

    row: int
    """Line of the file where the record starts; the header is line 1."""
    email: str
    """Lower case, ASCII, the identity of the person."""
    team: str
    env: str
    team_display: str
    """As written in the roster, cleaned of surrounding space."""
    name: str | None = None
    platform: Platform | None = None
    serial: str | None = None
    expires: date | None = None
    """From this date on the person counts as absent; on a person's key it is `expires_at`."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further metadata that the fleet file declares, in declared order."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A row left out because its date has come."""

    row: int
    email: str
    team: str
    env: str
    expires: date


@dataclass(frozen=True, slots=True)
class Roster:
    """A checked roster."""

    file: str
    digest: str
    """SHA-256 of the file's bytes."""
    tenant: str
    entries: tuple[Entry, ...]
    expired: tuple[Expired, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    """Titles of columns that nobody asked for, safe to print."""

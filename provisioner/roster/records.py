"""What one row of an export says, before anything is joined. Pure.

Cells are stripped; addresses, ids and serial numbers are as written otherwise, and may be empty.
Named tuples, because a large fleet has half a million of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from provisioner.roster.model import Enrolment, Entry, Expired, Facts, Inventory, Platform, SourceRead


class PersonRecord(NamedTuple):
    """A row of a people's export."""

    row: int
    mail: str
    upn: str
    others: tuple[str, ...]
    """Further addresses of the same person, unchecked."""
    directory_id: str
    name: str
    enabled: bool
    facts: Facts
    """With the facts that `[roster] exclude` asks about, `type` among them."""


class MemberRecord(NamedTuple):
    """A row of a group's member list."""

    row: int
    directory_id: str
    upn: str
    mail: str


class DeviceRecord(NamedTuple):
    """A row of an MDM's device list."""

    row: int
    serial: str
    mdm_id: str
    directory_id: str
    name: str
    platform: Platform | None
    user_id: str
    """The primary user's id in the directory."""
    user_upn: str
    user_email: str
    enrolment: Enrolment
    managed: bool
    last_seen: date | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """One people's export."""

    read: SourceRead
    records: Iterable[PersonRecord]


@dataclass(frozen=True, slots=True)
class GroupFile:
    """One group's members."""

    read: SourceRead
    group: str
    records: Iterable[MemberRecord]


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """One MDM's devices."""

    read: SourceRead
    mdm: Inventory
    records: Iterable[DeviceRecord]


@dataclass(frozen=True, slots=True)
class PlainFile:
    """One plain file: rows that say team and env themselves."""

    read: SourceRead
    entries: tuple[Entry, ...]
    expired: tuple[Expired, ...] = ()


SourceFile = PeopleFile | GroupFile | DeviceFile | PlainFile

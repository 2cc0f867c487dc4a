"""The roster as values: people, devices and services, and where each of them stands. Pure.

Plain rows are `Entry`; directory and device exports become `Person` and `Device` by joining
(`roster.join`). Addresses are lower case; what a file says otherwise is kept as written. What a large
fleet has hundreds of thousands of is a named tuple: a frozen dataclass takes four times as long to
make (measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

Platform = Literal["macos", "windows", "linux"]
Inventory = Literal["jamf", "kandji", "intune"]
"""An MDM that lists devices."""
Enrolment = Literal["company", "byod-device", "byod-user"]
"""`byod-device`: somebody's own, enrolled as a device; `byod-user`: a user enrolment, which takes no MCX
payload (rollout 3)."""
RowKind = Literal["person", "device", "service"]
Facts = Mapping[str, str]
"""What rules may ask about, by name in lower case without blanks and signs (`jobtitle`); text as written,
stripped. Only facts that some rule asks for are kept; equal ones are one object."""
NO_FACTS: Facts = MappingProxyType({})


class Place(NamedTuple):
    """Where a record stands: a file as the admin named it, and its row (the header of a table is row 1)."""

    file: str
    row: int

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One plain row: it says its team and env itself. Strings are checked and canonical; see
    `roster.check`."""

    row: int
    """Line of the file where the record starts; the header is line 1."""
    email: str
    """Lower case, ASCII, the identity of the person; `svc:name` of a service; empty for a device of
    nobody."""
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
    kind: RowKind = "person"
    owner: str | None = None
    """A service's: the address of who answers for it."""
    file: str = ""

    @property
    def place(self) -> Place:
        """Where the row stands."""
        return Place(self.file, self.row)


@dataclass(frozen=True, slots=True)
class Expired:
    """A row left out because its date has come."""

    row: int
    email: str
    team: str
    env: str
    expires: date


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain file, checked."""

    file: str
    digest: str
    """SHA-256 of the file's bytes."""
    tenant: str
    entries: tuple[Entry, ...]
    expired: tuple[Expired, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    """Titles of columns that nobody asked for, safe to print."""


LeftOutBecause = Literal[
    "DISABLED", "GUEST", "SERVICE_ACCOUNT", "EXCLUDED", "NO_EMAIL", "EMAIL_UNSAFE", "DOMAIN_NOT_ALLOWED"
]


class LeftOut(NamedTuple):
    """Why a directory's person can't be or shall not be covered."""

    reason: LeftOutBecause
    detail: str
    """For people; may hold the address."""


class Person(NamedTuple):
    """One human (or what a directory takes for one)."""

    identity: str
    """The address that is sent as `user`; for somebody left out without one the UPN, or `id:` and the
    directory's id."""
    aliases: tuple[str, ...]
    """The person's other spellings, lower case, sorted: mail, UPN, an MDM's e-mail."""
    place: Place
    """The first row that names the person, by order of the sources."""
    directory_id: str | None = None
    name: str | None = None
    facts: Facts = NO_FACTS
    groups: tuple[str, ...] = ()
    """Groups that some rule asks about, sorted."""
    rows: tuple[Entry, ...] = ()
    """Plain rows of this person, in order: decisions that somebody wrote down by name."""
    left_out: LeftOut | None = None
    mdm_aliases: tuple[str, ...] = ()
    """Those of the aliases that only an MDM has for the person: no directory and no plain row knows them."""


class Device(NamedTuple):
    """One computer, or another device that an MDM lists."""

    id: str
    """The serial number in capitals; without one the MDM, a colon, and its id there."""
    place: Place
    serial: str | None = None
    """As written."""
    name: str | None = None
    mdm: Inventory | None = None
    """None: only a plain row names it."""
    mdm_id: str | None = None
    directory_id: str | None = None
    """Entra's id of the device, from Intune."""
    platform: Platform | None = None
    """None: not a computer that the products run on (a phone, a television)."""
    owner: str | None = None
    """Identity of the person in the roster whose device it is."""
    listed: str | None = None
    """Identity of the person whom the MDM calls its user, where a plain row gives it to another one."""
    user_email: str = ""
    """What the MDM would put in place of its variable for the e-mail address, as written; may be empty,
    unsafe or somebody else's."""
    enrolment: Enrolment = "company"
    managed: bool = True
    """False: listed, but no longer under management."""
    last_seen: date | None = None
    facts: Facts = NO_FACTS
    rows: tuple[Entry, ...] = ()
    """Plain rows that name this very device."""
    also: tuple[Place, ...] = ()
    """Other records of the same device, not chosen: older enrolments, a second MDM."""


@dataclass(frozen=True, slots=True)
class Service:
    """A machine that uses the gateway without a person: CI, a server."""

    id: str
    """`svc:build-farm`."""
    owner: str
    row: Entry

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.row.place


@dataclass(frozen=True, slots=True)
class SourceRead:
    """One file that was read."""

    file: str
    preset: str
    sha256: str
    records: int
    ignored_columns: tuple[str, ...] = ()
    """Titles safe to print."""
    blank_rows: int = 0
    """Rows without any id, passed over: continuation rows of multi-value fields (Jamf)."""
    not_computers: int = 0
    not_people: int = 0
    """Groups, devices and service principals among a group's members, passed over."""
    facts: tuple[str, ...] = ()
    """Those asked for that the file has a column for, by normal name, sorted."""
    pattern: str | None = None
    """The `files` of the source, where it is one of many."""


NoteCode = Literal["SHARED_ADDRESS", "STRANGERS_IN_GROUP", "GROUPS_NOT_ASKED", "DEVICE_IN_TWO_MDMS"]


class Note(NamedTuple):
    """Something that stops nothing, and that people want to know of their files."""

    code: NoteCode
    subject: str
    """The address or group it is about, as written in the file; of two MDMs, both."""
    message: str


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody and everything there is, joined and checked."""

    file: str
    """What people call it: the plain file, or the fleet file that names the sources."""
    digest: str
    """Over all files that were read."""
    tenant: str
    people: tuple[Person, ...]
    devices: tuple[Device, ...] = ()
    services: tuple[Service, ...] = ()
    expired: tuple[Expired, ...] = ()
    sources: tuple[SourceRead, ...] = ()
    inventory: bool = False
    """Whether some source lists devices: only then a person can be without one."""
    notes: tuple[Note, ...] = ()

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Titles of columns that nobody asked for, of all files."""
        return tuple(dict.fromkeys(title for source in self.sources for title in source.ignored_columns))

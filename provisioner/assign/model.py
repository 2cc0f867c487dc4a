"""Who gets what, as values: one verdict for every person, device and service, and the assignments. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from provisioner.errors import Problem
from provisioner.fleet.rules import Gives, Scope
from provisioner.policy.model import Policy
from provisioner.roster.model import Device, Entry, Person, Place, Platform, RowKind, Service

PERSON_METADATA = ("user", "_user")
"""Portkey's user analytics read `_user`, the admin guide's readers `user` (C9)."""

Status = Literal["assigned", "key-only", "skipped", "not-covered"]
"""Every person, device and service has exactly one."""
Attribution = Literal["variable", "script", "key", "device", "none"]
"""How the person gets into the metadata: an MDM's variable, a script, the person's own key, a literal
label for the device or its pool, or not at all."""
Channel = Literal["mdm", "files", "image", "handout"]
"""How artifacts travel: through the MDM (and plain files beside it), as plain files only, into an image
without MDM, or by hand to a person whose device nobody manages (then without the key)."""
Reason = Literal[
    "NO_DEVICE",  # a person, and no device of the inventories is theirs
    "NO_PERSON",  # a device, and nobody in the roster is its user
    "NO_RULE",
    "SHARED",  # a device that looks shared, and no rule for shared ones matched
    "BYOD",
    "CLIENT_TOO_OLD",
    "NO_EMAIL_IN_MDM",
    "EMAIL_NOT_IN_ROSTER",
    "EMAIL_OF_ANOTHER",  # the MDM's address is another person's than the device's user
    "EMAIL_UNSAFE",
    "NOT_CHECKED_IN_30D",
    "NOT_MANAGED",
    "NOT_IN_INVENTORY",  # a plain row names its serial number, and no inventory lists it
    "NO_EXPIRY",  # a key of somebody unmanaged must end, and no date is known
    "EXPIRED",
    "GUEST",
    "DISABLED",
    "SERVICE_ACCOUNT",
    "EXCLUDED",
    "NO_EMAIL",
    "DOMAIN_NOT_ALLOWED",
    "NOT_A_COMPUTER",
    "BY_RULE",  # a rule with gives = "skip"
    "OWNER_LEFT_OUT",  # a device whose person is a guest, disabled, ...
]


KEEPS_KEY: frozenset[Reason] = frozenset({
    "CLIENT_TOO_OLD", "NO_EMAIL_IN_MDM", "EMAIL_NOT_IN_ROSTER", "EMAIL_OF_ANOTHER", "EMAIL_UNSAFE",
    "NOT_CHECKED_IN_30D",
})  # fmt: skip
"""What is wrong with a console's record of somebody's device, or with what is installed on it: nothing is
delivered, and what was delivered before goes on being used."""


class Choice(NamedTuple):
    """What one rule, or one plain row, gives to a person, device or service."""

    team: str
    team_display: str
    env: str
    profile: str
    ring: int | None
    scope: Scope
    attribution: Attribution
    """`variable` stands for whatever the device's console and platform allow."""
    pool: str | None
    expires: date | None
    gives: Gives
    rule: int | None
    """Index in `[[assign]]`; None: a plain row, `row`."""
    row: Entry | None = None
    via: str = ""
    """What it matched by, for people: `group AI-Pilot`."""


class Second(NamedTuple):
    """What else matched: it gives a key without an artifact, or nothing."""

    assignment: str
    key_only: bool
    choice: Choice
    why: str = ""
    """Why a key that its rule or row would give is not given, for people."""


class Verdict(NamedTuple):
    """What one person, device or service gets.

    With device data the devices carry the artifacts; a person then has the best status of theirs,
    and `assignment` that of the first.
    """

    kind: RowKind
    id: str
    """Identity, device id, or `svc:` name."""
    status: Status
    place: Place
    person: Person | None = None
    device: Device | None = None
    service: Service | None = None
    assignment: str | None = None
    choice: Choice | None = None
    seconds: tuple[Second, ...] = ()
    attribution: Attribution = "none"
    expected: str = ""
    """The value that should arrive as `user`."""
    reason: Reason | None = None
    """For skipped and not covered ones."""
    detail: str = ""
    passed_over: Choice | None = None
    """What came first, where it reaches nobody for want of a device and a later key took its place."""

    @property
    def keeps(self) -> bool:
        """Whether a device that nothing is delivered to goes on using what it has, its key included.

        It is the device that does; its person's verdict only repeats it. One that has nothing but a
        stranger's address does not: its person may have left the roster.
        """
        strangers = self.person is None and self.reason == "EMAIL_NOT_IN_ROSTER"
        return self.kind == "device" and self.reason in KEEPS_KEY and not strangers

    @property
    def email(self) -> str:
        """The person's address, empty for nobody's device and for services."""
        return "" if self.person is None else self.person.identity

    @property
    def serial(self) -> str:
        """Of the device, or of the plain row; empty where none is known."""
        if self.device is not None:
            return self.device.serial or ""
        row = self.choice.row if self.choice else None
        return row.serial or "" if row else ""

    @property
    def platform(self) -> Platform | None:
        """Of the device, or of the plain row."""
        if self.device is not None:
            return self.device.platform
        row = self.choice.row if self.choice else None
        return row.platform if row else None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The unit that reaches a device: one team in one env, or one person, device or pool of it."""

    name: str
    tenant: str
    team: str
    env: str
    team_display: str
    policy: Policy
    config_name: str
    key_name: str
    """Devices with a label of their own share their team's key."""
    members: tuple[Verdict, ...]
    """Devices, or people without device data, that get the artifacts."""
    key_only: tuple[str, ...]
    """Identities (or ids of services and shared devices) that can use the key; no artifact reaches them
    by it."""
    person: str | None = None
    """The one person's address under key scope `person`."""
    service: str | None = None
    """The service's id; its key is its own."""
    label: str | None = None
    """`device:C02...` or `device:vdi-east`: what stands as `user` in place of a person."""
    channel: Channel = "mdm"
    expires_at: datetime | None = None
    extra_metadata: tuple[tuple[str, str], ...] = ()

    @property
    def key_metadata(self) -> Mapping[str, str]:
        """The key's own metadata, which no request header can change on Portkey (C10)."""
        whose = self.person or self.service
        who = {} if whose is None else dict.fromkeys(PERSON_METADATA, whose)
        return {"tenant": self.tenant, "team": self.team, "env": self.env, **who, **dict(self.extra_metadata)}

    @property
    def user(self) -> str | None:
        """The literal that stands as `user` in the artifacts; None leaves it to the device's console."""
        return self.person or self.service or self.label


@dataclass(frozen=True, slots=True)
class Coverage:
    """Everything decided: the assignments, and what became of each person, device and service."""

    assignments: tuple[Assignment, ...]
    verdicts: tuple[Verdict, ...]
    """People, then devices, then services, each in the order of the roster."""
    unmapped: Mapping[str, Mapping[str, int]]
    """By fact (`department`): texts that map to no team, with how many people have each."""
    problems: tuple[Problem, ...] = ()
    """What stops a run: two assignments for one device, people without a rule, profiles that clash."""


class RulesAt(NamedTuple):
    """Where `[[assign]]` stands, for problems and explanations."""

    file: str
    lines: tuple[int, ...] = ()
    """The line of each rule; empty where unknown."""

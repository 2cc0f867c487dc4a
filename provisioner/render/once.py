"""`_once/`: the files that fill groups and tags through each MDM's own import. Pure.

- Jamf takes an Inventory Preload, keyed by serial number; smart groups ask what it sets.
- Kandji has tags; setting them by API replaces a device's list.
- Neither forgets by itself: what a former run set stays on a Mac that has no assignment any more.
  So such Macs stand in files that end in `-none`, apart, because a preload overwrites what it
  lists and a first rollout has nothing to take away.
- Intune's device export has Entra's device ids, and Entra's group import takes object ids, which
  are others (facts/mdm.md). A person's object id is known. So a person goes into a group of
  users where all of the person's Intune computers belong to it, and every other device stands in
  `by-hand.csv`: a group of users would reach too many. The import only adds, and who was in a
  group before is not known here: `README.txt` says what to remove first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provisioner import naming
from provisioner.assign import Coverage, Verdict
from provisioner.assign.model import Reason
from provisioner.errors import BrokenArtifact
from provisioner.render.bundle import Table
from provisioner.render.cells import csv_bytes
from provisioner.render.destinations import THROUGH_MDM
from provisioner.render.groups import Group, group_of
from provisioner.roster.model import Device, Inventory, Person

FOLDER = "_once"
PRELOAD_HEADER = (
    "Serial Number", "Device Type", "Username", "Full Name", "Email Address", "EA AI Gateway Assignment",
)  # fmt: skip
"""How the column of an extension attribute is spelt is not confirmed (rollout 2.1)."""
ATTRIBUTE = "AI Gateway Assignment"
NO_ASSIGNMENT = "none"
"""Fits no smart group's criterion. Whether Jamf takes an empty cell for clearing is not confirmed."""
SMART_HEADER = ("group", "criterion", "operator", "value", "and_or")
TAGS_HEADER = ("serial", "tag")
UNTAGGED_HEADER = ("serial",)
OBJECT_ID_HEADER = ("ObjectId",)
CLASSIC_HEADER = ("version:v1.0",)
CLASSIC_COLUMN = "Member object ID or user principal name [memberObjectIdOrUpn] Required"
IMPORT_ONLY_ADDS = b"""\
An import into a group only adds members. Somebody who moved to another team would be in two groups,
with two profiles for the same settings. So, from the second time on:

1. In every group whose name begins with AIGateway-, remove each member that neither its file here
   nor its lines in by-hand.csv name: Members > Bulk operations > Download members lists them all.
   In a group that nothing here names any more, that is every member. Only who is in no other
   group's file, and stands in not-covered.csv as not seen for 30 days, or with a record or Claude to
   be mended first, stays.
2. When that is done in all groups, import the files.

Don't empty a group to fill it anew: devices that sync meanwhile lose their profile.
"""
BY_HAND_HEADER = ("serial", "device_name", "device_id", "group")

MENDED_BY_PRELOAD: frozenset[Reason] = frozenset(
    {"NO_EMAIL_IN_MDM", "EMAIL_NOT_IN_ROSTER", "EMAIL_OF_ANOTHER", "EMAIL_UNSAFE"}
)
UNREACHED: frozenset[Reason] = frozenset({"NOT_A_COMPUTER", "NOT_MANAGED", "NOT_CHECKED_IN_30D"})
"""Records that no profile arrives at; they don't keep their person out of a group of users."""


def tables(coverage: Coverage, groups: Sequence[Group]) -> tuple[Table, ...]:
    """Return the files of `_once/`; none for an MDM in which there is nothing to fill or to mend.

    Raises:
        BrokenArtifact: something would be in two groups of one MDM.
    """
    by_mdm: dict[Inventory, list[Group]] = {}
    for group in groups:
        by_mdm.setdefault(group.mdm, []).append(group)
    made = (
        *_jamf(coverage, by_mdm.get("jamf", [])),
        *_kandji(coverage, by_mdm.get("kandji", [])),
        *_intune(coverage, by_mdm.get("intune", [])),
    )
    return tuple(made)


def preload_value(group: Group) -> str:
    """Return what the extension attribute says on the devices of a group."""
    return group.name.removeprefix("AIGateway ")


def _jamf(coverage: Coverage, groups: Sequence[Group]) -> Iterator[Table]:
    rows = [
        _preload(m.device, m.person, preload_value(g)) for g in groups for m in g.members if m.device.serial
    ]
    rows += _fixes(coverage)
    rest = [_preload(device, None, NO_ASSIGNMENT) for device in _without_group(coverage, groups)]
    _prove_single("jamf", (row[0] for row in (*rows, *rest)))
    if rows:
        yield _table("jamf", "inventory-preload.csv", PRELOAD_HEADER, rows)
    if rest:
        yield _table("jamf", "inventory-preload-none.csv", PRELOAD_HEADER, rest)
    if groups:
        yield _table("jamf", "smart-groups.csv", SMART_HEADER, _smart(groups))
    yield from _without_serial("jamf", groups)


def _fixes(coverage: Coverage) -> Iterator[tuple[str, ...]]:
    """Yield the rows that give devices which are not covered the address that they lack."""
    for verdict in coverage.verdicts:
        device, person = verdict.device, verdict.person
        if verdict.reason not in MENDED_BY_PRELOAD or device is None or device.mdm != "jamf":
            continue
        if device.serial and person is not None and person.left_out is None:
            row = _preload(device, person, "")
            if row[4]:
                yield row


def _preload(device: Device, person: Person | None, value: str) -> tuple[str, ...]:
    """Return a device's row; the address stands there only where Jamf has none of the person's."""
    if person is None or device.user_email.strip().lower() in (person.identity, *person.aliases):
        return (device.serial or "", "Computer", "", "", "", value)
    return (device.serial or "", "Computer", "", person.name or "", person.identity, value)


def _smart(groups: Sequence[Group]) -> Iterator[tuple[str, ...]]:
    """Yield the criteria: of the whole assignment, then of each ring."""
    by_assignment: dict[str, list[Group]] = {}
    for group in groups:
        by_assignment.setdefault(group.assignment, []).append(group)
    for assignment, parts in by_assignment.items():
        whole = group_of("jamf", assignment)
        for number, part in enumerate(parts):
            yield whole, ATTRIBUTE, "is", preload_value(part), "or" if number else ""
        for part in parts:
            if part.ring is not None:
                yield part.name, ATTRIBUTE, "is", preload_value(part), ""


def _kandji(coverage: Coverage, groups: Sequence[Group]) -> Iterator[Table]:
    rows = [(m.device.serial, g.name) for g in groups for m in g.members if m.device.serial]
    rest = [(device.serial or "",) for device in _without_group(coverage, groups)]
    _prove_single("kandji", (row[0] for row in (*rows, *rest)))
    if rows:
        yield _table("kandji", "tags.csv", TAGS_HEADER, rows)
    if rest:
        yield _table("kandji", "tags-none.csv", UNTAGGED_HEADER, rest)
    yield from _without_serial("kandji", groups)


def _without_group(coverage: Coverage, groups: Sequence[Group]) -> Iterator[Device]:
    """Yield the Macs of an MDM with groups that are in none of them.

    Not those that keep their key until a record is mended or they are back: their profile stays, too.
    """
    mdms = {group.mdm for group in groups}
    placed = {member.device.id for group in groups for member in group.members}
    for verdict in coverage.verdicts:
        device = verdict.device
        if device is None or verdict.kind != "device" or verdict.keeps:
            continue
        if device.mdm in mdms and device.platform == "macos" and device.serial and device.id not in placed:
            yield device


def _without_serial(mdm: Inventory, groups: Sequence[Group]) -> Iterator[Table]:
    rows = [_by_hand(m.device, g.name) for g in groups for m in g.members if not m.device.serial]
    if rows:
        yield _table(mdm, "by-hand.csv", BY_HAND_HEADER, rows)


def _intune(coverage: Coverage, groups: Sequence[Group]) -> Iterator[Table]:
    together = _people_in_one_group(coverage, groups)
    by_hand: list[tuple[str, ...]] = []
    users: list[str] = []
    for group in groups:
        ids: dict[str, None] = {}
        for device, person in group.members:
            object_id = together.get(person.identity) if person else None
            if object_id is None:
                by_hand.append(_by_hand(device, group.name))
            else:
                ids[object_id] = None
        users += ids
        if ids:
            rows = [(object_id,) for object_id in ids]
            name = f"group-members-{group.name}"
            yield _table("intune", f"{name}.csv", OBJECT_ID_HEADER, rows)
            yield _table("intune", f"{name}-classic.csv", CLASSIC_HEADER, [(CLASSIC_COLUMN,), *rows])
    _prove_single("intune", users)
    if users:
        yield Table(f"{FOLDER}/intune/README.txt", IMPORT_ONLY_ADDS, "intune")
    if by_hand:
        yield _table("intune", "by-hand.csv", BY_HAND_HEADER, by_hand)


def _people_in_one_group(coverage: Coverage, groups: Sequence[Group]) -> dict[str, str]:
    """Return object ids by identity, of people whose Intune computers are all in one and the same group."""
    group_by_device = {m.device.id: g.name for g in groups for m in g.members}
    only: dict[str, str | None] = {}  # None: some computer is in another group, or in none
    for verdict in coverage.verdicts:
        device = verdict.device
        if device is None or not _could_be_reached(verdict, device):
            continue
        if who := verdict.person.identity if verdict.person else device.owner:
            group = group_by_device.get(device.id)
            only[who] = group if only.get(who, group) == group else None
    people = (m.person for g in groups for m in g.members if m.person)
    return {p.identity: p.directory_id for p in people if p.directory_id and only[p.identity]}


def _could_be_reached(verdict: Verdict, device: Device) -> bool:
    """Whether a group of users would bring a profile onto this device of theirs."""
    in_intune = device.mdm == "intune" and (device.mdm, device.platform) in THROUGH_MDM
    return in_intune and verdict.reason not in UNREACHED


def _by_hand(device: Device, group: str) -> tuple[str, ...]:
    return (device.serial or "", device.name or "", device.directory_id or device.mdm_id or "", group)


def _table(mdm: Inventory, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    return Table(f"{FOLDER}/{mdm}/{name}", csv_bytes(header, rows), mdm)


def _prove_single(mdm: Inventory, members: Iterable[str]) -> None:
    seen: set[str] = set()
    for member in members:
        if member.upper() in seen:
            raise BrokenArtifact(f"{naming.shown(member)} would be in two groups of {mdm}")
        seen.add(member.upper())

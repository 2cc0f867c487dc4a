"""What explanations look up: a person's devices, the rules as they were asked, folders. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from typing import NamedTuple, assert_never

from provisioner import naming
from provisioner.assign import story
from provisioner.assign.model import Assignment, Choice, Coverage, RulesAt, Second, Verdict
from provisioner.assign.rules import Rules
from provisioner.assign.story import Subject, Tried
from provisioner.fleet import Fleet
from provisioner.render.destinations import Destination, destinations
from provisioner.roster.model import Entry, Roster

NO_DEVICE = "no device of the inventories is theirs"


class Decided(NamedTuple):
    """Everything that explanations draw on."""

    roster: Roster
    fleet: Fleet
    coverage: Coverage
    rules_at: RulesAt
    out: str
    """The output folder as the person knows it."""
    today: date


def with_devices(decided: Decided, verdict: Verdict) -> list[Verdict]:
    """Return a person's devices in place of the person, where there are some: they carry the artifacts."""
    if verdict.kind != "person":
        return [verdict]
    own = [v for v in decided.coverage.verdicts if v.kind == "device" and _is_of(v, verdict.id)]
    return own or [verdict]


def _is_of(verdict: Verdict, identity: str) -> bool:
    return verdict.device is not None and verdict.device.owner == identity


def group_files(roster: Roster, group: str) -> list[str]:
    """Return the member files that are called like a group."""
    lists = (s.file for s in roster.sources if s.preset == "entra-group-members")
    return [file for file in lists if PurePath(file).stem.casefold() == group.casefold()]


def tried(decided: Decided, verdict: Verdict) -> tuple[Tried, ...]:
    """Return every rule, held against whom a verdict is about."""
    return story.tried(decided.fleet, Subject(verdict.person, verdict.device, verdict.service))


def first_row(verdict: Verdict) -> Entry | None:
    """Return the row that came first, where one did."""
    if is_promoted(verdict) and verdict.person is not None:
        return next((row for row in verdict.person.rows if row.platform != "linux"), None)
    return verdict.choice.row if verdict.choice else None


def is_promoted(verdict: Verdict) -> bool:
    """Tell whether what came first reaches nobody, for want of a device, and a later key took its place."""
    return verdict.kind == "person" and verdict.status == "key-only" and verdict.detail.startswith(NO_DEVICE)


def outcome(decided: Decided, verdict: Verdict, matching: Sequence[Tried], at: int) -> str:
    """Return what came of one of the rules that match."""
    choice = verdict.choice
    if choice is None:
        return "matches"
    decides = choice.rule == at
    if is_promoted(verdict):
        key = f"{verdict.assignment} as a key only" if decides else ""
        if at == matching[0].at and first_row(verdict) is None:
            return "; ".join(told for told in (f"matches first, but {NO_DEVICE}", key) if told)
        if decides:
            return f"matches second, {key}"
    elif decides:
        return "wins"
    found = next((s for s in verdict.seconds if s.choice.rule == at), None)
    return (
        f"matches second, {second_told(decided, verdict, found)}"
        if found
        else "matches second, gives nothing more"
    )


def second_told(decided: Decided, verdict: Verdict, second: Second) -> str:
    """Return what a second match gives, or that it is skipped, and why where its rule would give a key."""
    if second.key_only:
        return f"{second.assignment} as a key only"
    why = _why_skipped(decided, verdict, second.choice)
    return f"{second.assignment} is skipped" + (f" ({why})" if why else "")


def _why_skipped(decided: Decided, verdict: Verdict, choice: Choice) -> str:
    rule = decided.fleet.assign[choice.rule] if choice.rule is not None else None
    if rule is not None and "key-only" not in (rule.second, rule.gives):
        return ""
    if choice.expires is not None and choice.expires <= decided.today:
        return f"over since {choice.expires}"
    if verdict.service is not None:
        return ""
    if verdict.person is None:
        return "the device is nobody's, and keys go to people"
    if verdict.device is not None and verdict.choice and verdict.choice.attribution == "device":
        return "many sit at the device, and keys go to people"
    _day, unclear = Rules(decided.fleet).ended(choice, verdict.person, None)
    if unclear:
        return f"its end is no certain day: {naming.shown(unclear)}"
    if choice.scope == "team":
        return "nobody unmanaged gets a shared key"
    if choice.expires is None:
        return "a key of somebody unmanaged must end"
    return "a key of somebody unmanaged needs a budget"


def assignment_called(decided: Decided, name: str | None) -> Assignment | None:
    """Return the assignment of a name; None where there is none."""
    return next((a for a in decided.coverage.assignments if a.name == name), None)


def folders(decided: Decided, assignment: Assignment, verdict: Verdict) -> list[str]:
    """Return where the artifacts for one device, person or service lie."""
    return [f"{decided.out}/{assignment.name}/{folder}/" for folder in _below(decided, assignment, verdict)]


def _below(decided: Decided, assignment: Assignment, verdict: Verdict) -> list[str]:
    match assignment.channel:
        case "files":
            return ["files"]
        case "image":
            return ["image"]
        case "handout":
            return ["handout"]
        case "mdm":
            ways = destinations(replace(assignment, members=(verdict,)), decided.fleet)
            return sorted({_folder(way) for way in ways})
        case _:
            assert_never(assignment.channel)


def _folder(way: Destination) -> str:
    return f"intune/{way.platform}" if way.mdm == "intune" else way.mdm

"""What explanations look up: a person's devices, the rules as they were asked, folders. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import NamedTuple, assert_never

from provisioner.assign import story
from provisioner.assign.model import Assignment, Coverage, RulesAt, Second, Verdict
from provisioner.assign.story import Subject, Tried
from provisioner.fleet import Fleet
from provisioner.render.destinations import Destination, destinations
from provisioner.render.reasons import MEANING
from provisioner.roster.model import Entry, Roster

NO_DEVICE = MEANING["NO_DEVICE"]


class Decided(NamedTuple):
    """Everything that explanations draw on."""

    roster: Roster
    fleet: Fleet
    coverage: Coverage
    rules_at: RulesAt
    out: str
    """The output folder as the person knows it."""


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
    first = verdict.passed_over or verdict.choice
    return first.row if first else None


def outcome(verdict: Verdict, at: int) -> str:
    """Return what came of one of the rules that match."""
    choice = verdict.choice
    if choice is None:
        return "matches"
    decides = choice.rule == at
    if verdict.passed_over is not None:
        key = f"{verdict.assignment} as a key only" if decides else ""
        if verdict.passed_over.rule == at:
            return "; ".join(told for told in (f"matches first, but {NO_DEVICE}", key) if told)
        if decides:
            return f"matches second, {key}"
    elif decides:
        return "wins"
    found = next((s for s in verdict.seconds if s.choice.rule == at), None)
    return f"matches second, {second_told(found)}" if found else "matches second, gives nothing more"


def second_told(second: Second) -> str:
    """Return what a second match gives, or that it is skipped, and why where its rule would give a key."""
    if second.key_only:
        return f"{second.assignment} as a key only"
    return f"{second.assignment} is skipped" + (f" ({second.why})" if second.why else "")


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

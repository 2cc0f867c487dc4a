"""The story of one person, device or service: rows, rules, devices, artifact, key, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import assert_never

from provisioner import naming
from provisioner.assign.model import Assignment, Second, Verdict
from provisioner.assign.story import Asked, Tried
from provisioner.render.reasons import MEANING, next_step
from provisioner.render.variables import ADDRESS
from provisioner.report.columns import counted, plain, table
from provisioner.report.decided import (
    NO_DEVICE,
    Decided,
    assignment_called,
    first_row,
    folders,
    group_files,
    outcome,
    second_told,
    tried,
    with_devices,
)
from provisioner.report.roster import by, named, numbered
from provisioner.roster.model import Device, Entry, Facts, Person, Roster

MISSED_MAX = 3
"""Rules before the winner that are told, from the winner upwards."""
Line = tuple[str, str]


def text(decided: Decided, verdict: Verdict, width: int) -> str:
    """Return the story of the one whom a verdict is about, a line each."""
    verdicts = with_devices(decided, verdict)
    parts = [[_headline(verdict)]]
    if verdict.person is not None:
        parts.append(_block("person", _person(decided.roster, verdict.person), width))
    if verdict.service is not None:
        owner = ("owner", verdict.service.owner)
        parts.append(
            _block("service", [("id", verdict.id), ("row", _row(verdict.service.row)), owner], width)
        )
    for one in verdicts:
        if one.device is not None:
            parts.append(_block("device", list(_device(one.device)), width))
        if one is not verdict:
            parts.append([_headline(one)])
        parts.append(_block("rules", list(_rules(decided, one)), width))
        parts.append(_block("gets", list(_gets(decided, one)), width))
    return "\n\n".join("\n".join(part) for part in parts if part)


def _headline(verdict: Verdict) -> str:
    return f"{plain(named(verdict))}: {_status(verdict)}"


def _status(verdict: Verdict) -> str:
    why = ": ".join(text for text in (verdict.reason or "", plain(verdict.detail)) if text)
    match verdict.status:
        case "assigned":
            return f"assigned to {verdict.assignment}"
        case "key-only":
            key = f"a key only, of {verdict.assignment}" if verdict.assignment else "a key only"
            return f"{key}: {why}" if why else key
        case "skipped":
            return f"skipped, {why}" if why else "skipped"
        case "not-covered":
            return f"not covered, {why}" if why else "not covered"
        case _:
            assert_never(verdict.status)


def _block(title: str, lines: Sequence[Line], width: int) -> list[str]:
    return [title, *table(lines, width)] if lines else []


def _person(roster: Roster, person: Person) -> list[Line]:
    name = f" ({person.name})" if person.name else ""
    lines = [("identity", f"{person.identity}{name}")]
    places = [row.place for row in person.rows]
    lines += [("row", str(person.place))] if person.place not in places else []
    lines += [("row", _row(row)) for row in person.rows]
    lines += [("aliases", ", ".join(person.aliases))] if person.aliases else []
    lines += [("directory id", person.directory_id)] if person.directory_id else []
    lines += [("facts", _facts(person.facts))] if person.facts else []
    lines += (
        [("groups", ", ".join(_group(roster, group) for group in person.groups))] if person.groups else []
    )
    left = person.left_out
    return lines + ([("left out", f"{left.reason}: {left.detail}")] if left else [])


def _row(row: Entry) -> str:
    ends = f", expires {row.expires}" if row.expires else ""
    return f"{row.place}: {row.team_display}, {row.env}{ends}"


def _facts(facts: Facts) -> str:
    return ", ".join(f'{name} "{value}"' for name, value in facts.items())


def _group(roster: Roster, group: str) -> str:
    files = group_files(roster, group)
    return f"{group} (in {' and '.join(files)})" if files else group


def _device(device: Device) -> Iterator[Line]:
    yield "id", f"{device.id} ({device.name})" if device.name else device.id
    yield "row", str(device.place)
    for row in device.rows:
        yield "row", _row(row)
    for place in device.also:
        yield "not chosen", f"{place}: another record of this device"
    seen = f"last seen {device.last_seen}" if device.last_seen else ""
    console = f"{device.mdm}:{device.mdm_id}" if device.mdm and device.mdm_id else device.mdm or ""
    managed = "managed" if device.managed else "not managed"
    told = (device.platform or "no computer", console, device.enrolment, managed, seen)
    yield "is", ", ".join(text for text in told if text)
    yield "person", device.owner or "nobody in the roster"
    if device.mdm:
        yield "MDM's address", device.user_email or "empty"
    if device.facts:
        yield "facts", _facts(device.facts)


def _rules(decided: Decided, verdict: Verdict) -> Iterator[Line]:
    if verdict.person is not None and verdict.person.left_out is not None:
        yield "none asked", "left out before any rule"
        return
    rules_at = decided.rules_at
    yield from _rows_first(verdict)
    missed, matching = _around(decided, verdict)
    if len(missed) > MISSED_MAX:
        yield (
            "before",
            f"{counted(len(missed) - MISSED_MAX, 'rule')} without a match; all of them: --format json",
        )
    for one in sorted((*missed[-MISSED_MAX:], *matching), key=attrgetter("at")):
        came = (
            f"{outcome(verdict, one.at)}: {_match(one)}" if one.matches else f"does not match: {_miss(one)}"
        )
        yield numbered(one.at, rules_at), came
    if verdict.choice is None and not decided.fleet.assign:
        yield "no rules", f"{plain(rules_at.file)} has no [[assign]]"


def _rows_first(verdict: Verdict) -> Iterator[Line]:
    """Yield what rows say, which go before all rules."""
    choice, row = verdict.choice, first_row(verdict)
    if row is None:
        return
    if verdict.passed_over is None:
        yield str(row.place), "decides: who or what a row names goes before all rules"
        return
    yield str(row.place), f"comes first, but {NO_DEVICE}"
    if choice is not None and choice.row is not None:
        yield str(choice.row.place), f"comes second, {verdict.assignment} as a key only"


def _around(decided: Decided, verdict: Verdict) -> tuple[list[Tried], list[Tried]]:
    """Return the rules that don't match, before the first that does and decides, and all that match."""
    asked = tried(decided, verdict)
    matching = [one for one in asked if one.matches]
    if first_row(verdict) is not None:
        return [], matching
    end = len(asked)
    if verdict.choice is not None and matching:
        end = matching[0].at
    return [one for one in asked[:end] if not one.matches], matching


def _match(tried: Tried) -> str:
    if not tried.asked:
        return "asks nothing"
    return "; ".join(_held(asked) for asked in tried.asked)


def _held(asked: Asked) -> str:
    fits = f" fits {_listed(asked.wanted)}" if asked.wanted and asked.wanted != (asked.by,) else ""
    becomes = f" is {asked.becomes}" if asked.becomes else ""
    return f'{asked.name} "{asked.by}"{fits}{becomes}'


def _miss(tried: Tried) -> str:
    asked = next(asked for asked in tried.asked if asked.by is None)
    has = f"is {_listed(asked.has)}" if asked.has else "is empty"
    return f"{asked.name} {has}, {asked.becomes or f'not {_listed(asked.wanted)}'}"


def _listed(texts: Iterable[str]) -> str:
    return " or ".join(f'"{text}"' for text in texts)


def _gets(decided: Decided, verdict: Verdict) -> Iterator[Line]:
    choice = verdict.choice
    assignment = assignment_called(decided, verdict.assignment)
    if verdict.status in ("assigned", "key-only") and choice is not None:
        written = f'team {choice.team} ("{choice.team_display}")' if choice.team_display else choice.team
        yield "assignment", f"{verdict.assignment}: {written}, env {choice.env}, profile {choice.profile}"
        if choice.ring is not None:
            yield "ring", str(choice.ring)
    if assignment is not None and verdict.status in ("assigned", "key-only"):
        if verdict.status == "assigned":
            yield "user", _attribution(verdict)
            yield (
                "artifact",
                ", ".join(folders(decided, assignment, verdict)) or "none: no MDM of the fleet file fits",
            )
        yield "key", _key(assignment)
    for second in verdict.seconds:
        yield "also", _second_key(decided, verdict, second)
    if (reason := verdict.reason) is not None:
        yield "why", MEANING[reason]
        yield "next step", next_step(reason, verdict.device.mdm if verdict.device else None)


def _attribution(verdict: Verdict) -> str:
    expected = verdict.expected
    match verdict.attribution:
        case "variable":
            mdm = verdict.device.mdm if verdict.device else None
            what = f"{ADDRESS[mdm]}, which {mdm} fills in" if mdm else "the MDM's variable for the address"
            return f"{what}; should arrive as {expected}"
        case "script":
            return f"a script on the device says who is signed in; should arrive as {expected}"
        case "key":
            return f"{expected}, by the key itself"
        case "device":
            return f"{expected}, written out: no person is named"
        case "none":
            return "nobody is named"
        case _:
            assert_never(verdict.attribution)


def _key(assignment: Assignment) -> str:
    if assignment.person:
        whose = "the person's own"
    elif assignment.service:
        whose = "its own"
    elif assignment.label and assignment.key_name == naming.key_name(assignment.name):
        whose = "the pool's own"
    else:
        whose = "the team's"
    ends = f", ends {assignment.expires_at:%Y-%m-%d}" if assignment.expires_at else ""
    return f"{assignment.key_name}, {whose}{ends}"


def _second_key(decided: Decided, verdict: Verdict, second: Second) -> str:
    assignment = assignment_called(decided, second.assignment) if second.key_only else None
    key = f": {_key(assignment)}" if assignment else ""
    return f"{second_told(second)}, by {by(second.choice, decided.rules_at)}{key}"

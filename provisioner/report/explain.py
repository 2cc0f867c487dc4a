"""The story of one person, device or service: rows, rules, devices, artifact, key, as text and JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, NamedTuple, assert_never

from provisioner.assign import story
from provisioner.assign.model import Assignment, Coverage, RulesAt, Second, Verdict
from provisioner.assign.story import Asked, Subject, Tried
from provisioner.fleet import Fleet
from provisioner.render.destinations import Destination, destinations
from provisioner.render.reasons import MEANING, next_step
from provisioner.render.variables import ADDRESS
from provisioner.report.columns import counted, plain, table
from provisioner.report.roster import by, named, numbered
from provisioner.roster.model import Device, Entry, Facts, Person, Roster

MISSED_MAX = 3
"""Rules before the winner that are told, from the winner upwards."""
Line = tuple[str, str]


class Decided(NamedTuple):
    """Everything that explanations draw on."""

    roster: Roster
    fleet: Fleet
    coverage: Coverage
    rules_at: RulesAt
    out: str
    """The output folder as the person knows it."""


def text(decided: Decided, verdict: Verdict, width: int) -> str:
    """Return the story of the one whom a verdict is about, a line each."""
    verdicts = _with_devices(decided, verdict)
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


def as_json(decided: Decided, verdict: Verdict) -> dict[str, Any]:
    """Return the same as values; every rule is in it."""
    return {
        "version": 1,
        "kind": "explain",
        "person": verdict.person and _person_json(decided.roster, verdict.person),
        "verdicts": [_verdict_json(decided, one) for one in _with_devices(decided, verdict)],
    }


def _with_devices(decided: Decided, verdict: Verdict) -> list[Verdict]:
    """Return a person's devices in place of the person, where there are some: they carry the artifacts."""
    if verdict.kind != "person":
        return [verdict]
    own = [v for v in decided.coverage.verdicts if v.kind == "device" and _is_of(v, verdict.id)]
    return own or [verdict]


def _is_of(verdict: Verdict, identity: str) -> bool:
    return verdict.device is not None and verdict.device.owner == identity


def _headline(verdict: Verdict) -> str:
    return f"{plain(named(verdict))}: {_status(verdict)}"


def _status(verdict: Verdict) -> str:
    why = ": ".join(text for text in (verdict.reason or "", plain(verdict.detail)) if text)
    match verdict.status:
        case "assigned":
            return f"assigned to {verdict.assignment}"
        case "key-only":
            return f"a key only, of {verdict.assignment}" if verdict.assignment else "a key only"
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
    files = _group_files(roster, group)
    return f"{group} ({', '.join(files)})" if files else group


def _group_files(roster: Roster, group: str) -> list[str]:
    """Return the member files that are called like a group."""
    lists = (s.file for s in roster.sources if s.preset == "entra-group-members")
    return [file for file in lists if PurePath(file).stem.casefold() == group.casefold()]


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
    choice, rules_at = verdict.choice, decided.rules_at
    if choice is not None and choice.rule is None:
        yield by(choice, rules_at), "decides: who or what a row names goes before all rules"
    missed, matching = _around(decided, verdict)
    if len(missed) > MISSED_MAX:
        yield (
            "before",
            f"{counted(len(missed) - MISSED_MAX, 'rule')} without a match; all of them: --format json",
        )
    for one in missed[-MISSED_MAX:]:
        yield numbered(one.at, rules_at), f"does not match: {_miss(one)}"
    for one in matching:
        yield numbered(one.at, rules_at), f"{_outcome(verdict, one.at)}: {_match(one)}"
    if choice is None and not decided.fleet.assign:
        yield "no rules", f"{plain(rules_at.file)} has no [[assign]]"


def _around(decided: Decided, verdict: Verdict) -> tuple[list[Tried], list[Tried]]:
    """Return the rules before the winner that don't match, and all that do."""
    tried = _tried(decided, verdict)
    winner = verdict.choice.rule if verdict.choice and verdict.choice.rule is not None else len(tried)
    named_already = verdict.choice is not None and verdict.choice.rule is None
    before = [] if named_already else [one for one in tried[:winner] if not one.matches]
    return before, [one for one in tried if one.matches]


def _tried(decided: Decided, verdict: Verdict) -> tuple[Tried, ...]:
    return story.tried(decided.fleet, Subject(verdict.person, verdict.device, verdict.service))


def _outcome(verdict: Verdict, index: int) -> str:
    if verdict.choice is None:
        return "matches"
    if verdict.choice.rule == index:
        return "wins"
    second = next((s for s in verdict.seconds if s.choice.rule == index), None)
    return f"matches second, {_second(second)}" if second else "matches second, gives nothing more"


def _second(second: Second) -> str:
    return f"{second.assignment} as a key only" if second.key_only else f"{second.assignment} is skipped"


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
    assignment = _assignment(decided, verdict.assignment)
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
                ", ".join(_folders(decided, assignment, verdict)) or "none: no MDM of the fleet file fits",
            )
        yield "key", _key(assignment)
    for second in verdict.seconds:
        yield "also", _second_key(decided, second)
    if (reason := verdict.reason) is not None:
        yield "why", MEANING[reason]
        yield "next step", next_step(reason, verdict.device.mdm if verdict.device else None)


def _assignment(decided: Decided, name: str | None) -> Assignment | None:
    return next((a for a in decided.coverage.assignments if a.name == name), None)


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


def _folders(decided: Decided, assignment: Assignment, verdict: Verdict) -> list[str]:
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


def _key(assignment: Assignment) -> str:
    whose = "the person's own" if assignment.person else "its own" if assignment.service else "the team's"
    ends = f", ends {assignment.expires_at:%Y-%m-%d}" if assignment.expires_at else ""
    return f"{assignment.key_name}, {whose}{ends}"


def _second_key(decided: Decided, second: Second) -> str:
    assignment = _assignment(decided, second.assignment) if second.key_only else None
    key = f": {_key(assignment)}" if assignment else ""
    return f"{_second(second)}, by {by(second.choice, decided.rules_at)}{key}"


def _person_json(roster: Roster, person: Person) -> dict[str, Any]:
    left = person.left_out
    return {
        "identity": person.identity,
        "name": person.name,
        "aliases": list(person.aliases),
        "directory_id": person.directory_id,
        "place": str(person.place),
        "rows": [_row_json(row) for row in person.rows],
        "facts": dict(person.facts),
        "groups": [{"name": group, "files": _group_files(roster, group)} for group in person.groups],
        "left_out": None if left is None else {"reason": left.reason, "detail": left.detail},
    }


def _row_json(row: Entry) -> dict[str, Any]:
    expires = str(row.expires) if row.expires else None
    return {"place": str(row.place), "team": row.team, "env": row.env, "expires": expires}


def _device_json(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "serial": device.serial,
        "name": device.name,
        "place": str(device.place),
        "rows": [_row_json(row) for row in device.rows],
        "not_chosen": [str(place) for place in device.also],
        "mdm": device.mdm,
        "mdm_id": f"{device.mdm}:{device.mdm_id}" if device.mdm_id else None,
        "directory_id": device.directory_id,
        "platform": device.platform,
        "enrolment": device.enrolment,
        "managed": device.managed,
        "last_seen": str(device.last_seen) if device.last_seen else None,
        "owner": device.owner,
        "user_email": device.user_email,
        "facts": dict(device.facts),
    }


def _verdict_json(decided: Decided, verdict: Verdict) -> dict[str, Any]:
    assignment = _assignment(decided, verdict.assignment)
    choice = verdict.choice
    return {
        "of": verdict.kind,
        "id": verdict.id,
        "place": str(verdict.place),
        "device": verdict.device and _device_json(verdict.device),
        "status": verdict.status,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "next_step": dict(_gets(decided, verdict)).get("next step"),
        "decided_by": by(choice, decided.rules_at),
        "assignment": verdict.assignment,
        "team": choice and choice.team,
        "env": choice and choice.env,
        "profile": choice and choice.profile,
        "ring": choice and choice.ring,
        "attribution": verdict.attribution,
        "user_expected": verdict.expected,
        "folders": _folders(decided, assignment, verdict)
        if assignment and verdict.status == "assigned"
        else [],
        "key": assignment and assignment.key_name,
        "key_ends": str(assignment.expires_at.date()) if assignment and assignment.expires_at else None,
        "seconds": [
            {"assignment": s.assignment, "key_only": s.key_only, "by": by(s.choice, decided.rules_at)}
            for s in verdict.seconds
        ],
        "rules": [
            {
                "rule": numbered(one.at, decided.rules_at),
                "outcome": _outcome(verdict, one.at) if one.matches else "does not match",
                "asked": [asked._asdict() for asked in one.asked],
            }
            for one in _tried(decided, verdict)
        ],
    }

"""A checked roster as text and JSON: who there is, who gets what, what was left out and why. Pure.

A plain file without rules is told in a few lines; exports and rules in sections, each list cut short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from provisioner.assign.model import Assignment, Choice, Coverage, Reason, RulesAt, Second, Status, Verdict
from provisioner.plan.counts import without_device, without_person
from provisioner.render.reasons import MEANING
from provisioner.report import problems
from provisioner.report.columns import counted, cut, hanging, joined, plain, table
from provisioner.roster.model import Roster, RowKind, SourceRead

LINES_MAX = 20
ALL_OF_THEM = "  ... and {} more; all of them: --format json"
NO_PROFILE = (
    "not covered by any profile: dev containers, remote SSH hosts, Codespaces,"
    " WSL unless it inherits Windows settings"
)
NO_VARIABLE: tuple[Reason, ...] = (
    "NO_EMAIL_IN_MDM",
    "EMAIL_NOT_IN_ROSTER",
    "EMAIL_OF_ANOTHER",
    "EMAIL_UNSAFE",
)
"""Why an MDM's variable would not say who sits at a device (rollout 3)."""
KINDS: dict[RowKind, tuple[str, str]] = {
    "person": ("person", "people"),
    "device": ("device", "devices"),
    "service": ("service", "services"),
}


def text(roster: Roster, coverage: Coverage, rules_at: RulesAt, width: int) -> str:
    """Return what the roster came to; the assignments stand last, or first where there is little else."""
    assignments, verdicts = coverage.assignments, coverage.verdicts
    if _is_simple(roster, coverage):
        parts = [[_head(roster, coverage)], _plain_table(assignments, width), _expired(roster)]
        parts += [["columns that nobody asked for: " + ", ".join(map(plain, roster.ignored_columns))]]
        return _joined(parts if roster.ignored_columns else parts[:-1])
    parts = [
        [_head(roster, coverage)],
        list(_sources(roster, width)),
        list(_statuses(verdicts, width)),
        list(_reasons(verdicts, width)),
        list(_listed("without a device", without_device(roster, verdicts), width)),
        list(_listed("without a person", without_person(verdicts), width)),
        list(_listed("where the MDM's variable would not name the person", _no_variable(verdicts), width)),
        list(_two_matches(verdicts, rules_at, width)),
        list(_unmapped(coverage, width)),
        _expired(roster),
        list(_notes(roster, width)),
        list(_assignments(assignments, width)),
        list(hanging("", NO_PROFILE, width)),
    ]
    return _joined(parts)


def as_json(roster: Roster, coverage: Coverage, rules_at: RulesAt) -> dict[str, Any]:
    """Return all of it, nothing cut."""
    verdicts = coverage.verdicts
    return {
        "version": 1,
        "kind": "roster",
        "file": roster.file,
        "tenant": roster.tenant,
        "people": len(roster.people),
        "devices": len(roster.devices),
        "services": len(roster.services),
        "rows": sum(source.records for source in roster.sources),
        "sources": [
            {
                "file": s.file,
                "preset": s.preset,
                "sha256": s.sha256,
                "records": s.records,
                "continuation_rows": s.blank_rows,
                "not_computers": s.not_computers,
                "ignored_columns": list(s.ignored_columns),
            }
            for s in roster.sources
        ],
        "statuses": [
            {"kind": kind, "status": status, "count": count}
            for (kind, status), count in Counter((v.kind, v.status) for v in verdicts).items()
        ],
        "reasons": [
            {"kind": kind, "status": status, "reason": reason, "count": count}
            for (kind, status, reason), count in _by_reason(verdicts)
        ],
        "no_device": [v.id for v in without_device(roster, verdicts)],
        "no_person": [v.id for v in without_person(verdicts)],
        "no_variable": [
            {"device": v.id, "reason": v.reason, "detail": v.detail, "place": str(v.place)}
            for v in _no_variable(verdicts)
        ],
        "two_matches": [
            {
                "kind": v.kind,
                "id": v.id,
                "won": {"assignment": v.assignment, "by": by(v.choice, rules_at)},
                "also": [
                    {"assignment": s.assignment, "by": by(s.choice, rules_at), "key_only": s.key_only}
                    for s in v.seconds
                ],
            }
            for v in _with_seconds(verdicts)
        ],
        "unmapped": [
            {"fact": fact, "text": text, "people": people}
            for fact, text, people in unmapped_by_frequency(coverage)
        ],
        "assignments": [
            {
                "name": a.name,
                "team": a.team,
                "env": a.env,
                "profile": a.policy.name,
                "devices_of": len(a.members),
                "devices": _devices(a),
                "people": _people(a),
                "key_only": len(a.key_only),
                "rings": [{"ring": ring, "count": count} for ring, count in _rings(a)],
            }
            for a in coverage.assignments
        ],
        "expired": [
            {"row": row.row, "email": row.email, "expires": str(row.expires)} for row in roster.expired
        ],
        "ignored_columns": list(roster.ignored_columns),
        "notes": [note._asdict() for note in roster.notes],
        "problems": problems.as_json(coverage.problems)["problems"],
    }


def by(choice: Choice | None, rules_at: RulesAt) -> str:
    """Return what decided: `rule 3, line 26`, or the row that says it by name: `org.csv, row 2`."""
    if choice is None:
        return "nothing"
    if choice.rule is None:
        return "its row" if choice.row is None else str(choice.row.place)
    return numbered(choice.rule, rules_at)


def numbered(rule: int, rules_at: RulesAt) -> str:
    """Return what people call a rule, by its index: `rule 3, line 26`."""
    line = f", line {rules_at.lines[rule]}" if rule < len(rules_at.lines) else ""
    return f"rule {rule + 1}{line}"


def unmapped_by_frequency(coverage: Coverage) -> list[tuple[str, str, int]]:
    """Return fact, text and number of people of all texts that map to no team, the most frequent first."""
    found = [(f, text, people) for f, texts in coverage.unmapped.items() for text, people in texts.items()]
    return sorted(found, key=lambda found: (found[0], -found[2], found[1]))


def _joined(parts: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(part) for part in parts if part)


def _is_simple(roster: Roster, coverage: Coverage) -> bool:
    """Tell whether there is nothing but plain rows, each of which says everything itself."""
    if roster.inventory or coverage.unmapped:
        return False
    return all(v.choice is not None and v.choice.rule is None for v in coverage.verdicts)


def _head(roster: Roster, coverage: Coverage) -> str:
    devices = len(roster.devices) if roster.inventory else 0  # those of plain rows are people's anyway
    counts = (len(roster.people), devices, len(roster.services))
    listed = zip(counts, KINDS.items(), strict=True)
    # What plain rows name as devices are theirs anyway.
    there = [
        counted(n, *words) for n, (kind, words) in listed if n and (kind != "device" or roster.inventory)
    ]
    problems = counted(len(coverage.problems), "problem") if coverage.problems else "no problems"
    return (
        f"{plain(roster.file)}: {problems}: {joined(there) or 'nobody'} of {roster.tenant} "
        f"in {counted(len(coverage.assignments), 'assignment')}"
    )


def _plain_table(assignments: Sequence[Assignment], width: int) -> list[str]:
    header = ("assignment", "devices of", "keys only", "profile", "team as written")
    rows = (
        (a.name, str(len(a.members)), str(len(a.key_only)), a.policy.name, a.team_display)
        for a in assignments
    )
    return list(table([header, *rows], width, indent=0))


def _expired(roster: Roster) -> list[str]:
    if not roster.expired:
        return []
    head = f"{counted(len(roster.expired), 'row')} left out, the date under expires has come:"
    lines = [f"  line {row.row}: {row.email} ({row.expires})" for row in roster.expired]
    return [head, *cut(lines, LINES_MAX, ALL_OF_THEM)]


def _notes(roster: Roster, width: int) -> Iterator[str]:
    if roster.notes:
        yield "worth knowing:"
        yield from table(((note.subject, note.message) for note in roster.notes[:LINES_MAX]), width)
    if len(roster.notes) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(roster.notes) - LINES_MAX:,}")


def _sources(roster: Roster, width: int) -> Iterator[str]:
    yield "read:"
    sources = _summed(roster.sources)
    rows = [
        (
            told,
            files[0].preset,
            f"{len(files):,}",
            f"{sum(s.records for s in files):,}",
            _or_none(sum(s.blank_rows for s in files)),
            _or_none(sum(s.not_computers for s in files)),
        )
        for told, files in sources[:LINES_MAX]
    ]
    header = ("file", "preset", "files", "records", "continuation rows", "not computers")
    yield from table([header, *rows], width)
    if len(sources) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(sources) - LINES_MAX:,}")
    if roster.ignored_columns:
        titles = [plain(title) for title in roster.ignored_columns]
        shown = ", ".join(titles[:LINES_MAX])
        more = f", and {len(titles) - LINES_MAX:,} more" if len(titles) > LINES_MAX else ""
        yield from hanging("  columns that nobody asked for: ", shown + more, width)


def _summed(sources: Sequence[SourceRead]) -> list[tuple[str, list[SourceRead]]]:
    """Return what each line tells of, and its files: those of groups by pattern, any other by itself."""
    lines: dict[tuple[str, bool], list[SourceRead]] = {}
    for source in sources:
        many = source.pattern if source.preset == "entra-group-members" else None
        lines.setdefault((many or source.file, many is not None), []).append(source)
    return [(files[0].file if len(files) == 1 else told, files) for (told, _many), files in lines.items()]


def _or_none(count: int) -> str:
    return f"{count:,}" if count else "-"


def _statuses(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    counts = Counter((v.kind, v.status) for v in verdicts)
    rows = [
        (KINDS[kind][1], *(f"{counts[kind, status]:,}" for status in get_args(Status)))
        for kind in KINDS
        if any(counts[kind, status] for status in get_args(Status))
    ]
    # The last column of a table is no number to `table`; an empty one keeps the counts to the right.
    yield from (
        line.rstrip()
        for line in table(
            [("who gets what", *get_args(Status), ""), *((*row, "") for row in rows)], width, indent=0
        )
    )


def _by_reason(verdicts: Sequence[Verdict]) -> list[tuple[tuple[RowKind, Status, Reason], int]]:
    counts = Counter((v.kind, v.status, v.reason) for v in verdicts if v.reason is not None)
    order = {kind: n for n, kind in enumerate(KINDS)}
    found = [((k, s, r), n) for (k, s, r), n in counts.items() if r is not None]
    return sorted(found, key=lambda found: (order[found[0][0]], found[0][1], -found[1], found[0][2]))


def _reasons(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    rows = [
        (f"{n:,}", KINDS[kind][n != 1], status, f"{reason}: {MEANING[reason]}")
        for (kind, status, reason), n in _by_reason(verdicts)
    ]
    if rows:
        yield "why not:"
        yield from table(rows, width)


def _no_variable(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if v.kind == "device" and v.reason in NO_VARIABLE]


def _listed(what: str, found: Sequence[Verdict], width: int) -> Iterator[str]:
    if not found:
        return
    one, many = KINDS[found[0].kind]
    yield f"{counted(len(found), one, many)} {what}:"
    rows = ((named(v), str(v.place), _why(v)) for v in found[:LINES_MAX])
    yield from table(rows, width)
    if len(found) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(found) - LINES_MAX:,}")


def named(verdict: Verdict) -> str:
    """Return what a person calls it: the id, and a device's name beside it."""
    name = verdict.device.name if verdict.device else None
    return f"{verdict.id} ({name})" if name else verdict.id


def _why(verdict: Verdict) -> str:
    """Return the reason, unless the list's heading says it, and the detail."""
    told = verdict.reason in (None, "NO_DEVICE", "NO_PERSON")
    return verdict.detail if told else f"{verdict.reason} {verdict.detail}".rstrip()


def _with_seconds(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return what several rules matched: a person once, not again with each device."""
    people = {v.id for v in verdicts if v.kind == "person" and v.seconds}
    return [
        v for v in verdicts if v.seconds and (v.kind != "device" or v.person is None or v.email not in people)
    ]


def _two_matches(verdicts: Sequence[Verdict], rules_at: RulesAt, width: int) -> Iterator[str]:
    found = _with_seconds(verdicts)
    if not found:
        return
    told = "matched more than one row or rule; rows go before rules, and the first rule wins:"
    yield from hanging("", f"{len(found):,} {told}", width)
    rows = (
        (
            v.id,
            v.assignment or "-",
            "; ".join((f"by {by(v.choice, rules_at)}", *(_second(s, rules_at) for s in v.seconds))),
        )
        for v in found[:LINES_MAX]
    )
    yield from table(rows, width)
    if len(found) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(found) - LINES_MAX:,}")


def _second(second: Second, rules_at: RulesAt) -> str:
    gives = "key only" if second.key_only else "skipped"
    return f"also {second.assignment} by {by(second.choice, rules_at)}: {gives}"


def _unmapped(coverage: Coverage, width: int) -> Iterator[str]:
    found = unmapped_by_frequency(coverage)
    if not found:
        return
    texts = counted(len(found), "text maps", "texts map")
    yield f"{texts} to no team; lines to paste: provision roster unmatched"
    rows = [(fact, f"{people:,}", text) for fact, text, people in found[:LINES_MAX]]
    yield from table([("fact", "people", "text"), *rows], width)
    if len(found) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(found) - LINES_MAX:,}")


def _assignments(assignments: Sequence[Assignment], width: int) -> Iterator[str]:
    header = ("assignment", "devices", "people", "keys only", "rings", "profile", "team as written")
    rows = (
        (
            a.name,
            f"{_devices(a):,}",
            f"{_people(a):,}",
            f"{len(a.key_only):,}",
            ", ".join(f"{'rest' if ring is None else ring}: {count:,}" for ring, count in _rings(a)) or "-",
            a.policy.name,
            a.team_display,
        )
        for a in assignments
    )
    yield from table([header, *rows], width, indent=0)


def _devices(assignment: Assignment) -> int:
    return sum(m.kind == "device" for m in assignment.members)


def _people(assignment: Assignment) -> int:
    return len({m.person.identity for m in assignment.members if m.person is not None})


def _rings(assignment: Assignment) -> list[tuple[int | None, int]]:
    """Return how many members each ring has; nothing where no rule names a ring."""
    counts = Counter(m.choice.ring if m.choice else None for m in assignment.members)
    if not counts.keys() - {None}:
        return []
    return sorted(counts.items(), key=lambda ring: (ring[0] is None, ring[0] or 0))

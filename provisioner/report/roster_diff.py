"""Two rosters' differences as text, JSON and CSV. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from provisioner.naming import assignment_name
from provisioner.render.cells import csv_bytes
from provisioner.report.columns import counted, cut, joined, plain, table
from provisioner.roster.diff import Change, Diff, Respelled, Standing

LINES_MAX = 20
CSV_HEADER = ("change", "person", "from", "to", "source")


def text(diff: Diff, width: int) -> str:
    """Return the counts, then a list of each kind, cut short."""
    old, new = plain(diff.old), plain(diff.new)
    same = counted(diff.same, "person or service", "people and services")
    if not diff:
        return f"no differences between {old} and {new}: {same}"
    counts = (
        (len(diff.joiners), "joiner", "joiners"),
        (len(diff.movers), "mover", "movers"),
        (len(diff.leavers), "leaver", "leavers"),
        (len(diff.teams), "renamed team", "renamed teams"),
        (len(diff.identities), "changed identity", "changed identities"),
    )
    told = joined([counted(count, one, many) for count, one, many in counts if count])
    lines = [f"from {old} to {new}: {told}; unchanged: {same}"]
    lines += _section("renamed teams", (f"{t.before} -> {t.after} ({t.people:,} people)" for t in diff.teams))
    lines += _section("changed identities", (f"{_how(i)}: {_names(i)}" for i in diff.identities))
    lines += _changes("joiners", [(c.person, _told(c.after), c.source) for c in diff.joiners], width)
    moves = [(c.person, f"{_told(c.before)} -> {_told(c.after)}", c.source) for c in diff.movers]
    lines += _changes("movers", moves, width)
    lines += _changes("leavers", [(c.person, _told(c.before), c.source) for c in diff.leavers], width)
    return "\n".join(lines)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = [f"  {plain(line)}" for line in lines]
    if told:
        yield from ("", title, *cut(told, LINES_MAX, "  ... and {} more"))


def _changes(title: str, rows: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    if rows:
        yield from ("", title)
        yield from table(rows[:LINES_MAX], width)
        if len(rows) > LINES_MAX:
            yield f"  ... and {len(rows) - LINES_MAX:,} more"


def as_json(diff: Diff) -> dict[str, Any]:
    """Return every difference."""
    return {
        "version": 1,
        "kind": "roster_diff",
        "old": diff.old,
        "new": diff.new,
        "same": diff.same,
        "joiners": [_change(change) for change in diff.joiners],
        "movers": [_change(change) for change in diff.movers],
        "leavers": [_change(change) for change in diff.leavers],
        "renamed_teams": [{"from": t.before, "to": t.after, "people": t.people} for t in diff.teams],
        "identities": [
            {"change": _how(i), "from": list(i.before), "to": list(i.after), "source": i.source}
            for i in diff.identities
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "person": change.person,
        "from": [standing._asdict() for standing in change.before],
        "to": [standing._asdict() for standing in change.after],
        "source": change.source,
    }


def as_csv(diff: Diff) -> bytes:
    """Return a row per difference; several names or assignments in one cell stand with blanks between."""
    rows: list[tuple[str, ...]] = []
    for kind, changes in (("joiner", diff.joiners), ("mover", diff.movers), ("leaver", diff.leavers)):
        rows += ((kind, c.person, _cell(c.before), _cell(c.after), c.source) for c in changes)
    rows += (("renamed-team", "", team.before, team.after, "") for team in diff.teams)
    rows += (
        (
            _how(i),
            (i.before if _how(i) == "split" else i.after)[0],
            " ".join(i.before),
            " ".join(i.after),
            i.source,
        )
        for i in diff.identities
    )
    return csv_bytes(CSV_HEADER, rows)


def _told(standings: Sequence[Standing]) -> str:
    return ", ".join(assignment_name(s.team, s.env) for s in standings) or "none"


def _cell(standings: Sequence[Standing]) -> str:
    return " ".join(assignment_name(s.team, s.env) for s in standings)


def _how(identity: Respelled) -> str:
    match len(identity.before) > 1, len(identity.after) > 1:
        case True, False:
            return "merged"
        case False, True:
            return "split"
        case True, True:
            return "regrouped"
        case _:
            return "respelled"


def _names(identity: Respelled) -> str:
    return f"{joined(identity.before)} -> {joined(identity.after)}"

"""A checked roster as text and JSON: how many people, which assignments, what was left out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.assign import Assignment
from provisioner.report.columns import counted, plain, table
from provisioner.roster.model import Roster


def text(roster: Roster, assignments: Sequence[Assignment], width: int) -> str:
    """Return a line per assignment, then what was left out or ignored."""
    people = len(roster.people)
    lines = [
        f"{plain(roster.file)}: no problems: {counted(people, 'person', 'people')} of {roster.tenant} "
        f"in {counted(len(assignments), 'assignment')}",
        "",
        *table(
            [
                ("assignment", "devices of", "keys only", "profile", "team as written"),
                *(
                    (a.name, str(len(a.members)), str(len(a.key_only)), a.policy.name, a.team_display)
                    for a in assignments
                ),
            ],
            width,
            indent=0,
        ),
    ]
    if roster.expired:
        lines += ["", f"{counted(len(roster.expired), 'row')} left out, the date under expires has come:"]
        lines += [f"  line {row.row}: {row.email} ({row.expires})" for row in roster.expired]
    if roster.ignored_columns:
        lines += ["", "columns that nobody asked for: " + ", ".join(map(plain, roster.ignored_columns))]
    return "\n".join(lines)


def as_json(roster: Roster, assignments: Sequence[Assignment]) -> dict[str, Any]:
    """Return the counts per assignment, and what was left out."""
    return {
        "version": 1,
        "kind": "roster",
        "file": roster.file,
        "tenant": roster.tenant,
        "people": len(roster.people),
        "rows": sum(source.records for source in roster.sources),
        "assignments": [
            {
                "name": a.name,
                "team": a.team,
                "env": a.env,
                "profile": a.policy.name,
                "devices_of": len(a.members),
                "key_only": len(a.key_only),
            }
            for a in assignments
        ],
        "expired": [
            {"row": row.row, "email": row.email, "expires": str(row.expires)} for row in roster.expired
        ],
        "ignored_columns": list(roster.ignored_columns),
    }

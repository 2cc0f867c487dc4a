"""Input problems for people, one line each, and for machines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.errors import Problem
from provisioner.report.columns import cut

LINES_MAX = 200


def text(problems: Sequence[Problem]) -> str:
    """Return a line per problem, by file and row: `org.csv:7: team: CODE: message "value" - what to do`."""
    lines = [_line(problem) for problem in sorted(problems, key=lambda p: (p.file, p.row or 0))]
    return "\n".join(cut(lines, LINES_MAX))


def _line(problem: Problem) -> str:
    line = str(problem)
    # A file name may hold letters of any language, but nothing that moves a terminal's cursor.
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def as_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return every problem, in the order given."""
    return {
        "version": 1,
        "kind": "problems",
        "problems": [
            {
                "file": p.file,
                "row": p.row,
                "column": p.column,
                "code": p.code,
                "message": p.message,
                "value": p.value,
                "fix": p.fix,
            }
            for p in problems
        ],
    }

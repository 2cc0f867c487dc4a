"""Collecting every problem of one file, bounded."""

from __future__ import annotations

from provisioner.errors import InputError, Problem
from provisioner.naming import shown
from provisioner.roster.text import Flaw

MAX_PROBLEMS = 10_000
"""How many are kept; the rest is counted, so that a hostile file can't fill the memory (T29)."""


class Problems:
    """The problems of one file, in the order they are found."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._kept: list[Problem] = []
        self._dropped = 0

    def add(
        self, flaw: Flaw, row: int | None = None, column: str | None = None, value: str | None = None
    ) -> None:
        """Keep one problem; `row` 0 is none, `value` is raw text and is escaped here."""
        if len(self._kept) >= MAX_PROBLEMS:
            self._dropped += 1
            return
        escaped = None if value is None else shown(value)
        self._kept.append(
            Problem(self._file, row or None, column, flaw.code, flaw.message, flaw.fix, escaped)
        )

    def __bool__(self) -> bool:
        return bool(self._kept)

    def error(self) -> InputError:
        """Return all problems as one error: those of the whole file first, then by row."""
        found = sorted(self._kept, key=lambda p: p.row or 0)
        if self._dropped:
            message = f"{self._dropped} further problems are not listed"
            fix = "mend the listed ones first; they may share one cause"
            found.append(Problem(self._file, None, None, "MORE_PROBLEMS", message, fix))
        return InputError(found)

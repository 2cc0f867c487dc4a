"""Cells out of the rows of an export: those that are wanted, in few steps per row. Pure.

The cells of a row are of two kinds: what is its own (addresses, ids), and what many rows share (a
status, a department), which is looked at once for each combination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Generic, TypeVar, cast

from provisioner.roster.header import Header
from provisioner.roster.model import Facts
from provisioner.roster.table import Row, Table

Cells = Callable[[list[str]], tuple[str, ...]]
R = TypeVar("R")


@dataclass(slots=True)
class Taken(Generic[R]):
    """What a file's rows came to."""

    records: list[R] = field(default_factory=list)
    blank_rows: int = 0
    not_people: int = 0
    not_computers: int = 0
    unknown: dict[tuple[str, str], int] = field(default_factory=dict)
    """Words that nobody can tell the meaning of, by field and text, with the first row."""


class Picking:
    """What to take out of the rows of one table."""

    def __init__(self, table: Table, header: Header) -> None:
        self._table = table
        self._header = header
        self._lacking = False
        """Whether a wanted column is not there."""
        self._same: dict[tuple[tuple[str, str], ...], Facts] = {}

    def own(self, *fields: str) -> Cells:
        """Return what takes the cells of these fields; empty ones for those that have no column."""
        return self._cells(map(self._column, fields))

    def others(self) -> Cells | None:
        """Return what takes the cells with further addresses; None where there is no such column."""
        return self._cells(self._header.others) if self._header.others else None

    def shared(self, *fields: str) -> Cells:
        """Return what takes the cells of these fields, and those of the facts behind them."""
        return self._cells([*map(self._column, fields), *self._header.facts.values()])

    def facts(self, cells: Sequence[str]) -> Facts:
        """Return the facts in their cells, as `shared` gives them; equal ones are one object."""
        said = {
            name: text
            for name, cell in zip(self._header.facts, cells, strict=False)
            if (text := cell.strip())
        }
        return self._same.setdefault(tuple(said.items()), said)

    def rows(self) -> Iterator[Row]:
        """Return the rows, for everything that was asked for before."""
        return self._padded() if self._lacking else self._table.rows

    def _padded(self) -> Iterator[Row]:
        for row in self._table.rows:
            row.cells.append("")  # what columns give that the file lacks
            yield row

    def _column(self, field: str) -> int:
        self._lacking |= field not in self._header.fields
        return self._header.fields.get(field, len(self._header.titles))

    def _cells(self, indexes: Iterable[int]) -> Cells:
        columns = tuple(indexes)
        # Of one column alone an itemgetter would give no tuple.
        return cast(Cells, itemgetter(*columns, *columns[:1]) if len(columns) == 1 else itemgetter(*columns))

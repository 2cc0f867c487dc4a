"""What every kind of table file becomes: a header, rows of cells, and the limits of both (T29)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from provisioner.roster.text import Flaw

MIB = 1024 * 1024
MAX_CELL = 4096
LONG_CELL = 131_072
"""The `Limits.cell` for exports, whose free text nobody reads; it is what the csv module takes at most."""

FEWER_COLUMNS = "export only the columns that are needed"
CHECK_EXPORT = "check the export that made the file"


class Row(NamedTuple):
    """One record: its place, as `Table.unit` counts it, and its cells as they stand."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and, lazily, the rows below it; a row that can't be read is a problem and left out.

    The rows can be taken once, while the stream is open and nobody else moves it.
    """

    header: Row
    """Number 1 or later; 0 where the file has no header line, as in JSON."""
    rows: Iterator[Row]
    """As many cells in each as in the header."""
    unit: Literal["row", "record"]
    """What `Row.number` counts from 1: lines of a text file or rows of a sheet, or JSON records."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most; what is larger is a problem, and memory stays flat."""

    text_bytes: int = 1024 * MIB
    workbook_bytes: int = 64 * MIB
    """Packed; what it may unpack to stands in `archive`."""
    json_bytes: int = 512 * MIB
    rows: int = 2_000_000
    columns: int = 256
    cell: int = MAX_CELL
    """Characters in one cell, `LONG_CELL` at most."""


def file_too_big(limit: int) -> Flaw:
    """Return the flaw of a file over a limit in bytes."""
    return Flaw("FILE_TOO_BIG", f"the file is larger than {limit // MIB} MiB", FEWER_COLUMNS)


def too_many_columns(count: int, limits: Limits) -> Flaw:
    """Return the flaw of a header with too many columns; `count` may be where counting ended."""
    message = f"the header has {count} columns, more than {limits.columns}"
    return Flaw("TOO_MANY_COLUMNS", message, FEWER_COLUMNS)


def too_many_rows(limits: Limits) -> Flaw:
    """Return the flaw of a table with too many rows."""
    return Flaw("TOO_MANY_ROWS", f"below the header are more than {limits.rows} rows", CHECK_EXPORT)


def cell_too_long(limits: Limits) -> Flaw:
    """Return the flaw of a cell over the limit."""
    return Flaw("CELL_TOO_LONG", f"a cell has more than {limits.cell} characters", "shorten it")


def empty() -> Flaw:
    """Return the flaw of a file without a header."""
    return Flaw("EMPTY_ROSTER", "the file is empty", "check the export that made it")

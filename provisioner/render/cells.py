"""CSV for people who open it in a spreadsheet: no cell may start a formula there (T12). Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from provisioner.policy.model import PlainTree

STARTERS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""What a spreadsheet takes for a formula's start (ASVS 1.2.10)."""
_SUSPECT = frozenset((*STARTERS, "'"))


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return UTF-8 CSV with LF line ends; a cell that would start a formula gets a leading apostrophe.

    So does one that would start a formula but for apostrophes of its own: every cell reads back.
    """
    out = _Lines()
    # Only with a carriage return in its line end does the module quote one in a cell (measured, 3.11).
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    # One look at the first character, not a call: these tables have millions of cells.
    writer.writerows([_inert(c) if c[:1] in _SUSPECT else c for c in row] for row in rows)
    return "".join([f"{line[:-2]}\n" for line in out.lines]).encode()


class _Lines:
    """Takes what the csv module writes: one row a call."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.write = self.lines.append


def read_csv(data: bytes) -> list[list[str]]:
    """Return header and rows as `csv_bytes` was given them."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    return [[c[1:] if c[:1] == "'" and _starts_formula(c) else c for c in row] for row in rows]


def write_table(tree: PlainTree) -> bytes:
    """Return the CSV of a tree that is a list of rows, the header first."""
    lists = [row for row in tree if isinstance(row, list)] if isinstance(tree, list) else []
    header, *rows = [[str(cell) for cell in row] for row in lists]
    return csv_bytes(header, rows)


def read_table(data: bytes) -> PlainTree:
    """Return the tree that `write_table` was given."""
    return [list(row) for row in read_csv(data)]


def _inert(cell: str) -> str:
    return f"'{cell}" if _starts_formula(cell) else cell


def _starts_formula(cell: str) -> bool:
    return cell.lstrip("'").startswith(STARTERS)

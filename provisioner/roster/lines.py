"""CSV: lines of text to rows of cells, as a stream, with line numbers: separator, quotes, limits (T29).

Nothing is held but the record being read, so memory stays flat however large the file is. At 100,000
people this is the tool's longest loop, so a sound export is read the quick way, by the csv module alone;
at the first thing that is odd the careful way goes on from there, and says what it is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import BinaryIO, TextIO

from provisioner.roster.encoding import Encoding, not_utf_16, nul_byte, reading, sound, undecodable
from provisioner.roster.problems import Problems
from provisioner.roster.rows import (
    CHECK_EXPORT,
    MAX_CELL,
    Limits,
    Row,
    Table,
    cell_too_long,
    empty,
    too_many_columns,
    too_many_rows,
)
from provisioner.roster.text import BLANK, Flaw

MAX_LINE = 256 * (2 * MAX_CELL + 3)
"""Characters in one record: 256 columns full, each character a doubled quote, in quotes, separated."""

SEPARATORS = ",;\t"

_LINE_END = re.compile(r"\r\n?|\n")


def read_lines(stream: BinaryIO, encoding: Encoding, problems: Problems, limits: Limits) -> Table | None:
    """Return the table in a CSV file; None when there is no reading on after the problems found."""
    quick = limits.cell >= csv.field_size_limit() and sound(stream, encoding)
    read = _quick if quick else _careful
    records = read(stream, encoding, problems, limits)
    header = next(records, None)
    if header is None:
        if not problems:
            problems.add(empty())
        return None
    width = len(header.cells)
    if width > limits.columns:
        problems.add(too_many_columns(width, limits))
        return None
    return Table(header, records, "row")


def _quick(stream: BinaryIO, encoding: Encoding, problems: Problems, limits: Limits) -> Iterator[Row]:
    """Yield the same as `_careful`, of text that `sound` has looked through."""
    separator = _separator(stream, encoding, limits)
    make = partial(tuple.__new__, Row)
    number, width, most = 1, 0, limits.rows
    held = 0  # characters of the record being read, which may go over many lines

    def lines(text: TextIO) -> Iterator[str]:
        nonlocal held
        for line in text:
            held += len(line)
            if held > MAX_LINE:
                raise _Stop(_line_too_long())
            yield line

    with reading(stream, replace(encoding, errors="strict")) as text:
        reader = csv.reader(lines(text), delimiter=separator, strict=True, skipinitialspace=True)
        try:
            for cells in reader:
                start, number = number, reader.line_num + 1
                held = 0
                if not (cells and cells[0].strip(BLANK)) and not "".join(cells).strip(BLANK):
                    continue
                width = width or len(cells)
                if len(cells) != width or start > most:
                    number = start
                    break
                yield make((start, cells))
            else:
                return
        except (csv.Error, UnicodeDecodeError):
            pass  # it stands behind the last record; the careful way comes to it, too
    yield from (row for row in _careful(stream, encoding, problems, limits) if row.number >= number)


def _careful(stream: BinaryIO, encoding: Encoding, problems: Problems, limits: Limits) -> Iterator[Row]:
    """Yield the header and the rows that fit it; blank ones are passed over.

    After a misplaced quote or an undecodable byte reading goes on with the next line; after a quote
    that never closes, a NUL, or past a limit, there is nothing left to read.
    """
    separator = _separator(stream, encoding, limits)
    longest = limits.cell
    begun: list[str] = []  # the lines of the record being read, to find where a quote opened
    number = 1  # of its first line
    width = count = spoiled = 0

    def lines(text: TextIO) -> Iterator[str]:
        """Yield lines with their ends (LF, CRLF or CR; no other character ends one)."""
        nonlocal spoiled
        size = 0
        while line := text.readline(MAX_LINE + 1):
            if "\0" in line:
                raise _Stop(nul_byte(), number + len(begun))
            size = size + len(line) if begun else len(line)
            if size > MAX_LINE:
                raise _Stop(_line_too_long(), number)
            if not line.isascii() and (flaw := undecodable(line, encoding)):
                problems.add(flaw, number + len(begun))
                spoiled = number
            begun.append(line)
            yield line

    with reading(stream, encoding) as text:
        reader = csv.reader(lines(text), delimiter=separator, strict=True, skipinitialspace=True)
        while True:
            try:
                for cells in reader:
                    start, number = number, reader.line_num + 1
                    long = len(begun) > 1 or len(begun[0]) > longest
                    begun.clear()
                    count += 1
                    if count > limits.rows + 1:
                        raise _Stop(too_many_rows(limits))
                    if not (cells and cells[0].strip(BLANK)) and not "".join(cells).strip(BLANK):
                        continue
                    if spoiled == start:
                        width = width or -1  # no header, no rows: only the flaws of lines are found
                    elif long and max(map(len, cells)) > longest:
                        problems.add(cell_too_long(limits), start)
                        width = width or -1
                    elif len(cells) == width or not width:
                        width = len(cells)
                        yield Row(start, cells)
                    elif width > 0:
                        problems.add(_unfitting(len(cells), width), start)
                return
            except _Stop as stop:
                problems.add(stop.flaw, stop.number)
                return
            except UnicodeDecodeError:
                problems.add(not_utf_16(), number + len(begun))
                return
            except csv.Error:
                flaw, lines_down = _broken(begun, separator, limits)
                problems.add(flaw, number + lines_down)
                if flaw.code == "UNCLOSED_QUOTE":
                    return
                number = reader.line_num + 1
                begun.clear()


class _Stop(csv.Error):
    """Nothing can be read from here on, for this flaw."""

    def __init__(self, flaw: Flaw, number: int | None = None) -> None:
        super().__init__(flaw.code)
        self.flaw = flaw
        self.number = number


def _separator(stream: BinaryIO, encoding: Encoding, limits: Limits) -> str:
    """Return the separator that the header line holds most of, outside quotes."""
    with reading(stream, encoding) as text:
        lines = islice(iter(partial(text.readline, MAX_LINE), ""), limits.rows)
        try:
            line = next((line for line in lines if line.strip("\r\n ")), "")
        except UnicodeDecodeError:
            line = ""
    header = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=header.count)


def _broken(begun: list[str], separator: str, limits: Limits) -> tuple[Flaw, int]:
    """Return what is wrong with a record that the csv module refused, and how many lines down."""
    opened = _open_quote("".join(begun), separator)
    if opened is not None:
        fix = 'close it; a quote inside a quoted cell is written twice ("")'
        return Flaw("UNCLOSED_QUOTE", "a quote opens on this line and is not closed", fix), opened
    if len(begun[-1]) > csv.field_size_limit():
        return cell_too_long(limits), 0
    fix = 'put the whole cell in quotes and write each quote inside it twice ("")'
    return Flaw("BAD_QUOTES", "text follows a closing quote", fix), 0


def _open_quote(record: str, separator: str) -> int | None:
    """Return how many lines into a broken record the quote opens that never closes, or None."""
    whole_cell = re.compile(
        rf' *(?:"(?:[^"]|"")*+"|[^"{separator}\r\n][^{separator}\r\n]*+)?(?:{separator}|\r\n?|\n)'
    )
    position = 0
    while found := whole_cell.match(record, position):
        position = found.end()
    if re.compile(r' *"(?:[^"]|"")*+\Z').match(record, position):
        return len(_LINE_END.findall(record, 0, position))
    return None


def _line_too_long() -> Flaw:
    return Flaw("LINE_TOO_LONG", f"the line has more than {MAX_LINE} characters", CHECK_EXPORT)


def _unfitting(count: int, width: int) -> Flaw:
    code = "ROW_TOO_SHORT" if count < width else "ROW_TOO_LONG"
    message = f"the row has {count} cells, the header {width}"
    fix = "give the row one cell for each column; put a cell that holds the separator in quotes"
    return Flaw(code, message, fix)

"""Bytes to a header and rows of cells, with line numbers: encoding, separator, quotes, limits (T29).

Knows nothing of what the columns mean. Rows come one at a time, so that memory stays near the
size of the text.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from provisioner.roster.problems import Problems
from provisioner.roster.text import BLANK, Flaw

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 256
MAX_CELL = 4096
"""Characters in one cell."""
MAX_LINE = MAX_COLUMNS * (2 * MAX_CELL + 3)
"""Characters in one line: every column full, each character a doubled quote, in quotes, separated."""

SEPARATORS = ",;\t"

_AS_CSV = "save it as CSV, in Excel: Save As, CSV UTF-8"
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"bplist00", "a binary property list"),
)
_MARKUP = (
    ("{\\rtf", "an RTF document", "in TextEdit choose Format, Make Plain Text, then save it as CSV"),
    ("<!doctype html", "a web page, perhaps a sign-in page instead of the export", _AS_CSV),
    ("<html", "a web page, perhaps a sign-in page instead of the export", _AS_CSV),
    ("<", "XML", _AS_CSV),
    ("{", "JSON", _AS_CSV),
    ("[", "JSON", _AS_CSV),
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line of the file where it starts (the first is 1), and its cells as they stand."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and, lazily, the rows below it; a row that can't be read is a problem and left out."""

    header: Row
    rows: Iterator[Row]


def read_table(data: bytes, problems: Problems) -> Table | None:
    """Return the table in `data`; None when there is no reading on after the problems found."""
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        problems.add(Flaw("FILE_TOO_BIG", message, "export only the columns that are needed"))
        return None
    text = _decode(data, problems)
    if text is None:
        return None
    records = _records(text, problems)
    header = next(records, None)
    if header is None:
        if not problems:
            problems.add(Flaw("EMPTY_ROSTER", "the file is empty", "check the export that made it"))
        return None
    width = len(header.cells)
    if width > MAX_COLUMNS:
        message = f"the header has {width} columns, more than {MAX_COLUMNS}"
        problems.add(Flaw("TOO_MANY_COLUMNS", message, "export only the columns that are needed"))
        return None
    if max(map(len, header.cells)) > MAX_CELL:
        problems.add(_cell_too_long(), header.number)
        return None
    return Table(header, _fitting(records, width, problems))


def _decode(data: bytes, problems: Problems) -> str | None:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            problems.add(Flaw("NOT_CSV", f"the file is {kind}", _AS_CSV))
            return None
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        problems.add(Flaw("UNDECODABLE", "the file is UTF-32", "save it as UTF-8"))
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, broken = "utf-16", "replace"
    else:
        encoding, broken = "utf-8-sig", "surrogateescape"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        _undecodable(data.decode(encoding, broken), problems)
        return None
    if "\0" in text:
        line = len(_LINE_END.findall(text, 0, text.index("\0"))) + 1
        fix = "save it as UTF-8; it may be UTF-16 without its byte order mark, or no text at all"
        problems.add(Flaw("NUL_BYTE", "the file holds NUL characters", fix), line)
        return None
    start = text[:256].lstrip().lower()
    for opening, kind, fix in _MARKUP:
        if start.startswith(opening):
            problems.add(Flaw("NOT_CSV", f"the file is {kind}", fix))
            return None
    return text


def _undecodable(text: str, problems: Problems) -> None:
    """Add a problem for each line with a byte that could not be decoded."""
    line, seen, reported = 1, 0, 0
    for found in re.finditer("[\udc80-\udcff\ufffd]", text):
        line += len(_LINE_END.findall(text, seen, found.start()))
        seen = found.start()
        if line == reported:
            continue
        reported = line
        code = ord(found.group())
        what = f"the byte 0x{code - 0xDC00:02X} is not UTF-8" if code < 0xE000 else "this is not UTF-16"
        fix = "save the file as UTF-8, in Excel: Save As, CSV UTF-8"
        problems.add(Flaw("UNDECODABLE", what, fix), line)


def _records(text: str, problems: Problems) -> Iterator[Row]:
    """Yield the records that are not blank, the header first.

    After a misplaced quote reading goes on with the next line; after a quote that never closes,
    or past a limit, there is nothing left to read.
    """
    separator = _separator(text)
    begun: list[str] = []  # the lines of the record being read, to find where a quote opened
    reader = csv.reader(_lines(text, begun), delimiter=separator, strict=True, skipinitialspace=True)
    count = 0
    while True:
        start = reader.line_num + 1
        begun.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _LineTooLong:
            message = f"the line has more than {MAX_LINE} characters"
            problems.add(Flaw("LINE_TOO_LONG", message, "check the export that made the file"), start)
            return
        except csv.Error:
            opened = _open_quote("".join(begun), separator)
            if opened is not None:
                fix = 'close it; a quote inside a quoted cell is written twice ("")'
                message = "a quote opens on this line and is not closed"
                problems.add(Flaw("UNCLOSED_QUOTE", message, fix), start + opened)
                return
            if len(begun[-1]) > csv.field_size_limit():
                problems.add(_cell_too_long(), start)
                continue
            fix = 'put the whole cell in quotes and write each quote inside it twice ("")'
            problems.add(Flaw("BAD_QUOTES", "text follows a closing quote", fix), start)
            continue
        count += 1
        if count > MAX_ROWS + 1:
            message = f"below the header are more than {MAX_ROWS} rows"
            problems.add(Flaw("TOO_MANY_ROWS", message, "check the export that made the file"))
            return
        if "".join(cells).strip(BLANK):
            yield Row(start, cells)


class _LineTooLong(csv.Error):
    """A line that no table within the limits can have."""


def _lines(text: str, begun: list[str]) -> Iterator[str]:
    """Yield the lines with their ends (LF, CRLF or CR; no other character ends one)."""
    for found in _LINE.finditer(text):
        if found.end() - found.start() > MAX_LINE:
            raise _LineTooLong
        line = found.group()
        begun.append(line)
        yield line


def _separator(text: str) -> str:
    """Return the separator that the header line holds most of, outside quotes."""
    line = _LINE.match(text.lstrip("\r\n ")[:MAX_LINE])
    header = re.sub(r'"[^"]*"', "", line.group()) if line else ""
    return max(SEPARATORS, key=header.count)


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


def _fitting(records: Iterator[Row], width: int, problems: Problems) -> Iterator[Row]:
    """Yield the rows that have as many cells as the header, none of them over the limit."""
    for row in records:
        if len(row.cells) != width:
            code = "ROW_TOO_SHORT" if len(row.cells) < width else "ROW_TOO_LONG"
            message = f"the row has {len(row.cells)} cells, the header {width}"
            fix = "give the row one cell for each column; put a cell that holds the separator in quotes"
            problems.add(Flaw(code, message, fix), row.number)
        elif max(map(len, row.cells)) > MAX_CELL:
            problems.add(_cell_too_long(), row.number)
        else:
            yield row


def _cell_too_long() -> Flaw:
    return Flaw("CELL_TOO_LONG", f"a cell has more than {MAX_CELL} characters", "shorten it")

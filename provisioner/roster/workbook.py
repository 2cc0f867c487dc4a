"""XLSX: the one sheet that holds something, to rows of cells as text (T12, T29).

openpyxl reads it, after `archive` has found it safe. Formulas are never evaluated and what Excel
cached of them is never trusted: a formula is a problem. Dates become ISO text, whole numbers lose
their ".0", empty cells at a row's end need not be there.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any, BinaryIO

from provisioner.naming import shown
from provisioner.roster.archive import Refused, Sips, broken, check_archive
from provisioner.roster.problems import Problems
from provisioner.roster.rows import Limits, Row, Table, cell_too_long, empty
from provisioner.roster.text import BLANK, Flaw

MAX_TOLD = 100
"""Cells that are told one by one; a column of formulas is one mistake."""
DIGITS = 10**15
"""From here on a spreadsheet's numbers have lost digits: it keeps 15."""
BATCH = 256

# openpyxl promises no exceptions of its own for what may be wrong in a file.
_BROKEN = (
    ArithmeticError, AttributeError, AssertionError, EOFError, LookupError, NotImplementedError, OSError,
    RecursionError, RuntimeError, SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_workbook(stream: BinaryIO, problems: Problems, limits: Limits) -> Table | None:
    """Return the table in an XLSX file; None when there is no reading on after the problems found."""
    import openpyxl  # here, because it takes longer to load than most tables to read

    try:
        width = check_archive(stream, limits) or 1
        with warnings.catch_warnings(action="ignore"):  # of what it leaves out: styles, validations
            workbook = openpyxl.load_workbook(Sips(stream), read_only=True, keep_links=False)
            visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
            filled = [sheet for sheet in visible if _holds_something(sheet, width)]
    except Refused as refused:
        problems.add(refused.flaw, refused.row)
        return None
    except _BROKEN as error:
        problems.add(broken(f"openpyxl stops with {type(error).__name__}"))
        return None
    if len(filled) > 1:
        named = ", ".join(shown(sheet.title, 40) for sheet in filled[:5]) + (", ..." if filled[5:] else "")
        message = f"{len(filled)} sheets hold something: {named}"
        problems.add(Flaw("SEVERAL_SHEETS", message, "keep the one that is meant; delete or hide the others"))
        return None
    rows = _rows(filled[0], width, problems, limits) if filled else iter(())
    header = next(rows, None)
    if header is None:
        if not problems:
            problems.add(empty())
        return None
    return Table(header, rows, "row")


def _holds_something(sheet: Any, width: int) -> bool:
    sheet.reset_dimensions()  # what the file says of its size need not be so
    rows = sheet.iter_rows(max_col=width, values_only=True)
    return any(str(value).strip(BLANK) for row in rows for value in row if value is not None)


def _rows(sheet: Any, columns: int, problems: Problems, limits: Limits) -> Iterator[Row]:
    """Yield the header and the rows below it; blank ones are passed over."""
    from openpyxl.utils import get_column_letter

    cells = sheet.iter_rows(max_col=columns)
    number = width = told = 0
    while True:
        try:
            with warnings.catch_warnings(action="ignore"):
                batch = list(islice(cells, BATCH))
        except _BROKEN as error:
            problems.add(broken(f"openpyxl stops with {type(error).__name__} below row {number}"))
            return
        if not batch:
            return
        for row in batch:
            number += 1
            texts = [_text(cell.value, cell.data_type, limits) for cell in row]
            flaws = [(index, text) for index, text in enumerate(texts) if isinstance(text, Flaw)]
            for index, flaw in flaws:
                told += 1
                if told <= MAX_TOLD:
                    problems.add(flaw, number, get_column_letter(index + 1))
            if flaws:
                if not width:
                    return  # without a header every row would be guessed at
                continue
            sound = [text for text in texts if isinstance(text, str)]
            while sound and not sound[-1].strip(BLANK):
                sound.pop()
            if not sound:
                continue
            width = width or len(sound)
            if len(sound) > width:
                message = (
                    f"there is a cell in column {get_column_letter(len(sound))}, where the header has none"
                )
                problems.add(Flaw("ROW_TOO_LONG", message, "name the column in the header"), number)
            else:
                yield Row(number, sound + [""] * (width - len(sound)))


def _text(value: Any, kind: str, limits: Limits) -> str | Flaw:
    """Return what a cell holds; `kind` is openpyxl's, so that text is told from what only looks like it."""
    if kind == "f":
        fix = "copy the sheet and paste it as values"
        return Flaw("FORMULA_CELL", "holds a formula, and formulas are not evaluated", fix)
    if kind == "e":
        return Flaw("ERROR_CELL", f"holds the error {shown(str(value), 20)}", "mend it, or clear the cell")
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) <= limits.cell else cell_too_long(limits)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _number(value: int | float) -> str | Flaw:
    if not -DIGITS < value < DIGITS:
        fix = "format the column as text and import the numbers again"
        return Flaw("NUMBER_LOST_DIGITS", "holds a number of more than 15 digits, which Excel cuts", fix)
    return str(int(value)) if value == int(value) else repr(value)

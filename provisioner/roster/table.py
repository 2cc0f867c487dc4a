"""A roster or export, as its first bytes tell what it is, to one form: a header and rows of cells (T29).

CSV in its kinds, XLSX, JSON. Nothing here knows what the columns mean. The stream is opened by the
caller; what a hostile file can cost is bounded before and while it is read.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from provisioner.roster.encoding import find_encoding
from provisioner.roster.lines import read_lines
from provisioner.roster.problems import Problems
from provisioner.roster.rows import LONG_CELL, Limits, Row, Table, file_too_big
from provisioner.roster.text import Flaw

__all__ = ["LONG_CELL", "MAX_BYTES", "Limits", "Row", "Table", "read_table"]

MAX_BYTES = 64 * 1024 * 1024
"""What a caller may hold in memory of a roster; streams may be larger, see `Limits`."""
_DEFAULT = Limits()
_AS_CSV = "save it as CSV, in Excel: Save As, CSV UTF-8"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"bplist00", "a binary property list"),
    (b"PK\x05\x06", "an empty ZIP archive"),
)
_MARKUP = (
    ("{\\rtf", "an RTF document", "in TextEdit choose Format, Make Plain Text, then save it as CSV"),
    ("<!doctype html", "a web page, perhaps a sign-in page instead of the export", _AS_CSV),
    ("<html", "a web page, perhaps a sign-in page instead of the export", _AS_CSV),
    ("<", "XML", _AS_CSV),
)


def read_table(stream: BinaryIO, problems: Problems, limits: Limits = _DEFAULT) -> Table | None:
    """Return the table in an open, seekable file; None when there is no reading on after the problems found.

    Text is CSV (comma, semicolon or tab) or JSON (an array of objects, JSON lines, or an object around
    one list of objects), in UTF-8 or, with a byte order mark, UTF-16. A ZIP archive is an XLSX
    workbook. Further problems are added while the rows are taken.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(1024)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            problems.add(Flaw("NOT_CSV", f"the file is {kind}", _AS_CSV))
            return None
    if head.startswith(b"PK\x03\x04"):
        # Imported here, because few files are workbooks and openpyxl takes a while to load.
        from provisioner.roster.workbook import read_workbook

        if _fits(size, limits.workbook_bytes, problems):
            return read_workbook(stream, problems, limits)
        return None
    encoding = find_encoding(head)
    if isinstance(encoding, Flaw):
        problems.add(encoding)
        return None
    start = head[encoding.start :].decode(encoding.codec, "replace").lstrip().lower()
    for opening, kind, fix in _MARKUP:
        if start.startswith(opening):
            problems.add(Flaw("NOT_CSV", f"the file is {kind}", fix))
            return None
    if start.startswith(("{", "[")):
        from provisioner.roster.document import read_document

        if _fits(size, limits.json_bytes, problems):
            return read_document(stream, encoding, problems, limits)
        return None
    if _fits(size, limits.text_bytes, problems):
        return read_lines(stream, encoding, problems, limits)
    return None


def _fits(size: int, limit: int, problems: Problems) -> bool:
    """Tell whether the file is small enough; looked up before a byte of it is read, holes included."""
    if size > limit:
        problems.add(file_too_big(limit))
    return size <= limit

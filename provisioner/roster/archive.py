"""Whether an XLSX file may be handed to a reader that trusts it: bombs of ZIP and XML are refused (T29).

A workbook is a ZIP archive of XML parts. openpyxl builds objects of every element it meets, reads
small parts whole, fills gaps in sheets, and drops rows that stand out of order. So each part is
unpacked and scanned here first, in small pieces: what it unpacks to, that it has no DTD (hence no
entities), how many elements stand between two rows, and where its rows and cells say they stand.
"""

from __future__ import annotations

import copy
import io
import re
import zipfile
import zlib
from typing import BinaryIO
from xml.parsers import expat

from provisioner.naming import shown
from provisioner.roster.rows import FEWER_COLUMNS, MIB, Limits, too_many_rows
from provisioner.roster.text import Flaw

MAX_SIP = MIB
"""Bytes read at once, thereby the size of the ZIP directory and of each small part, packed."""
MAX_PARTS = 2_000
LOCAL_HEADER = 30
"""Bytes before each part, at least."""
MAX_UNPACKED = 1024 * MIB
"""All parts together."""
MAX_SMALL_PART = 64 * MIB
"""A part that is no sheet, such as the shared strings, which openpyxl holds in memory."""
MAX_RATIO = 250
"""Unpacked to packed, for a part above `RATIO_FLOOR`; measured: a sheet of one repeated row packs 1 : 27."""
RATIO_FLOOR = 16 * MIB
MAX_STRINGS = 1_000_000
MAX_BETWEEN = 70_000
"""Elements between two rows or shared strings, or in a part without any; Excel has 65,530 links a sheet."""
MAX_ELEMENT = MIB
"""Bytes from one start tag to the next."""
MAX_SHEET_ROWS = 1_048_576
"""Excel's own limit."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _CELL, _STRING, _SHEET = (_MAIN + name for name in ("row", "c", "si", "worksheet"))
_CONTENT = frozenset(_MAIN + name for name in ("v", "is", "f"))
_COLUMN = re.compile(r"([A-Z]{1,3})[0-9]{1,7}\Z")
_ENCRYPTED = 0x1
_AS_CSV = "open it and save it again as an Excel workbook (.xlsx), or as CSV UTF-8"


class Refused(Exception):
    """The workbook can't be used, for this flaw, in this row of a sheet."""

    def __init__(self, flaw: Flaw, row: int | None = None) -> None:
        super().__init__(flaw.code)
        self.flaw = flaw
        self.row = row


class Sips:
    """A stream that gives `MAX_SIP` bytes at once, no more; zipfile reads a directory of any size whole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all that is left when negative; raise `Refused` for more than a sip."""
        data = self._stream.read(size if 0 <= size <= MAX_SIP else MAX_SIP + 1)
        if len(data) > MAX_SIP:
            raise Refused(bomb(f"a part or the directory has more than {MAX_SIP // MIB} MiB, packed"))
        return data


def check_archive(stream: BinaryIO, limits: Limits) -> int:
    """Return the number of columns of the widest sheet; raise `Refused` for a workbook that is not safe."""
    size = stream.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(Sips(stream)) as archive:
            _check_directory(archive, min(size, archive.start_dir))
            widest = 0
            for part in archive.infolist():
                widest = max(widest, _check_part(archive, part, limits))
            return widest
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise Refused(broken("its ZIP archive is damaged")) from error


def broken(what: str) -> Flaw:
    """Return the flaw of a workbook that is damaged."""
    return Flaw("WORKBOOK_BROKEN", f"the workbook can't be read: {what}", _AS_CSV)


def bomb(what: str) -> Flaw:
    """Return the flaw of an archive that is made to fill a memory or a disk."""
    return Flaw("ZIP_BOMB", f"the workbook is not unpacked: {what}", "don't open it; ask where it comes from")


def _check_directory(archive: zipfile.ZipFile, end: int) -> None:
    """Refuse by what the directory declares, before anything is unpacked."""
    parts = archive.infolist()
    if "[Content_Types].xml" not in archive.namelist():
        fix = "unpack it and give the CSV, XLSX or JSON file inside"
        raise Refused(Flaw("NOT_CSV", "the file is a ZIP archive, but no Excel workbook", fix))
    if len(parts) > MAX_PARTS:
        raise Refused(bomb(f"it has {len(parts)} parts"))
    if len(set(archive.namelist())) < len(parts):
        raise Refused(bomb("two parts have one name"))
    total = sum(part.file_size for part in parts)
    if total > MAX_UNPACKED:
        raise Refused(bomb(f"it would unpack to {total // MIB} MiB"))
    for part in sorted(parts, key=lambda part: part.header_offset, reverse=True):
        if part.header_offset + LOCAL_HEADER + part.compress_size > end:
            raise Refused(bomb("its parts overlap"))
        end = part.header_offset
        if part.flag_bits & _ENCRYPTED:
            raise Refused(broken("it is encrypted"))
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(broken("it is packed in a way that no workbook is"))
        if part.file_size > max(RATIO_FLOOR, MAX_RATIO * part.compress_size):
            raise Refused(bomb(f"{shown(part.filename, 40)} would unpack to {part.file_size // MIB} MiB"))


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, limits: Limits) -> int:
    """Unpack and scan one part; return the number of columns if it is a sheet."""
    probe = copy.copy(part)
    probe.file_size += 1  # zipfile stops there in silence, so one more tells of a part that has more;
    del probe.CRC  # which is not compared here, but when openpyxl reads the part
    scan = _Scan(part.filename, limits)
    size = 0
    with archive.open(probe) as content:
        while chunk := content.read(64 * 1024):
            size += len(chunk)
            scan.feed(chunk)
            if size > MAX_SMALL_PART and not scan.sheet:
                raise Refused(
                    _too_big(f"{shown(part.filename, 40)} has more than {MAX_SMALL_PART // MIB} MiB")
                )
    if size != part.file_size:
        raise Refused(bomb(f"{shown(part.filename, 40)} unpacks to another size than it says"))
    scan.close()
    return scan.widest


class _Scan:
    """Scans one part, if it is XML, as it comes."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.sheet = False
        self.widest = 0
        self._name = name
        self._limits = limits
        self._fed = self._last = 0  # bytes: given, and where the last start tag stands
        self._rows = self._between = 0
        self._row = self._column = 0
        self._started = False
        self._xml = True
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start

    def feed(self, chunk: bytes) -> None:
        """Scan the next piece."""
        self._parse(chunk, False)
        self._fed += len(chunk)
        if self._xml and self._fed - self._last > MAX_ELEMENT + len(chunk):
            self._element_too_big()

    def close(self) -> None:
        """Scan the end."""
        self._parse(b"", True)

    def _parse(self, chunk: bytes, final: bool) -> None:
        try:
            if self._xml:
                self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            if self._started:
                raise Refused(broken(f"{shown(self._name, 40)} is no XML")) from error
            self._xml = False  # a picture or the like; whoever would parse it as XML fails as we did

    def _doctype(self, *_declared: object) -> None:
        fix = "don't open it; ask where it comes from"
        message = f"the workbook's {shown(self._name, 40)} has a DTD, which could hold an entity bomb"
        raise Refused(Flaw("XML_DTD", message, fix))

    def _element_too_big(self) -> None:
        raise Refused(
            _too_big(f"an element of {shown(self._name, 40)} has more than {MAX_ELEMENT // MIB} MiB")
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        position = self._parser.CurrentByteIndex
        if position - self._last > MAX_ELEMENT:
            self._element_too_big()
        self._last = position
        self._between += 1
        if name == _CELL:
            self._start_cell(attributes.get("r"))
        elif name in _CONTENT:
            if self._column > self._limits.columns:
                message = f"there is a cell in column {self._column}, beyond {self._limits.columns}"
                raise Refused(Flaw("TOO_MANY_COLUMNS", message, FEWER_COLUMNS), self._row)
            self.widest = max(self.widest, self._column)
        elif name == _ROW:
            self._start_row(attributes.get("r"))
        elif name == _STRING:
            self._between = 0
            self._rows += 1
            if self._rows > MAX_STRINGS:
                raise Refused(_too_big(f"it has more than {MAX_STRINGS} different texts"))
        elif not self._started:
            self._started = True
            self.sheet = name == _SHEET
            if name.startswith("http://purl.oclc.org/ooxml/"):
                raise Refused(broken("it is in the form Strict Open XML"))
        if self._between > MAX_BETWEEN:
            raise Refused(
                _too_big(f"{shown(self._name, 40)} has more than {MAX_BETWEEN} elements that are no rows")
            )

    def _start_row(self, told: str | None) -> None:
        self._between = self._column = 0
        self._rows += 1
        if self._rows > self._limits.rows + 1:
            raise Refused(too_many_rows(self._limits))
        row = self._row + 1 if told is None else int(told) if told.isdecimal() and len(told) < 8 else 0
        if not self._row < row <= MAX_SHEET_ROWS:
            raise Refused(broken(f"after row {self._row} comes a row {shown(told or '', 20)}"))
        self._row = row

    def _start_cell(self, told: str | None) -> None:
        if told is None:
            self._column += 1
            return
        found = _COLUMN.match(told)
        column = 0
        for letter in found[1] if found else "":
            column = 26 * column + ord(letter) - 64
        if column <= self._column:
            raise Refused(broken(f"its cell {shown(told, 20)} is out of order"), self._row)
        self._column = column


def _too_big(what: str) -> Flaw:
    return Flaw("WORKBOOK_TOO_BIG", f"the workbook is too large to read: {what}", "save it as CSV UTF-8")

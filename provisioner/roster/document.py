"""JSON: an array of objects, JSON lines, or an object around one list, to rows of cells (T29).

Nested objects become dotted paths (`profile.department`), lists of scalars one cell joined by ", ",
null an empty cell; a list of objects has no column. Numbers stay as they are written, so that no
digit is lost. The text is read twice, for the paths and for the rows, one record at a time, so
memory stays flat. What is no JSON by its own rules (NaN, a key twice) is a problem, not a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, TextIO

from provisioner.naming import shown
from provisioner.roster.encoding import Encoding, not_utf_16, nul_byte, reading, undecodable
from provisioner.roster.problems import Problems
from provisioner.roster.rows import (
    CHECK_EXPORT,
    Limits,
    Row,
    Table,
    cell_too_long,
    empty,
    too_many_columns,
    too_many_rows,
)
from provisioner.roster.text import Flaw

MAX_RECORD = 1024 * 1024
"""Characters in one record, or in one value beside the list of records."""
MAX_DEPTH = 20
CHUNK = 256 * 1024

_SPACE = re.compile(r"[ \t\r\n]*")
_HALF = re.compile("[\ud800-\udfff]")
_Form = Literal["list", "lines", "envelope"]


def read_document(stream: BinaryIO, encoding: Encoding, problems: Problems, limits: Limits) -> Table | None:
    """Return the table in a JSON file; None when there is no reading on after the problems found.

    Every problem is added here, while the paths are collected. The header's number is 0.
    """
    paths: dict[str, None] = {}
    try:
        form = _form(stream, encoding)
        for _, cells in _records(stream, encoding, form, problems, limits):
            paths.update(dict.fromkeys(cells))
            if len(paths) > limits.columns:
                raise _Stop(too_many_columns(len(paths), limits))
    except _Stop as stop:
        problems.add(stop.flaw)
        return None
    if not paths:
        if not problems:
            problems.add(empty())
        return None
    return Table(Row(0, list(paths)), _rows(stream, encoding, form, tuple(paths), limits), "record")


class _Stop(Exception):
    """Nothing can be read from here on, for this flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.code)
        self.flaw = flaw


def _rows(
    stream: BinaryIO, encoding: Encoding, form: _Form, paths: tuple[str, ...], limits: Limits
) -> Iterator[Row]:
    told = Problems("")  # by the first reading
    for number, cells in _records(stream, encoding, form, told, limits):
        yield Row(number, [cells.get(path, "") for path in paths])


def _records(
    stream: BinaryIO, encoding: Encoding, form: _Form, problems: Problems, limits: Limits
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the cells of each sound record by path; raise `_Stop` where no other record can be found."""
    with reading(stream, encoding) as text:
        scanner = _Scanner(text, encoding)
        for number, value in enumerate(_values(scanner, form), start=1):
            if number > limits.rows:
                raise _Stop(too_many_rows(limits))
            if scanner.flaw:
                problems.add(scanner.flaw, number)
                continue
            if not isinstance(value, dict):
                problems.add(_no_records("holds something that is no object"), number)
                continue
            cells: dict[str, str] = {}
            flaw, path = _flatten(value, "", cells, 1) or _unsound(cells, limits) or (None, "")
            if flaw:
                problems.add(flaw, number, path and shown(path, 40))
            else:
                yield number, cells


def _form(stream: BinaryIO, encoding: Encoding) -> _Form:
    """Find out how the records are held; only an envelope may be larger than a record."""
    with reading(stream, encoding) as text:
        scanner = _Scanner(text, encoding)
        if scanner.peek() == "[":
            return "list"
        try:
            first = scanner.value()
        except _Stop as stop:
            if stop.flaw.code == "RECORD_TOO_BIG":
                return "envelope"
            raise
        if scanner.peek() or not isinstance(first, dict):
            return "lines"
        holds_objects = [v for v in first.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        return "envelope" if holds_objects else "lines"


def _values(scanner: _Scanner, form: _Form) -> Iterator[Any]:
    """Yield the values that should be records."""
    if form == "list":
        yield from _items(scanner)
    elif form == "envelope":
        yield from _enveloped(scanner)
    else:
        while scanner.peek():
            yield scanner.value()
    if scanner.peek():
        raise _Stop(scanner.broken("text follows the end"))


def _items(scanner: _Scanner) -> Iterator[Any]:
    """Yield the items of a list."""
    scanner.take("[")
    if scanner.took("]"):
        return
    yield scanner.value()
    while scanner.took(","):
        yield scanner.value()
    scanner.take("]")


def _enveloped(scanner: _Scanner) -> Iterator[Any]:
    """Yield the items of the one list of objects in an object, such as Microsoft Graph's `value`."""
    lists = 0
    scanner.take("{")
    while True:
        scanner.value()  # the key
        scanner.take(":")
        if scanner.at_list_of_objects():
            lists += 1
            if lists > 1:
                raise _Stop(_no_records("has several lists of objects"))
            yield from _items(scanner)
        else:
            scanner.value()
        if not scanner.took(","):
            break
    scanner.take("}")
    if not lists:
        raise _Stop(_no_records("has no list of objects"))


class _Scanner:
    """Takes one JSON value after the other from a text, holding little more than one."""

    def __init__(self, text: TextIO, encoding: Encoding) -> None:
        self._text = text
        self._encoding = encoding
        self._buffer = ""
        self._at = 0
        self._line = 1  # of the buffer's first character
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=str, parse_int=str, parse_constant=self._constant
        )
        self.flaw: Flaw | None = None
        """What makes the value taken last unsound, though its end was found."""

    def peek(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # matches nothing too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def took(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        found = self.peek() == sign
        self._at += found
        return found

    def take(self, sign: str) -> None:
        """Take a sign that must come next."""
        if not self.took(sign):
            raise _Stop(self.broken(f"{sign} is missing"))

    def at_list_of_objects(self) -> bool:
        """Tell whether a list comes next whose first item is an object."""
        if self.peek() != "[":
            return False
        while not (found := re.compile(r"\[[ \t\r\n]*([^ \t\r\n])").match(self._buffer, self._at)):
            self._bounded(len(self._buffer))
            if not self._more():
                return False
        return found[1] == "{"

    def value(self) -> Any:
        """Take a whole value; sets `flaw`."""
        self.peek()
        while True:
            self.flaw = None
            broken = None
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise _Stop(_too_deep()) from None
            except json.JSONDecodeError as error:
                end = len(self._buffer)
                broken = self.broken(error.msg[0].lower() + error.msg[1:], error.pos)
                # An error well before the end is none of the text being cut here.
                if error.pos < end - 16 and not error.msg.startswith("Unterminated"):
                    raise _Stop(broken) from None
            self._bounded(end)
            if end < len(self._buffer) and not broken:
                break
            start = self._at
            if not self._more():
                if broken:
                    raise _Stop(broken)
                end -= start
                break
        start, self._at = self._at, end
        self.flaw = undecodable(self._buffer[start:end], self._encoding) or self.flaw
        return value

    def broken(self, what: str, position: int | None = None) -> Flaw:
        """Return the flaw of text that is no JSON, with its line."""
        line = self._line + self._buffer.count("\n", 0, self._at if position is None else position)
        return Flaw("NOT_JSON", f"line {line} is no JSON: {what}", CHECK_EXPORT)

    def _bounded(self, end: int) -> None:
        if end - self._at > MAX_RECORD:
            message = f"a record or value has more than {MAX_RECORD} characters"
            raise _Stop(Flaw("RECORD_TOO_BIG", message, CHECK_EXPORT))

    def _more(self) -> bool:
        """Read on; forget what was taken."""
        try:
            chunk = self._text.read(CHUNK)
        except UnicodeDecodeError:
            raise _Stop(not_utf_16()) from None
        if "\0" in chunk:
            raise _Stop(nul_byte())
        self._line += self._buffer.count("\n", 0, self._at)
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self.flaw = _key_twice(key)
                seen.add(key)
        return found

    def _constant(self, name: str) -> None:
        self.flaw = Flaw("NOT_JSON", f"{name} is no JSON number", CHECK_EXPORT)


def _flatten(
    value: dict[str, Any], prefix: str, cells: dict[str, str], depth: int
) -> tuple[Flaw, str] | None:
    """Put the scalars of an object into `cells` by their dotted paths."""
    for key, item in value.items():
        path = prefix + key
        if isinstance(item, dict):
            if depth == MAX_DEPTH:
                return _too_deep(), path
            if flaw := _flatten(item, f"{path}.", cells, depth + 1):
                return flaw
            continue
        if isinstance(item, list):
            if any(isinstance(inner, dict | list) for inner in item):
                continue
            text = ", ".join(map(_text, item))
        else:
            text = _text(item)
        if path in cells:
            return _key_twice(path), path
        cells[path] = text
    return None


def _text(scalar: str | bool | None) -> str:
    if isinstance(scalar, str):
        return scalar
    return "" if scalar is None else str(scalar).lower()


def _unsound(cells: dict[str, str], limits: Limits) -> tuple[Flaw, str] | None:
    """Return what JSON can escape into a cell or a key and no other text could hold, or what is too long."""
    whole = "\n".join((*cells, *cells.values()))
    if whole.isascii() and "\0" not in whole and len(whole) <= limits.cell:
        return None
    for path, cell in cells.items():
        for text in (path, cell):
            if len(text) > limits.cell:
                return cell_too_long(limits), path
            if "\0" in text:
                return nul_byte(), path
            if _HALF.search(text):
                fix = "type the cell again with characters of a known script"
                return Flaw("UNASSIGNED_CHARACTER", "holds half a surrogate pair", fix), path
    return None


def _no_records(what: str) -> Flaw:
    fix = "export one list of objects, one for each person or device"
    return Flaw("NO_RECORDS", f"the JSON {what}", fix)


def _key_twice(key: str) -> Flaw:
    return Flaw("KEY_TWICE", f"the key {shown(key, 40)} stands twice in one object", CHECK_EXPORT)


def _too_deep() -> Flaw:
    return Flaw("TOO_DEEP", f"objects stand more than {MAX_DEPTH} deep in one another", CHECK_EXPORT)

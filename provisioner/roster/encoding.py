"""Bytes to characters, a little at a time: UTF-8 with or without a byte order mark, UTF-16 with one (T29).

A byte that can't be decoded becomes half a surrogate pair, which no sound text holds, so that the
reader can go on and say which line or record it stands in: `undecodable`.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from provisioner.roster.text import Flaw

CHUNK = 1024 * 1024
_HALF = re.compile("[\ud800-\udfff]")
_FIX = "save the file as UTF-8, in Excel: Save As, CSV UTF-8"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the text of one file is written."""

    codec: str
    errors: str
    start: int
    """The bytes before the text: UTF-8's byte order mark. UTF-16's is the codec's own affair."""


def find_encoding(head: bytes) -> Encoding | Flaw:
    """Return the encoding that a file's first bytes tell."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return Flaw("UNDECODABLE", "the file is UTF-32", "save it as UTF-8")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16", "surrogatepass", 0)
    return Encoding("utf-8", "surrogateescape", 3 if head.startswith(codecs.BOM_UTF8) else 0)


@contextmanager
def reading(stream: BinaryIO, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    """Read a stream as text from its start, line ends as they stand; the stream stays open.

    A UTF-16 file of an odd number of bytes raises `UnicodeDecodeError` at its end.
    """
    stream.seek(encoding.start)
    text = io.TextIOWrapper(stream, encoding.codec, encoding.errors, newline="")
    try:
        yield text
    finally:
        if not stream.closed:
            text.detach()  # or the wrapper would close the caller's stream with itself


def sound(stream: BinaryIO, encoding: Encoding) -> bool:
    """Tell whether a file is without NUL and without a line longer than two `CHUNK`s; never of UTF-16."""
    if encoding.codec != "utf-8":
        return False
    stream.seek(encoding.start)
    while chunk := stream.read(CHUNK):
        if b"\0" in chunk or (b"\n" not in chunk and len(chunk) == CHUNK):
            return False
    return True


def undecodable(text: str, encoding: Encoding) -> Flaw | None:
    """Return a flaw for text with a byte in it that could not be decoded."""
    if text.isascii():
        return None
    try:
        text.encode()  # faster than any search
    except UnicodeEncodeError:
        found = _HALF.search(text)
        byte = ord(found.group()) - 0xDC00 if found else 0
        if encoding.codec == "utf-8":
            return Flaw("UNDECODABLE", f"the byte 0x{byte:02X} is not UTF-8", _FIX)
        return not_utf_16()
    return None


def not_utf_16() -> Flaw:
    """Return the flaw of half a character in UTF-16."""
    return Flaw("UNDECODABLE", "this is not UTF-16", _FIX)


def nul_byte() -> Flaw:
    """Return the flaw of text with NUL characters."""
    fix = "save it as UTF-8; it may be UTF-16 without its byte order mark, or no text at all"
    return Flaw("NUL_BYTE", "the file holds NUL characters", fix)

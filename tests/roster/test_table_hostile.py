"""Files made to fill a memory or a disk: each is refused with a clear problem, in little memory."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.roster.archive import MAX_BETWEEN
from provisioner.roster.problems import Problems
from provisioner.roster.table import read_table
from tests.roster.workbooks import MAIN, PARTS, PEOPLE, SHEET, STRINGS, inline, sheet, workbook

ROOT = Path(__file__).parents[2]
GIB = 1024**3
MIB = 1024**2
PEAK = 160 * MIB
"""Resident at most, of which Python with openpyxl takes about 45."""

CHILD = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from provisioner.roster.problems import Problems
from provisioner.roster.table import Limits, read_table
problems = Problems("hostile")
with open(sys.argv[1], "rb") as stream:
    table = read_table(stream, problems, Limits(rows=200_000))
    rows = sum(1 for _ in table.rows) if table else 0
if sys.platform == "linux":  # where the other count starts with what the parent had
    peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = [[p.row, p.column, p.code] for p in problems.error().problems]
print(json.dumps({"found": found[:3], "rows": rows, "peak": peak}))
"""


def refused(path: Path) -> tuple[list[object], int]:
    """Read a file in a process of its own, which must stay small; return the first problem, and the rows."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["peak"] < PEAK, f"{said['peak'] // MIB} MiB"
    return said["found"][0], said["rows"]


# Text


def pieces(*repeated: tuple[bytes, int]) -> Iterator[bytes]:
    for piece, count in repeated:
        block = max(1, min(count, MIB // len(piece)))
        for _ in range(count // block):
            yield piece * block
        yield piece * (count % block)


def columns(count: int) -> bytes:
    return ",".join(f"column{n}" for n in range(count)).encode()


TEXTS: dict[str, tuple[Iterator[bytes], list[object], int]] = {
    "a line without end": (pieces((b"x,", 64 * MIB)), [1, None, "LINE_TOO_LONG"], 0),
    "a row without end": (pieces((b"a,b\n1,", 1), (b'"\n",', 32 * MIB)), [2, None, "LINE_TOO_LONG"], 0),
    "an open quote": (pieces((b'a,b\n1,2\n3,"', 1), (b"x\n", 64 * MIB)), [3, None, "UNCLOSED_QUOTE"], 1),
    "blank lines": (pieces((b"\n", 100 * MIB)), [None, None, "TOO_MANY_ROWS"], 0),
    "rows without end": (pieces((b"a,b\n", 1), (b"1,2\n", 200_005)), [None, None, "TOO_MANY_ROWS"], 200_000),
    "wrong rows without end": (pieces((b"a,b\n", 1), (b"1\n", 150_000)), [2, None, "ROW_TOO_SHORT"], 0),
    "100,000 columns": (iter([columns(100_000), b"\n1,2\n"]), [None, None, "TOO_MANY_COLUMNS"], 0),
    "a row of a million cells": (
        pieces((b"a,b\n1,2\n", 1), (b"x,", 1_000_000), (b"\n3,4\n", 1)),
        [3, None, "ROW_TOO_LONG"],
        2,
    ),
    "NUL for ever": (pieces((b"a,b\n1,2\n", 1), (b"\0", 64 * MIB)), [3, None, "NUL_BYTE"], 1),
    "UTF-16 without its mark": (iter(["a,b\n1,2\n".encode("utf-16-le")]), [1, None, "NUL_BYTE"], 0),
    "mixed encodings": (
        iter(["a,b\nZo\u00eb,2\n".encode(), "Zo\u00eb,2\n".encode("latin-1"), b"1,2\n"]),
        [3, None, "UNDECODABLE"],
        2,
    ),
    "UTF-8, then UTF-16": (
        iter([b"a,b\n1,2\n", "3,4\n".encode("utf-16-le")]),
        [3, None, "NUL_BYTE"],
        1,
    ),
    "undecodable for ever": (pieces((b"\xe9\n", 150_000)), [1, None, "UNDECODABLE"], 0),
    "JSON: nothing but brackets": (pieces((b"[", 64 * MIB)), [None, None, "TOO_DEEP"], 0),
    "JSON: nested objects": (pieces((b'{"a":', 10 * MIB)), [None, None, "TOO_DEEP"], 0),
    "JSON: a text without end": (
        pieces((b'[{"a":"', 1), (b"x", 100 * MIB)),
        [None, None, "RECORD_TOO_BIG"],
        0,
    ),
    "JSON: space without end": (pieces((b"[", 1), (b" ", 100 * MIB)), [None, None, "NOT_JSON"], 0),
    "JSON: a number without end": (
        pieces((b'[{"a":1', 1), (b"1", 10 * MIB)),
        [None, None, "RECORD_TOO_BIG"],
        0,
    ),
    "JSON: 100,000 columns": (
        iter([json.dumps([dict.fromkeys(columns(100_000).decode().split(","), 1)]).encode()]),
        [None, None, "RECORD_TOO_BIG"],
        0,
    ),
    "JSON: new columns in each record": (
        iter([b"\n".join(b'{"k%d":1}' % n for n in range(100_000))]),
        [None, None, "TOO_MANY_COLUMNS"],
        0,
    ),
    "JSON: records without end": (pieces((b'{"a":1}\n', 200_005)), [None, None, "TOO_MANY_ROWS"], 0),
    "JSON: one key again and again": (
        iter([b'[{"a":1', *[b',"a":1'] * 150_000, b"}]"]),
        [1, None, "KEY_TWICE"],
        0,
    ),
}


@pytest.mark.covers("T29")
@pytest.mark.parametrize("name", list(TEXTS))
def test_text_without_end_is_refused_in_flat_memory(name: str, tmp_path: Path) -> None:
    content, problem, rows = TEXTS[name]
    path = tmp_path / "hostile"
    with path.open("wb") as file:
        file.writelines(content)
    assert refused(path) == (problem, rows)


@pytest.mark.covers("T29")
@pytest.mark.parametrize("start", [b"email,team,env\n", b'[{"email":', b"PK\x03\x04"])
def test_ten_gigabytes_are_refused_before_they_are_read(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(10 * GIB)
    with path.open("rb") as stream:
        problems = Problems("sparse")
        assert read_table(stream, problems) is None
        assert stream.tell() <= 1024
    assert [p.code for p in problems.error().problems] == ["FILE_TOO_BIG"]


# ZIP


def deflated(content: Iterator[bytes]) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join([packer.compress(piece) for piece in content] + [packer.flush()])


def lying(parts: dict[str, tuple[bytes, int, int]]) -> bytes:
    """Return a workbook with parts, deflated already, that say of their size and sum what they like."""
    data = io.BytesIO(workbook(dict.fromkeys(parts)))
    with zipfile.ZipFile(data, "a") as archive:
        for name, (packed, size, crc) in parts.items():
            archive.writestr(name, packed, zipfile.ZIP_STORED)
            info = archive.getinfo(name)
            info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, size, crc
    return data.getvalue()


def honest_bomb() -> bytes:
    return workbook({SHEET: b"\0" * (100 * MIB)})


def bomb_in_small_print() -> bytes:
    """80 parts of 15 MiB each, so that none of them stands out."""
    content = b" " * (15 * MIB)
    part = deflated(iter([content])), len(content), zlib.crc32(content)
    return lying({f"xl/media/{n}.xml": part for n in range(80)})


def bomb_that_says_it_is_small() -> bytes:
    content = PEOPLE.encode()
    packed = deflated(iter([content, *[b" " * MIB] * 300]))
    return lying({SHEET: (packed, len(content), zlib.crc32(content))})


def bomb_that_says_it_is_a_small_style() -> bytes:
    """Of all parts one that openpyxl reads whole, which zipfile would unpack whole before it is cut."""
    content = PARTS["xl/styles.xml"].encode()
    packed = deflated(iter([content, *[b" " * MIB] * 300]))
    return lying({"xl/styles.xml": (packed, len(content), zlib.crc32(content))})


def ten_gigabytes_by_directory() -> bytes:
    content = PEOPLE.encode()
    return lying({SHEET: (deflated(iter([content])), 10 * GIB, zlib.crc32(content))})


def part_that_says_it_is_larger() -> bytes:
    content = PEOPLE.encode()
    return lying({SHEET: (deflated(iter([content])), len(content) + 5, zlib.crc32(content))})


def many_parts() -> bytes:
    return workbook({f"xl/{n}": b"" for n in range(5_000)})


def directory_of_megabytes() -> bytes:
    """A directory of 400,000 entries, which zipfile would read whole and keep as objects."""
    data = workbook()
    end = data.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", data[end + 16 : end + 20])[0]
    first = zipfile.ZipFile(io.BytesIO(data)).infolist()[0].filename
    entry = data[start : start + 46 + len(first)]
    directory = data[start:end] + entry * 400_000
    tail = bytearray(data[end:])
    tail[8:12] = struct.pack("<HH", 0xFFFE, 0xFFFE)
    tail[12:16] = struct.pack("<I", len(directory))
    return data[:start] + directory + bytes(tail)


def one_name_twice() -> bytes:
    data = io.BytesIO(workbook())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(data, "a") as archive:
        archive.writestr(SHEET, sheet(""))
    return data.getvalue()


def overlapping_parts() -> bytes:
    data = io.BytesIO(workbook())
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/media/image1.png", b"")
        archive.getinfo("xl/media/image1.png").header_offset = archive.getinfo(SHEET).header_offset
    return data.getvalue()


def encrypted_part() -> bytes:
    data = io.BytesIO(workbook())
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/media/image1.png", b"")
        archive.getinfo("xl/media/image1.png").flag_bits |= 1
    return data.getvalue()


def packed_by_lzma() -> bytes:
    data = io.BytesIO(workbook())
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/media/image1.png", b"\0" * (10 * MIB), zipfile.ZIP_LZMA)
    return data.getvalue()


def cut_short() -> bytes:
    return workbook()[:-40]


def wrong_sum() -> bytes:
    content = PEOPLE.encode()
    return lying({SHEET: (deflated(iter([content])), len(content), zlib.crc32(content) ^ 1)})


def no_workbook() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("org.csv", "email,team,env\n")
    return data.getvalue()


ARCHIVES: dict[Callable[[], bytes], str] = {
    honest_bomb: "ZIP_BOMB",
    bomb_in_small_print: "ZIP_BOMB",
    bomb_that_says_it_is_small: "ZIP_BOMB",
    bomb_that_says_it_is_a_small_style: "ZIP_BOMB",
    ten_gigabytes_by_directory: "ZIP_BOMB",
    part_that_says_it_is_larger: "ZIP_BOMB",
    many_parts: "ZIP_BOMB",
    directory_of_megabytes: "ZIP_BOMB",
    one_name_twice: "ZIP_BOMB",
    overlapping_parts: "ZIP_BOMB",
    encrypted_part: "WORKBOOK_BROKEN",
    packed_by_lzma: "WORKBOOK_BROKEN",
    cut_short: "WORKBOOK_BROKEN",
    wrong_sum: "WORKBOOK_BROKEN",
    no_workbook: "NOT_CSV",
}


@pytest.mark.covers("T29")
@pytest.mark.parametrize("made", list(ARCHIVES), ids=lambda made: made.__name__)
def test_hostile_archives_are_refused_in_flat_memory(made: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(made())
    problem, rows = refused(path)
    assert (problem, rows) == ([None, None, ARCHIVES[made]], 0)


# XML


def laughs(root: str, encoding: str = "utf-8") -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]>{root.replace(">", ">&l9;", 1)}'
    return f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)


@pytest.mark.covers("T29")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("part", [*PARTS, "docProps/core.xml", "xl/theme/theme1.xml", "xl/evil.bin"])
def test_entity_bombs_are_refused_in_every_part(part: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(workbook({part: laughs(PARTS.get(part, "<x></x>"), encoding)}))
    if encoding == "utf-16" or part in (SHEET, STRINGS):
        problem, _ = refused(path)
    else:  # one process for the parts that differ in how openpyxl reads them is enough
        problems = Problems("hostile")
        with path.open("rb") as stream:
            assert read_table(stream, problems) is None
        problem = [None, None, problems.error().problems[0].code]
    assert problem == [None, None, "XML_DTD"]


@pytest.mark.covers("T29")
def test_a_dtd_that_names_a_file_or_an_address_is_refused() -> None:
    for dtd in (
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    ):
        problems = Problems("hostile")
        assert read_table(io.BytesIO(workbook({SHEET: dtd + PEOPLE})), problems) is None
        assert [p.code for p in problems.error().problems] == ["XML_DTD"]


def styles(count: int) -> str:
    return f'<styleSheet xmlns="{MAIN}"><cellXfs>{"<xf/>" * count}</cellXfs></styleSheet>'


HEAD = f'<row r="1">{inline("A1", "a")}</row>'
SHEETS: dict[str, tuple[Callable[[], dict[str, str]], list[object]]] = {
    "elements without end": (lambda: {SHEET: sheet("<x/>" * 8_000_000)}, [None, None, "ZIP_BOMB"]),
    "elements beside the rows": (
        lambda: {SHEET: sheet(HEAD).replace("</worksheet>", "<x/>" * 1_000_000 + "</worksheet>")},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "styles": (
        lambda: {"xl/styles.xml": styles(500_000)},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "as many styles as pass": (
        lambda: {"xl/styles.xml": styles(MAX_BETWEEN - 5), SHEET: sheet("")},
        [None, None, "EMPTY_ROSTER"],
    ),
    "shared strings": (
        lambda: {STRINGS: f'<sst xmlns="{MAIN}">{"<si/>" * 1_000_005}</sst>'},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "rows": (lambda: {SHEET: sheet("<row/>" * 200_005)}, [None, None, "TOO_MANY_ROWS"]),
    "blank rows": (lambda: {SHEET: sheet("<row/>" * 200_000)}, [None, None, "EMPTY_ROSTER"]),
    "100,000 cells": (
        lambda: {SHEET: sheet(f"<row>{'<c><v>1</v></c>' * 100_000}</row>")},
        [1, None, "TOO_MANY_COLUMNS"],
    ),
    "100,000 empty cells": (
        lambda: {SHEET: sheet(f"<row>{'<c/>' * 100_000}</row>")},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "a cell far to the right": (
        lambda: {SHEET: sheet(f'<row r="1">{inline("ZZZ1", "a")}</row>')},
        [1, None, "TOO_MANY_COLUMNS"],
    ),
    "a column that is none": (
        lambda: {SHEET: sheet(f'<row r="1">{inline("ZZZZZ1", "a")}</row>')},
        [1, None, "WORKBOOK_BROKEN"],
    ),
    "a row far below": (
        lambda: {SHEET: sheet(HEAD + '<row r="2000000000"/>')},
        [None, None, "WORKBOOK_BROKEN"],
    ),
    "a row number in words": (lambda: {SHEET: sheet('<row r="1e3"/>')}, [None, None, "WORKBOOK_BROKEN"]),
    "a row above the last": (lambda: {SHEET: sheet(HEAD + HEAD)}, [None, None, "WORKBOOK_BROKEN"]),
    "a cell left of the last": (
        lambda: {SHEET: sheet(f'<row r="1">{inline("B1", "a")}{inline("A1", "b")}</row>')},
        [1, None, "WORKBOOK_BROKEN"],
    ),
    "an attribute without end": (
        lambda: {SHEET: sheet(f'<row x="{"ab" * 5 * MIB}"/>')},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "a text without end": (
        lambda: {SHEET: sheet(f'<row r="1">{inline("A1", "ab" * 5 * MIB)}</row>')},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "a comment without end": (
        lambda: {SHEET: f"<!--{'ab' * 5 * MIB}-->{PEOPLE}"},
        [None, None, "WORKBOOK_TOO_BIG"],
    ),
    "a text that is not there": (
        lambda: {SHEET: sheet('<row><c t="s"><v>7</v></c></row>')},
        [None, None, "WORKBOOK_BROKEN"],
    ),
    "no XML": (lambda: {SHEET: PEOPLE[:-9]}, [None, None, "WORKBOOK_BROKEN"]),
    "strict": (
        lambda: {
            "xl/workbook.xml": PARTS["xl/workbook.xml"].replace(
                MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"
            )
        },
        [None, None, "WORKBOOK_BROKEN"],
    ),
}


@pytest.mark.covers("T29")
@pytest.mark.parametrize("name", list(SHEETS))
def test_hostile_sheets_are_refused_in_flat_memory(name: str, tmp_path: Path) -> None:
    make, problem = SHEETS[name]
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(workbook(make()))
    assert refused(path) == (problem, 0)

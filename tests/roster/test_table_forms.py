"""One table in every form gives the same header and rows; what each form has of its own."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as time_of_day

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Problem
from provisioner.roster.problems import Problems
from provisioner.roster.rows import LONG_CELL
from provisioner.roster.table import Limits, Row, read_table
from tests.roster.workbooks import PARTS, SHEET, inline, sheet, workbook

Found = tuple[list[str] | None, list[Row], list[tuple[int | None, str | None, str]]]


def read(
    data: bytes | str, limits: Limits | None = None
) -> tuple[list[str] | None, list[Row], list[Problem]]:
    problems = Problems("table")
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    table = read_table(stream, problems, limits or Limits())
    rows = list(table.rows) if table else []
    assert not stream.closed
    return table.header.cells if table else None, rows, list(problems.error().problems)


def found(data: bytes | str, limits: Limits | None = None) -> Found:
    header, rows, problems = read(data, limits)
    return header, rows, [(p.row, p.column, p.code) for p in problems]


def sheets(*contents: tuple[str, list[list[object]]], hidden: str = "") -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in contents:
        made = book.create_sheet(title)
        for row in rows:
            made.append(row)
        if title == hidden:
            made.sheet_state = "hidden"
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def one_sheet(*rows: list[object]) -> bytes:
    return sheets(("People", list(rows)))


# Every form

Lines = list[list[str]]
BOMS = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def as_csv(separator: str, encoding: str) -> Callable[[Lines], bytes]:
    def write(lines: Lines) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=separator).writerows(lines)
        return BOMS[encoding] + text.getvalue().encode(encoding)

    return write


def records(lines: Lines) -> list[dict[str, str]]:
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def as_json_lines(lines: Lines) -> bytes:
    return b"\n".join(json.dumps(record).encode() for record in records(lines))


def as_envelope(lines: Lines) -> bytes:
    return json.dumps({"@odata.context": "x", "@odata.count": 2, "value": records(lines)}).encode("utf-8-sig")


FORMS: dict[str, Callable[[Lines], bytes]] = {
    **{f"{s!r} {e}": as_csv(s, e) for s in ",;\t" for e in BOMS},
    "xlsx": lambda lines: one_sheet(*[list[object](line) for line in lines]),
    "json": lambda lines: json.dumps(records(lines), ensure_ascii=False).encode(),
    "json, indented, UTF-16": lambda lines: json.dumps(records(lines), indent=2).encode("utf-16"),
    "json lines": as_json_lines,
    "json in an envelope": as_envelope,
}

# No cell that one form can't hold: leading spaces in CSV, controls and formulas in XLSX.
cells = st.text("abcXYZ019 ,;\"'\u00eb\u5c71\U0001f600", max_size=8).map(str.strip)
tables = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(st.text("abcdefgh", min_size=1), min_size=width, max_size=width, unique=True),
        st.lists(
            st.tuples(
                st.text("xyz", min_size=1), st.lists(cells, min_size=width - 1, max_size=width - 1)
            ).map(lambda parts: [parts[0], *parts[1]]),
            min_size=1,
            max_size=6,
        ),
    ).map(lambda parts: [parts[0], *parts[1]])
)


@pytest.mark.covers("T29")
@pytest.mark.parametrize("form", list(FORMS))
@given(lines=tables)
def test_every_form_gives_the_same_table(form: str, lines: Lines) -> None:
    header, rows, problems = found(FORMS[form](lines))
    assert (header, [row.cells for row in rows], problems) == (lines[0], lines[1:], [])
    first = 1 if form.startswith("json") else 2
    assert [row.number for row in rows] == list(range(first, first + len(rows)))


@pytest.mark.parametrize(
    ("data", "unit"),
    [("a\n1\n", "row"), ('[{"a":1}]', "record"), (workbook(), "row")],
    ids=["csv", "json", "xlsx"],
)
def test_a_table_says_what_its_numbers_count(data: bytes | str, unit: str) -> None:
    table = read_table(io.BytesIO(data.encode() if isinstance(data, str) else data), Problems("table"))
    assert table
    assert table.unit == unit


@pytest.mark.covers("T29")
def test_a_stream_can_be_read_again_and_closed_between_rows() -> None:
    stream = io.BytesIO(b"a,b\n1,2\n3,4\n")
    for _ in range(2):
        table = read_table(stream, Problems("table"))
        assert table
        assert next(table.rows) == Row(2, ["1", "2"])
    stream.close()
    del table  # would complain of the closed stream if it held on to it


# Text


@pytest.mark.covers("T29")
def test_what_is_undecodable_is_told_by_line_and_the_rest_is_read() -> None:
    data = b'a,b\nZo\xeb,1\n\xc3\xab,2\n"x\ny\xff",3\n4,4\n'
    assert found(data) == (
        ["a", "b"],
        [Row(3, ["\u00eb", "2"]), Row(6, ["4", "4"])],
        [(2, None, "UNDECODABLE"), (5, None, "UNDECODABLE")],
    )
    assert read(data)[2][0].message == "the byte 0xEB is not UTF-8"


@pytest.mark.covers("T29")
def test_under_an_undecodable_header_only_the_lines_are_judged() -> None:
    data = b"pr\xe9nom,b\n1\n2,2,2\n\xe9,1\n"
    assert found(data) == (None, [], [(1, None, "UNDECODABLE"), (4, None, "UNDECODABLE")])


@pytest.mark.covers("T29")
def test_half_a_surrogate_pair_in_utf_16_is_told_by_line() -> None:
    data = codecs.BOM_UTF16_LE + "a\n1\n".encode("utf-16-le") + b"\x00\xd8\n\x00" + "2\n".encode("utf-16-le")
    assert found(data) == (["a"], [Row(2, ["1"]), Row(4, ["2"])], [(3, None, "UNDECODABLE")])


@pytest.mark.covers("T29")
def test_an_export_may_have_longer_cells_than_a_roster() -> None:
    long = f"a,b\n1,{'x' * 100_000}\n"
    assert found(long)[2] == [(2, None, "CELL_TOO_LONG")]
    assert found(long, Limits(cell=LONG_CELL))[2] == []


# Workbooks


@pytest.mark.covers("T12", "T29")
def test_values_of_a_sheet_become_text() -> None:
    values = {
        "text": ("00123", "00123"),
        "whole": (1, "1"),
        "half": (0.5, "0.5"),
        "large": (510000000000.0, "510000000000"),
        "flag": (True, "true"),
        "day": (date(2026, 11, 20), "2026-11-20"),
        "moment": (datetime(2026, 11, 20, 8, 30), "2026-11-20T08:30:00"),
        "hour": (time_of_day(8, 30), "08:30:00"),
        "nothing": (None, ""),
    }
    data = one_sheet(list(values), [value for value, _ in values.values()])
    assert found(data) == (list(values), [Row(2, [text for _, text in values.values()])], [])


@pytest.mark.covers("T12")
def test_text_that_looks_like_a_formula_stays_text_and_a_formula_is_never_text() -> None:
    def cell(inner: str, more: str = "") -> bytes:
        head = f'<row r="1">{inline("A1", "a")}</row>'
        return workbook({SHEET: sheet(f'{head}<row r="2"><c r="A2"{more}>{inner}</c></row>')})

    assert found(cell("<is><t>=1+1</t></is>", ' t="inlineStr"'))[1:] == ([Row(2, ["=1+1"])], [])
    for formula in (
        "<f>1+1</f><v>2</v>",
        "<f/><v>alice@acme.com</v>",
        '<f t="array" ref="A2">1+1</f><v>2</v>',
        '<f t="shared" si="0" ref="A2:A3">1+1</f><v>2</v>',
        '<f t="dataTable" ref="A2" r1="A1"/><v>2</v>',
        '<f>HYPERLINK("http://127.0.0.1/")</f>',
    ):
        for kind in ("", ' t="str"', ' t="b"', ' t="e"'):
            assert found(cell(formula, kind))[1:] == ([], [(2, "A", "FORMULA_CELL")])


@pytest.mark.covers("T12", "T29")
def test_formulas_are_told_up_to_a_number() -> None:
    header, rows, problems = found(one_sheet(["a", "b"], *[[n, "=1+1"] for n in range(300)], ["x", "y"]))
    assert (header, rows) == (["a", "b"], [Row(302, ["x", "y"])])
    assert problems == [(n, "B", "FORMULA_CELL") for n in range(2, 102)]


@pytest.mark.covers("T29")
@pytest.mark.parametrize("number", [10**15, 1.234567890123456e15, -(10**16), 1e300])
def test_numbers_that_lost_digits_are_told(number: float) -> None:
    assert found(one_sheet(["serial"], [number]))[1:] == ([], [(2, "A", "NUMBER_LOST_DIGITS")])
    assert found(one_sheet(["serial"], [999_999_999_999_999]))[1] == [Row(2, ["999999999999999"])]


def test_errors_in_cells_and_cells_beside_the_header_are_told() -> None:
    assert found(one_sheet(["a", "b"], ["#N/A", "1"], ["1", "2", "3"], ["1"], ["1", "2", " "]))[1:] == (
        [Row(4, ["1", ""]), Row(5, ["1", "2"])],
        [(2, "A", "ERROR_CELL"), (3, None, "ROW_TOO_LONG")],
    )


def test_rows_are_numbered_as_the_sheet_numbers_them() -> None:
    data = one_sheet([], [" "], ["a", "b"], [], ["1", "2"])
    assert found(data) == (["a", "b"], [Row(5, ["1", "2"])], [])


@pytest.mark.covers("T12")
def test_a_formula_in_the_header_ends_the_reading() -> None:
    assert found(one_sheet(["=A1", "b"], ["1", "2"])) == (None, [], [(1, "A", "FORMULA_CELL")])


def test_the_one_sheet_that_holds_something_is_read() -> None:
    table: list[list[object]] = [["a"], ["1"]]
    other: list[list[object]] = [["b"], ["2"]]
    assert found(sheets(("Empty", []), ("People", table)))[0] == ["a"]
    assert found(sheets(("Lists", other), ("People", table), hidden="Lists"))[0] == ["a"]
    assert found(sheets(("Empty", [])))[2] == [(None, None, "EMPTY_ROSTER")]
    _, _, (problem,) = read(sheets(("People", table), ("M\u00e4rz", other)))
    assert problem.code == "SEVERAL_SHEETS"
    assert problem.message == '2 sheets hold something: "People", "M\\xe4rz"'


def test_a_workbook_with_macros_is_read_and_they_are_not() -> None:
    types = PARTS["[Content_Types].xml"].replace(
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        "vnd.ms-excel.sheet.macroEnabled.main+xml",
    )
    data = workbook({"[Content_Types].xml": types, "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" * 100})
    assert found(data)[1] == [Row(2, ["alice@acme.com", "Eng", "prod"])]


def test_rows_and_cells_without_places_stand_one_after_the_other() -> None:
    head = "<row><c t='inlineStr'><is><t>a</t></is></c><c t='inlineStr'><is><t>b</t></is></c></row>"
    assert found(workbook({SHEET: sheet(f"{head}<row><c><v>1</v></c><c><v>2</v></c></row>")})) == (
        ["a", "b"],
        [Row(2, ["1", "2"])],
        [],
    )


# JSON


@pytest.mark.covers("T29")
def test_nested_records_become_columns() -> None:
    data = json.dumps(
        [
            {
                "id": 7,
                "profile": {"mail": "a@x", "tags": ["a", 1, True]},
                "ok": False,
                "big": 12345678901234567890,
            },
            {"id": None, "profile": {"mail": "b@x", "dept": {"name": "Eng"}}, "emails": [{"value": "c"}]},
            {"profile": {"tags": []}, "half": 0.10},
        ]
    ).replace("0.1}", "0.10}")
    assert found(data) == (
        ["id", "profile.mail", "profile.tags", "ok", "big", "profile.dept.name", "half"],
        [
            Row(1, ["7", "a@x", "a, 1, true", "false", "12345678901234567890", "", ""]),
            Row(2, ["", "b@x", "", "", "", "Eng", ""]),
            Row(3, ["", "", "", "", "", "", "0.10"]),
        ],
        [],
    )


@pytest.mark.covers("T29")
@pytest.mark.parametrize(
    ("record", "column", "code"),
    [
        (b'{"a":1,"a":2}', None, "KEY_TWICE"),
        (b'{"a":{"b":1,"b":1}}', None, "KEY_TWICE"),
        (b'{"a.b":1,"a":{"b":1}}', '"a.b"', "KEY_TWICE"),
        (b'{"a":NaN}', None, "NOT_JSON"),
        (b'{"a":-Infinity}', None, "NOT_JSON"),
        (b'{"a":"\\ud800"}', '"a"', "UNASSIGNED_CHARACTER"),
        (b'{"\\udfff":"a"}', '"\\udfff"', "UNASSIGNED_CHARACTER"),
        (b'{"a":"\\u0000"}', '"a"', "NUL_BYTE"),
        (b'{"a":"\xe9"}', None, "UNDECODABLE"),
        (b'{"a":"' + b"x" * 4097 + b'"}', '"a"', "CELL_TOO_LONG"),
        (b'{"a":' * 21 + b"1" + b"}" * 21, '"' + "a." * 19 + 'a"', "TOO_DEEP"),
        (b"7", None, "NO_RECORDS"),
        (b'["a"]', None, "NO_RECORDS"),
    ],
)
def test_an_unsound_record_is_told_and_the_others_are_read(
    record: bytes, column: str | None, code: str
) -> None:
    rows = [Row(1, ["1"]), Row(3, ["3"])]
    for data in (b'[{"k":1},%b,{"k":3}]', b'{"k":1}\n%b\n{"k":3}', b'{"value":[{"k":1},%b,{"k":3}]}'):
        assert found(data % record) == (["k"], rows, [(2, column, code)])


@pytest.mark.covers("T29")
@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ('[{"a":1},\n{"a":tru}]', "NOT_JSON", "line 2 is no JSON: expecting value"),
        ('[{"a":1}\n', "NOT_JSON", "line 2 is no JSON: ] is missing"),
        ('[{"a":1}] x', "NOT_JSON", "line 1 is no JSON: text follows the end"),
        ('{"a":1}\n{"a":"x', "NOT_JSON", "line 2 is no JSON: unterminated string starting at"),
        ('{"a":[{"b":1}],"c":[{"d":1}]}', "NO_RECORDS", "the JSON has several lists of objects"),
        ("[]", "EMPTY_ROSTER", "the file is empty"),
    ],
)
def test_what_is_no_list_of_records_is_told_with_its_line(text: str, code: str, message: str) -> None:
    header, rows, (problem,) = read(text)
    assert (header, rows, problem.row, problem.code, problem.message) == (None, [], None, code, message)


@pytest.mark.covers("T29")
def test_an_envelope_may_be_larger_than_a_record() -> None:
    lists = {"value": [{"id": n, "text": "x" * 4000} for n in range(600)], "last": "y"}
    assert len(found(json.dumps(lists))[1]) == 600


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(1, 40))
def test_where_the_text_is_cut_while_reading_does_not_matter(text: str, chunk: int) -> None:
    from provisioner.roster import document

    data = json.dumps([{"a": text, "b": 12}, {"a": 1.5, "b": [text, None]}], ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "CHUNK", chunk)
        cut = found(data)
    assert cut == found(data)

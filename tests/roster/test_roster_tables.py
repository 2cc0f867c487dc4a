"""Encodings, separators, line ends, headers, limits: how bytes become rows, and where that ends."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from provisioner.errors import InputError, Problem
from provisioner.roster import Plain, RosterOptions, check, read_roster
from provisioner.roster.problems import MAX_PROBLEMS
from provisioner.roster.table import Limits

TODAY = date(2026, 11, 20)
PLAIN = RosterOptions()
HEADER = "email,team,env\n"
ALICE = "alice@acme.com,Eng,prod\n"


def read(data: bytes | str, options: RosterOptions = PLAIN) -> Plain:
    raw = data.encode() if isinstance(data, str) else data
    return read_roster(raw, file="org.csv", today=TODAY, options=options)


def problems(data: bytes | str, options: RosterOptions = PLAIN) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as refused:
        read(data, options)
    return refused.value.problems


def codes(data: bytes | str, options: RosterOptions = PLAIN) -> list[tuple[int | None, str | None, str]]:
    return [(p.row, p.column, p.code) for p in problems(data, options)]


ROWS = (
    ("Email", "Name", "Team", "Env", "Notes"),
    (
        "alice@acme.com",
        'Zo\u00eb "Zo" Ng, \u5c71\u7530',
        "Data & ML",
        "prod",
        "one, two; three\tfour\nline two",
    ),
    ("bob@acme.com", "", "Support", "dev", ""),
)
BOMS = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@pytest.mark.covers("T29")
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", list(BOMS))
def test_every_form_of_a_file_gives_the_same_entries(
    encoding: str, separator: str, end: str, quoting: int
) -> None:
    def write(encoding: str, separator: str, end: str, quoting: int) -> bytes:
        text = io.StringIO(newline="")
        # csv.writer's own constants are plain integers; typeshed wants the literal ones.
        writer = csv.writer(text, delimiter=separator, lineterminator="\n", quoting=quoting)  # type: ignore[arg-type]
        writer.writerows(ROWS)
        return BOMS[encoding] + text.getvalue().replace("\n", end).encode(encoding)

    plain = read(write("utf-8", ",", "\n", csv.QUOTE_MINIMAL))
    roster = read(write(encoding, separator, end, quoting))
    assert roster.entries == plain.entries
    assert [(e.row, e.name) for e in roster.entries] == [(2, ROWS[1][1]), (4, None)]
    assert roster.ignored_columns == ("Notes",)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "\n\n" + ALICE,
        "\n \n" + HEADER + ALICE,
        HEADER + ALICE + ",,\n , ,\t\n\n",
        HEADER + ALICE.rstrip("\n"),
        HEADER + '"alice@acme.com", "Eng", "prod"\n',
        '"email","team","env"\n' + ALICE,
        "email,team,env,\nalice@acme.com,Eng,prod,x\n",
    ],
)
def test_blank_rows_and_quotes_do_not_matter(text: str) -> None:
    (entry,) = read(text).entries
    assert (entry.email, entry.team, entry.env) == ("alice@acme.com", "eng", "prod")


@pytest.mark.parametrize(
    "header",
    [
        "EMAIL,TEAM,ENV",
        "E-Mail,Team Name,Environment",
        "mail,department,stage",
        "User Principal Name,Group,env",
        "userPrincipalName,dept.,env",
        "Email Address [Required],Department,Environment",
        " email , team , env ",
    ],
)
def test_header_names(header: str) -> None:
    (entry,) = read(f"{header}\n{ALICE}").entries
    assert (entry.email, entry.team, entry.env) == ("alice@acme.com", "eng", "prod")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("full name", "name"),
        ("displayName", "name"),
        ("Serial Number", "serial"),
        ("Operating System", "platform"),
        ("OS", "platform"),
        ("Expiry", "expires"),
        ("contractEnd", "expires"),
        ("valid_until", "expires"),
    ],
)
def test_names_of_optional_columns(header: str, field: str) -> None:
    cell = {"name": "Alice", "serial": "C02", "platform": "mac", "expires": "2027-01-01"}[field]
    roster = read(f"email,team,env,{header}\nalice@acme.com,Eng,prod,{cell}\n")
    assert getattr(roster.entries[0], field) is not None
    assert roster.ignored_columns == ()


def test_a_stand_in_name_yields_to_the_real_one() -> None:
    """An export from Entra has mail and principal name, a department and, added by hand, a team."""
    roster = read(
        "userPrincipalName,mail,department,team,env\nx@acme.onmicrosoft.com,alice@acme.com,Sales,Eng,prod\n",
        RosterOptions(metadata_columns=("department",)),
    )
    (entry,) = roster.entries
    assert (entry.email, entry.team, entry.extra) == ("alice@acme.com", "eng", (("department", "Sales"),))
    assert roster.ignored_columns == ("userPrincipalName",)


def test_a_declared_metadata_column_is_no_second_candidate_for_a_field() -> None:
    options = RosterOptions(metadata_columns=("department",))
    (entry,) = read("mail,department,group,env\na@acme.com,Sales,Eng,prod\n", options).entries
    assert (entry.team, entry.extra) == ("eng", (("department", "Sales"),))
    (entry,) = read("mail,department,env\na@acme.com,Sales,prod\n", options).entries
    assert (entry.team, entry.extra) == ("sales", (("department", "Sales"),))


def test_columns_that_can_not_be_told_apart() -> None:
    text = "email,mail,department,group,env\na@acme.com,b@acme.com,x,y,prod\n"
    first, second = problems(text)
    assert (first.row, first.column, first.code) == (1, "mail", "COLUMN_TWICE")
    assert first.message == "email and mail can both mean email"
    assert (second.column, second.code) == ("group", "COLUMN_TWICE")


def test_missing_columns_are_told_with_every_other_problem() -> None:
    options = RosterOptions(metadata_columns=("site",))
    assert codes("emial,team,env\na@acme.com,=Eng,prod\n", options) == [
        (1, "email", "COLUMN_MISSING"),
        (1, "site", "METADATA_COLUMN_MISSING"),
        (2, "team", "FORMULA_CELL"),
    ]


@pytest.mark.parametrize(
    ("header", "fix"),
    [
        ("emial,team,env", 'if emial is meant, name it "email"'),
        ("\u0435mail,team,env", 'if "\\u0435mail" is meant, name it "email"'),
        ("bob@acme.com,Eng,env", "put a header above the people: email,team,env"),
        ("who,team,env", 'name a column "email", and separate columns by comma, semicolon or tab'),
    ],
)
def test_what_may_be_meant_for_a_missing_column(header: str, fix: str) -> None:
    assert problems(f"{header}\n{ALICE}")[0].fix == fix


def test_titles_are_safe_to_print() -> None:
    roster = read(f"email,team,env,N\u00f6te,,{'x' * 60}\nalice@acme.com,Eng,prod,a,b,c\n")
    assert roster.ignored_columns == ('"N\\xf6te"', "column 5", f'"{"x" * 40}"...')


def test_problems_name_the_line_where_a_record_starts() -> None:
    text = 'email,team,env,notes\na@acme.com,Eng,prod,"one\ntwo\r\nthree"\n=,Eng,prod,\n'
    assert codes(text) == [(5, "email", "EMAIL_INVALID")]


@pytest.mark.covers("T29")
def test_a_quote_that_never_closes_names_its_line() -> None:
    (problem,) = problems(HEADER + ALICE + '\n"b@acme.com","Eng","prod\nc@acme.com,Eng,prod\n' + ALICE)
    assert (problem.row, problem.code) == (4, "UNCLOSED_QUOTE")


@pytest.mark.covers("T29")
def test_an_open_quote_does_not_swallow_a_large_file() -> None:
    assert codes(HEADER + ALICE + 'b@acme.com,"Eng,prod\n' + "filler\n" * 40_000) == [
        (3, None, "UNCLOSED_QUOTE")
    ]


@pytest.mark.covers("T29")
def test_rows_after_a_cell_beyond_every_limit_are_still_read() -> None:
    text = HEADER + "x" * 200_000 + ",Eng,prod\n" + '"' + "y" * 200_000 + '",Eng,prod\nb@acme.com,=Eng,prod\n'
    assert codes(text) == [
        (2, None, "CELL_TOO_LONG"),
        (3, None, "CELL_TOO_LONG"),
        (4, "team", "FORMULA_CELL"),
    ]


@pytest.mark.covers("T29")
def test_limits_hold_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LIMITS", Limits(text_bytes=200, rows=3))
    rows = [f"p{n}@acme.com,Eng,prod\n" for n in range(4)]
    assert len(read(HEADER + "".join(rows[:3])).entries) == 3
    assert codes(HEADER + "".join(rows)) == [(None, None, "TOO_MANY_ROWS")]
    assert codes(HEADER + ALICE + "\n\n\n" + ALICE) == [(None, None, "TOO_MANY_ROWS")]
    assert codes(HEADER + ALICE + " " * (201 - len(HEADER + ALICE))) == [(None, None, "FILE_TOO_BIG")]
    assert len(read(HEADER + ALICE + " " * (200 - len(HEADER + ALICE))).entries) == 1


@pytest.mark.covers("T29")
def test_widest_and_longest_that_is_read() -> None:
    titles = ",".join(["email", "team", "env"] + [f"c{n}" for n in range(253)])
    cells = "a@acme.com,Eng,prod" + "," * 252 + ",x"
    assert len(read(f"{titles}\n{cells}\n").entries) == 1
    assert codes(f"{titles},one\n{cells},\n") == [(None, None, "TOO_MANY_COLUMNS")]
    assert len(read(f"email,team,env,notes\na@acme.com,Eng,prod,{'x' * 4096}\n").entries) == 1
    assert codes(f"email,team,env,notes\na@acme.com,Eng,prod,{'x' * 4097}\n") == [(2, None, "CELL_TOO_LONG")]
    assert codes(f"email,team,{'x' * 4097}\n{ALICE}") == [(1, None, "CELL_TOO_LONG")]


@pytest.mark.covers("T29")
@pytest.mark.parametrize("filler", [b",", b"x", b'"', b" "])
def test_a_line_without_end_costs_little_memory(filler: bytes) -> None:
    """No list of millions of cells is built: a few times the file's size is all it takes."""
    data = filler * (4 * 1024 * 1024)
    tracemalloc.start()
    try:
        found = codes(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [(1, None, "LINE_TOO_LONG")]
    assert peak < 4 * len(data)


@pytest.mark.covers("T29")
def test_problems_are_bounded() -> None:
    text = HEADER + "".join(f"p{n}@acme.com,=Eng,prod\n" for n in range(MAX_PROBLEMS + 7))
    found = problems(text)
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].code == "MORE_PROBLEMS"
    assert found[-1].message == "7 further problems are not listed"


def test_ten_thousand_rows_take_well_under_a_second() -> None:
    rows = [f"p{n}@acme.com,P\u00e9rson {n},Team {n % 200},prod,macos,C02X{n}\n" for n in range(10_000)]
    data = ("email,name,team,env,platform,serial\n" + "".join(rows)).encode()
    started = time.process_time()
    assert len(read(data).entries) == 10_000
    assert time.process_time() - started < 1.0


def test_the_example_is_a_sound_roster() -> None:
    roster = read((Path(__file__).parents[2] / "examples" / "org.csv").read_bytes())
    people = {entry.email for entry in roster.entries}
    assert (roster.tenant, len(people), len(roster.entries)) == ("acme", 12, 13)
    assert {entry.team for entry in roster.entries} == {"engineering", "support", "data-ml", "sales"}
    assert {entry.env for entry in roster.entries} == {"prod", "dev"}
    assert (roster.expired, roster.ignored_columns) == ((), ())

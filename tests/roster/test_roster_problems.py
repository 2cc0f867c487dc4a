"""How problems read, and how rows are held against one another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from provisioner.errors import InputError, Problem
from provisioner.report.problems import text
from provisioner.roster import RosterOptions, read_roster

FAULTY = """\
E-Mail,Display Name,Department,Environment,OS,Serial Number,Expiry,Phone,Cost Center
alice@acme.com,Alice Nguyen,Engineering,prod,macOS 15.1,C02FK1AB,2027-01-31,+49 30 1234,4711
Bob <bob@acme.com>,=1+3,engineering,prod,BeOS,1.2E+11,31.12.2026,,
o'brien@acme.com,-,Support,,,,,,$SERIALNUMBER
\u0430lice@acme.com,Al\u202eice,s\u0430les,PROD,Windows 11 Pro,,2026-02-30,,
alice+x@acme.com,Alicia,CON,prod,win11,c02fk1ab,,,
guest_gmail.com#EXT#@acme.com,Guest,\u55b6\u696d\u90e8,prod,,,,,
x@\u0430cme.com,,</string><key>,prod,,,,,
eve@acme.local,,"Support
x-portkey-config: pc-admin",prod,,,,,
short,row
alice@acme.com,Alice Smith,Engineering,prod,,,,,
carol@acme.com,Carol,a-b,c,,,,,
dan@acme.com,Dan,a,b-c,,,,,
erin@acme.com,"Erin"x,Support,prod,,,,,
frank@acme.com,Frank,Support,qa,,,,,
"""


def problems(roster: str, options: RosterOptions) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as refused:
        read_roster(roster.encode(), file="org.csv", today=date(2026, 11, 20), options=options)
    return refused.value.problems


def test_every_problem_at_once_reads_well(golden: Callable[[str, bytes], None]) -> None:
    options = RosterOptions(metadata_columns=("cost_center",), envs=("prod", "dev", "c", "b-c"))
    found = problems(FAULTY, options)
    golden("roster/problems.txt", (text(found) + "\n").encode("ascii"))
    assert [p.row for p in found] == sorted(p.row or 0 for p in found)


@pytest.mark.covers("T14", "T16")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["a@x.com,Eng,prod,,", "a@x.com,Eng,dev,,", "a@x.com,Ops,prod,,"], []),
        (["a@x.com,Eng,prod,Ann Lee,", "a@x.com,Eng,dev,ANN LEE,", "a@x.com,Eng,qa,,"], []),
        (["a@x.com,Eng,prod,,S1", "a@x.com,Eng,dev,,s1"], []),
        (["a@x.com,Eng,prod,,", "A@x.com,Eng,prod,,"], [(3, "DUPLICATE_ROW")]),
        (["a@x.com,Eng,prod,Ann,", "a@x.com,Eng,dev,Bob,"], [(3, "NAME_CONFLICT")]),
        (["a@x.com,Eng,prod,,S1", "b@x.com,Eng,prod,,s1"], [(3, "SERIAL_TWICE")]),
        (
            ["a+1@x.com,Eng,prod,,", "a+2@x.com,Ops,prod,,", "a+2@x.com,Ops,dev,,"],
            [(3, "POSSIBLE_DUPLICATE")],
        ),
        (["a+1@x.com,Eng,prod,,", "b+1@x.com,Eng,prod,,"], []),
        (
            ["a@x.com,Eng,prod,,", "b@x.com,eng,prod,,", "c@x.com,eng,prod,,", "d@x.com,ENG,prod,,"],
            [(3, "TEAM_COLLISION"), (5, "TEAM_COLLISION")],
        ),
        (["a@x.com,Eng,prod,,", "b@x.com,Eng,Prod,,"], [(3, "ENV_COLLISION")]),
        (["a@x.com,a-b,c,,", "b@x.com,a,b-c,,", "c@x.com,a,b-c,,"], [(3, "ASSIGNMENT_COLLISION")]),
        (["a@x.com,prod,Eng,,", "b@x.com,Eng,prod,,"], []),
    ],
)
def test_rows_against_one_another(rows: list[str], expected: list[tuple[int, str]]) -> None:
    data = "\n".join(["email,team,env,name,serial", *rows]).encode()
    found: tuple[Problem, ...] = ()
    try:
        roster = read_roster(data, file="o", today=date(2026, 11, 20), options=RosterOptions(tenant="x"))
    except InputError as error:
        found = error.problems
    else:
        assert len(roster.entries) == len(rows)
    assert [(p.row, p.code) for p in found] == expected
    assert all("row 2" in p.message for p in found)


def test_sound_cells_of_a_flawed_row_are_still_compared() -> None:
    text = "email,team,env,name\na@x.com,Eng,prod,Ann\n=,eng,prod,\na+1@x.com,=,prod,\n"
    assert [(p.row, p.code) for p in problems(text, RosterOptions())] == [
        (3, "EMAIL_INVALID"),
        (3, "TEAM_COLLISION"),
        (4, "FORMULA_CELL"),
        (4, "POSSIBLE_DUPLICATE"),
    ]

"""Problems of input files: one line each, sorted, bounded; and as JSON."""

from __future__ import annotations

import json

import pytest

from provisioner import naming
from provisioner.errors import Problem
from provisioner.report import problems

FOUND = (
    Problem("org.csv", 12, "email", "EMAIL_TWICE", "stands in line 3 already", "take one of the two out"),
    Problem(
        "org.csv",
        7,
        "team",
        "TEAM_CHARACTER",
        "has an invisible character",
        "type it again",
        naming.shown("e\u200bng"),
    ),
    Problem("b.toml", None, None, "NOT_TOML", "is not TOML", "see the line above"),
    Problem(
        "org.csv",
        7,
        "env",
        "ENV_UNKNOWN",
        "is no env",
        'use one of "prod", "dev"',
        naming.shown("=HYPERLINK(1)"),
    ),
)


def test_one_line_per_problem_by_file_and_row() -> None:
    assert problems.text(FOUND) == (
        "b.toml: NOT_TOML: is not TOML - see the line above\n"
        'org.csv:7: team: TEAM_CHARACTER: has an invisible character "e\\u200bng" - type it again\n'
        'org.csv:7: env: ENV_UNKNOWN: is no env "=HYPERLINK(1)" - use one of "prod", "dev"\n'
        "org.csv:12: email: EMAIL_TWICE: stands in line 3 already - take one of the two out"
    )


@pytest.mark.covers("T29")
def test_a_hopeless_file_does_not_flood_the_terminal() -> None:
    many = [Problem("org.csv", n, None, "EMPTY_CELL", "is empty", "fill it in") for n in range(2, 10_002)]
    lines = problems.text(many).splitlines()
    assert len(lines) == problems.LINES_MAX + 1
    assert lines[-1] == "... and 9,800 more"


def test_a_file_name_keeps_its_letters_and_loses_what_moves_the_cursor() -> None:
    named = Problem("März\x1b[2J\n.csv", None, None, "NOT_CSV", "is no CSV", "export it again")
    assert problems.text([named]) == "März\\x1b[2J\\n.csv: NOT_CSV: is no CSV - export it again"


def test_json_has_all_of_them_in_the_order_given() -> None:
    value = problems.as_json(FOUND)
    assert json.loads(json.dumps(value)) == value
    assert (value["version"], value["kind"]) == (1, "problems")
    assert [p["code"] for p in value["problems"]] == [p.code for p in FOUND]
    assert value["problems"][1] == {
        "file": "org.csv",
        "row": 7,
        "column": "team",
        "code": "TEAM_CHARACTER",
        "message": "has an invisible character",
        "value": '"e\\u200bng"',
        "fix": "type it again",
    }

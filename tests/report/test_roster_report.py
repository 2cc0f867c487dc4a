"""`roster check` and `roster unmatched`: sections, counts, cuts, and lines that can be pasted."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.assign import RulesAt
from provisioner.errors import InputError
from provisioner.fleet import load_fleet
from provisioner.report import roster as report
from provisioner.report import unmatched
from provisioner.roster.model import Roster, SourceRead
from tests.report.decisions import FLEET, PEOPLE, ROSTER, decided, mac, person


def check(roster: Roster = ROSTER, width: int = 110) -> str:
    seen = decided(roster)
    return report.text(seen.roster, seen.coverage, seen.rules_at, width)


def crowd(count: int) -> Roster:
    """Return people without a device in as many departments without a team, and devices of nobody."""
    people = tuple(person(n, f"p{n}", f"Département {n}") for n in range(2, count + 2))
    devices = tuple(mac(n, f"C02NOBODY{n:03}", None, f"MBP-{n}") for n in range(2, count + 2))
    return replace(ROSTER, people=people, devices=devices, services=())


@pytest.mark.covers("S174", "S191")
def test_the_report_of_a_whole_company(golden: Callable[[str, bytes], None]) -> None:
    golden("report/roster-check.txt", check().encode() + b"\n")


def test_unmatched_as_people_read_it(golden: Callable[[str, bytes], None]) -> None:
    seen = decided()
    golden("report/roster-unmatched.txt", unmatched.text(seen.fleet, seen.coverage, 100).encode() + b"\n")


def test_json_has_what_the_text_counts() -> None:
    seen = decided()
    told = report.as_json(seen.roster, seen.coverage, seen.rules_at)
    verdicts = seen.coverage.verdicts
    assert (told["people"], told["devices"], told["services"]) == (11, 10, 1)
    assert sum(entry["count"] for entry in told["statuses"]) == len(verdicts) == 22
    assert sum(entry["count"] for entry in told["reasons"]) == sum(v.reason is not None for v in verdicts)
    assert told["no_person"] == ["C02LOST001"]
    assert told["no_device"] == ["ida@acme.com", "kim@acme.com"], "gus has a hand-out"
    assert {one["reason"] for one in told["no_variable"]} == {"NO_EMAIL_IN_MDM"}
    assert [one["text"] for one in told["unmapped"]] == ["Fleet Kitchen"]
    assert {one["id"] for one in told["two_matches"]} >= {"dan@acme.com", "eve@acme.com"}
    assert sum(source["continuation_rows"] for source in told["sources"]) == 41
    by_name = {a["name"]: a for a in told["assignments"]}
    assert by_name["pilot-prod"]["rings"] == [{"ring": 0, "count": 1}]
    assert by_name["eng-dev"]["key_only"] == 1


def test_long_lists_are_cut_and_json_has_all() -> None:
    told = check(crowd(50))
    assert told.count("... and 30 more; all of them: --format json") >= 2
    seen = decided(crowd(50))
    whole = report.as_json(seen.roster, seen.coverage, seen.rules_at)
    assert len(whole["no_person"]) == len(whole["unmapped"]) == 50


def test_second_matches_wrap_under_themselves() -> None:
    seen = decided()
    rules_at = RulesAt("provision.toml", tuple(range(1001, 1020)))
    told = report.text(seen.roster, seen.coverage, rules_at, 80)
    listed = told[told.index("4 matched more than") : told.index("1 text maps to no team")].splitlines()
    assert max(map(len, listed)) <= 80
    at = next(n for n, line in enumerate(listed) if line.startswith("  eve@acme.com   eng-prod  "))
    under = " " * listed[at].index("by rule 6, line 1006; also eng-dev")
    assert listed[at + 1].startswith(under), "the last column wraps under itself"


def test_group_files_of_one_pattern_are_one_line_and_json_has_all() -> None:
    groups = tuple(
        SourceRead(f"in/groups/g{n}.csv", "entra-group-members", "0", n, pattern="in/groups/*.csv")
        for n in range(1, 2001)
    )
    people = tuple(
        SourceRead(f"in/people/{n}.csv", "entra-users", "0", n, pattern="in/people/*.csv") for n in (1, 2)
    )
    alone = SourceRead("in/more/one.csv", "entra-group-members", "0", 7, pattern="in/more/*.csv")
    seen = decided(replace(ROSTER, sources=(*people, *groups, alone)))
    told = report.text(seen.roster, seen.coverage, seen.rules_at, 110)
    read = told[told.index("read:") : told.index("who gets what")].splitlines()
    assert [line.split()[:4] for line in read[2:-1]] == [
        ["in/people/1.csv", "entra-users", "1", "1"],
        ["in/people/2.csv", "entra-users", "1", "2"],
        ["in/groups/*.csv", "entra-group-members", "2,000", "2,001,000"],
        ["in/more/one.csv", "entra-group-members", "1", "7"],
    ]
    assert len(report.as_json(seen.roster, seen.coverage, seen.rules_at)["sources"]) == 2003


def test_who_has_no_device_is_listed() -> None:
    lonely = replace(ROSTER, people=(*PEOPLE, person(90, "lone", "R&D")))
    assert "lone@acme.com  in/users.csv, row 90" in check(lonely)


def test_a_report_with_problems_says_so_at_the_top() -> None:
    seen = decided(crowd(1))
    assert seen.coverage.problems, "people without a rule are problems, unless the fleet file says skip"
    assert check(crowd(1)).startswith("provision.toml: 1 problem")


def test_lines_to_paste_are_toml_that_waits_for_a_decision() -> None:
    seen = decided(replace(ROSTER, people=(*PEOPLE, person(91, "lou", 'Plattform "Engineering"'))))
    told = unmatched.text(seen.fleet, seen.coverage, 100)
    pasted = told[told.index("[roster.teams]") :]
    assert tomllib.loads(pasted)["roster"]["teams"] == {"Fleet Kitchen": "", 'Plattform "Engineering"': ""}
    assert "nearest: eng" in pasted
    with pytest.raises(InputError):
        load_fleet(pasted, "provision.toml")
    filled = FLEET.replace("[roster.teams]\n", pasted.replace('= ""', '= "kitchen"') + "\n", 1)
    assert decided(text=filled).coverage.unmapped == {}


def test_nothing_unmatched_is_told_in_one_line() -> None:
    seen = decided(replace(ROSTER, people=PEOPLE[:1], devices=(), services=()))
    assert (
        unmatched.text(seen.fleet, seen.coverage, 80)
        == "every text maps to a team, and every person matches a rule"
    )

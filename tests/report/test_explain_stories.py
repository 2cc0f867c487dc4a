"""`roster explain`: the golden stories of ten kinds of case, and of whom nobody knows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.assign.rules import Rules
from provisioner.assign.story import Subject, tried
from provisioner.errors import UsageError
from provisioner.report import explain, explain_json, lookup
from provisioner.roster.model import Device, Person, Roster
from tests.report.decisions import NAMED, ROSTER, decided, mac, person

CASES = {
    "row-without-device": "kim@acme.com",
    "rule-by-group": "bert@acme.com",
    "department-through-teams": "ADA@ACME.COM",
    "two-teams": "dan@acme.com",
    "prod-and-dev": "eve@acme.com",
    "shared-mac": "KIOSK-LOBBY",
    "byod": "C02FINN001",
    "contractor": "gus@acme.onmicrosoft.com",
    "guest": "hal@acme.com",
    "device-without-person": "jamf:209",
    "service": "svc:build-farm",
    "vdi-pool": "5f0c1d2e-9999-4222-8333-444455556666",
    "no-team": "ida@acme.com",
    "no-variable": "jo@acme.com",
}
"""Whom to ask for, in all spellings that there are."""


def story(who: str) -> str:
    seen = decided()
    return explain.text(seen, lookup.find(seen.coverage.verdicts, who), 100)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.covers("S174", "S175", "S176", "T16")
def test_the_story_of_each_case(case: str, golden: Callable[[str, bytes], None]) -> None:
    golden(f"report/explain-{case}.txt", story(CASES[case]).encode() + b"\n")


def test_the_story_of_a_plain_row(golden: Callable[[str, bytes], None]) -> None:
    rows = tuple(replace(NAMED, row=n, env=env, file="org.csv") for n, env in ((2, "prod"), (5, "dev")))
    kim = Person("kim@acme.com", (), rows[0].place, name="Kim Example", rows=rows)
    seen = decided(Roster("org.csv", "0" * 64, "acme", (kim,)), 'mdm = ["jamf"]\n')
    told = explain.text(seen, lookup.find(seen.coverage.verdicts, "Kim Example"), 100)
    golden("report/explain-plain-row.txt", told.encode() + b"\n")


def test_the_story_as_json(golden: Callable[[str, bytes], None]) -> None:
    seen = decided()
    value = explain_json.as_json(seen, lookup.find(seen.coverage.verdicts, "eve@acme.com"))
    golden("report/explain-prod-and-dev.json", json.dumps(value, indent=2, sort_keys=True).encode() + b"\n")


def test_each_story_names_file_row_and_what_decided() -> None:
    for case, who in CASES.items():
        told = story(who)
        assert ", row " in told, case
        assert "rule " in told or "row names" in told or "left out before any rule" in told, case


def test_the_stories_match_by_the_rules_that_decide() -> None:
    seen = decided()
    rules = Rules(seen.fleet)
    people = {p.identity: p for p in ROSTER.people}
    for somebody, device in [
        *((p, None) for p in ROSTER.people),
        *((people.get(d.owner or ""), d) for d in ROSTER.devices),
    ]:
        told = {one.at for one in tried(seen.fleet, Subject(somebody, device)) if one.matches}
        assert told == {c.rule for c in rules.match(somebody, device).choices}


@pytest.mark.parametrize(
    ("who", "near"),
    [
        ("adda@acme.com", "ada@acme.com"),
        ("ada", "ada@acme.com"),
        ("C02ADA0007", "C02ADA0001"),
        ("KIOSK", "KIOSK-LOBBY"),
    ],
)
def test_whom_nobody_knows_has_neighbours(who: str, near: str) -> None:
    with pytest.raises(UsageError, match="nobody and nothing") as caught:
        lookup.find(decided().coverage.verdicts, who)
    assert near in (caught.value.hint or "")


def test_a_name_of_two_devices_is_asked_back() -> None:
    twice = [d._replace(name="SPARE") if d.id in ("C02ADA0001", "C02LOST001") else d for d in ROSTER.devices]
    seen = decided(replace(ROSTER, devices=tuple(twice)))
    with pytest.raises(UsageError, match="2 things") as caught:
        lookup.find(seen.coverage.verdicts, "spare")
    assert "C02ADA0001 (in/jamf.csv, row 2)" in caught.value.message
    assert "C02LOST001 (in/jamf.csv, row 9)" in caught.value.message


def told_by(text: str, who: str, *people: Person, devices: tuple[Device, ...] = ()) -> list[str]:
    """Return the story's lines as one would read them, without the columns."""
    seen = decided(replace(ROSTER, people=people, devices=devices, services=()), f'tenant = "acme"\n{text}')
    told = explain.text(seen, lookup.find(seen.coverage.verdicts, who), 200)
    return [" ".join(line.split()) for line in told.splitlines()]


def starting(told: list[str], start: str) -> str:
    [line] = [line for line in told if line.startswith(start)]
    return line


def test_the_rules_are_told_in_order_where_none_decided() -> None:
    ipad = mac(20, "DMP0000001", "eve", platform=None)
    seen = decided(replace(ROSTER, devices=(*ROSTER.devices, ipad)))
    verdict = lookup.find(seen.coverage.verdicts, "DMP0000001")
    assert verdict.reason == "NOT_A_COMPUTER"
    told = explain.text(seen, verdict, 200)
    assert re.findall(r"^  rule (\d)", told, re.MULTILINE) == ["4", "5", "6", "7", "8", "9"]


def test_a_pools_key_is_its_own_and_a_shared_devices_its_teams() -> None:
    assert "claude-desktop-vdi-prod-vdi-east, the pool's own" in story(CASES["vdi-pool"])
    assert "claude-desktop-shared-prod, the team's" in story(CASES["shared-mac"])


CONTRACTORS = """
[[assign]]
when = { employee_type = "Contractor", managed = false }
team = "ext"
env = "prod"
key = "person"
expires = 2027-06-30

[[assign]]
when = { group = "AI-Dev" }
team = "ext"
env = "dev"
second = "key-only"
"""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("", "nobody unmanaged gets a shared key"),
        ("expires = 2026-01-31", "over since 2026-01-31"),
        ('key = "person"\nexpires = { column = "contractEnd" }', 'its end is no certain day: "03/04/27"'),
    ],
)
def test_a_second_key_that_is_skipped_has_a_reason(more: str, why: str) -> None:
    gus = person(2, "gus", "", "AI-Dev", employeetype="Contractor", contractend="03/04/27")
    told = told_by(f"{CONTRACTORS}{more}\n", "gus@acme.com", gus)
    assert f"is skipped ({why}): group" in starting(told, "rule 2")
    assert f"is skipped ({why}), by rule 2" in starting(told, "also")


def test_a_rule_that_gives_nothing_second_needs_no_reason() -> None:
    assert "sales-prod is skipped: department" in story("dan@acme.com")


OWN = 'key = "person"\nexpires = 2027-06-30\n'
FIRST = f'[[assign]]\nwhen = {{ department = "*" }}\nteam = "ext"\nenv = "prod"\n{OWN}'
KEY = f'[[assign]]\nwhen = {{ group = "AI-Dev" }}\nteam = "ext"\nenv = "dev"\nsecond = "key-only"\n{OWN}'


def test_a_rule_that_matches_first_is_not_told_as_second_where_a_key_took_its_place() -> None:
    told = told_by(FIRST + KEY, "gus@acme.com", person(2, "gus", "Sales", "AI-Dev"))
    assert told[0].startswith("gus@acme.com: a key only, of ext-dev-gus-")
    assert ": no device of the inventories is theirs; it would get ext-prod" in told[0]
    first = 'matches first, but no device of the inventories is theirs: department "Sales" fits "*"'
    assert first in starting(told, "rule 1")
    assert re.search(
        r'matches second, ext-dev-gus-\w+ as a key only: group "AI-Dev"', starting(told, "rule 2")
    )


def test_a_row_that_comes_first_is_told_where_a_key_took_its_place() -> None:
    rows = tuple(replace(NAMED, row=n, env=env) for n, env in ((2, "prod"), (5, "dev")))
    told = told_by("", "kim@acme.com", Person("kim@acme.com", (), rows[0].place, rows=rows))
    at = told.index("rules")
    assert told[at + 1 : at + 3] == [
        "in/plain.csv, row 2 comes first, but no device of the inventories is theirs",
        "in/plain.csv, row 5 comes second, support-dev as a key only",
    ]


def test_a_group_names_the_file_that_lists_it() -> None:
    assert "AI-Pilot (in in/groups/AI-Pilot.csv)" in story("bert@acme.com")

"""`roster explain`: the golden stories of ten kinds of case, and of whom nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.assign.rules import Rules
from provisioner.assign.story import Subject, tried
from provisioner.errors import UsageError
from provisioner.report import explain, lookup
from provisioner.roster.model import Person, Roster
from tests.report.decisions import NAMED, ROSTER, decided

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
    value = explain.as_json(seen, lookup.find(seen.coverage.verdicts, "eve@acme.com"))
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
    for person, device in [
        *((p, None) for p in ROSTER.people),
        *((people.get(d.owner or ""), d) for d in ROSTER.devices),
    ]:
        told = {one.at for one in tried(seen.fleet, Subject(person, device)) if one.matches}
        assert told == {c.rule for c in rules.match(person, device).choices}


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

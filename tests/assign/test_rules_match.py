"""Which rules match whom, and what they give: first match wins, no expression language."""

from __future__ import annotations

from datetime import date

import pytest

from provisioner.assign.rules import Rules
from provisioner.fleet import load_fleet
from provisioner.roster.words import read_day
from tests.assign.company import (
    EVERYBODY,
    assignment,
    codes,
    decided,
    mac,
    of,
    pc,
    person,
    roster,
    rule,
    told,
)

DEV = person("dev", department="R&D Tools", jobtitle="Lead", groups=("AI-Pilot", "AI-Team-Eng"), vip="Yes")


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ("", True),
        ('department = "r&d*"', True),
        ('department = "R&D"', False),
        ('department = "*"', True),
        ('cost_centre = "*"', False),
        ('job_title = "LEAD"', True),
        ('jobTitle = ["Manager", "Lead"]', True),
        ('department = "R&D*", job_title = "Manager"', False),
        ('group = "ai-pilot"', True),
        ('group = "AI-Team-*"', True),
        ('group = "AI"', False),
        ('kind = "person"', True),
        ('kind = "device"', True),
        ('kind = ["service", "device"]', True),
        ('kind = "service"', False),
        ('platform = "macos"', True),
        ('platform = "windows"', False),
        ('mdm = ["kandji", "jamf"]', True),
        ('enrolment = "byod-*"', False),
        ('name = "MAC-*"', True),
        ('name = "mac"', False),
        ("managed = true", True),
        ("vip = true", True),
        ("vip = false", False),
        ('building = "Berlin"', True),
        ('department = "Hardware"', False),
    ],
)
def test_a_rule_matches_when_every_condition_holds(when: str, matches: bool) -> None:
    # The department of the device does not count: its person has one.
    device = mac("S1", "dev", facts={"building": "Berlin", "department": "Hardware"})
    coverage = decided(roster([DEV], [device]), rule(when) + rule("", '"other"'))
    assert of(coverage, "S1").assignment == ("eng-prod" if matches else "other-prod")


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ('kind = "person"', True),
        ('kind = "device"', False),
        ("managed = true", False),
        ('name = "*"', False),
        ('platform = "*"', False),
        ('enrolment = "company"', False),
    ],
)
def test_somebody_without_a_device_matches_no_condition_about_devices(when: str, matches: bool) -> None:
    coverage = decided(roster([DEV]), rule(when) + rule("", '"other"'))
    assert of(coverage, "dev").assignment == ("eng-prod" if matches else "other-prod")


def test_a_device_without_a_person_is_no_person() -> None:
    shared = 'attribution = "device"'
    coverage = decided(
        roster([], [mac("S1", facts={"department": "Lab"})]),
        rule('kind = "person"', more=shared) + rule('department = "Lab"', '"lab"', more=shared),
    )
    assert (of(coverage, "S1").assignment or "").startswith("lab-prod-")


def test_the_first_rule_wins_and_says_by_what() -> None:
    fleet = rule('group = ["nobody", "ai-*"]', '"pilot"', more="ring = 0") + EVERYBODY
    choice = of(decided(roster([DEV]), fleet), "dev").choice
    assert choice is not None
    assert (choice.rule, choice.team, choice.ring, choice.via) == (0, "pilot", 0, "group AI-Pilot")


TEAMS = '[roster.teams]\n"R&D*" = "eng"\n"r&d tools" = "never"\n"AI-Team-Eng" = "eng"\n"Sales" = "sales"\n'


def test_dirty_text_goes_through_the_table_in_order() -> None:
    coverage = decided(roster([DEV]), rule("", '{ from = "department" }') + TEAMS)
    assert of(coverage, "dev").assignment == "eng-prod"


def test_without_a_table_text_gives_its_own_slug_and_keeps_its_spelling() -> None:
    coverage = decided(roster([DEV]), rule("", '{ from = "department" }'))
    assert assignment(coverage, "r-d-tools-prod").team_display == "R&D Tools"


@pytest.mark.parametrize("text", ["Fnord", "", "Р&D", "=1+3", "x" * 60])
def test_text_without_a_team_leaves_it_to_the_next_rule(text: str) -> None:
    table = "" if text != "Fnord" else TEAMS
    who = person("dev", department=text)
    coverage = decided(roster([who]), rule("", '{ from = "department" }') + EVERYBODY + table)
    assert of(coverage, "dev").assignment == "all-prod"
    assert dict(coverage.unmapped) == ({"department": {text: 1}} if text else {})


def test_unmapped_texts_are_counted_by_people_not_devices() -> None:
    people = [person(f"p{n}", n, department="Fnord" if n < 3 else "Gnarf") for n in range(5)]
    devices = [mac(f"S{n}", "p0") for n in range(4)] + [mac(f"T{n}", f"p{n}") for n in range(1, 5)]
    coverage = decided(roster(people, devices), rule("", '{ from = "department" }') + EVERYBODY + TEAMS)
    assert {k: list(v.items()) for k, v in coverage.unmapped.items()} == {
        "department": [("Fnord", 3), ("Gnarf", 2)]
    }


def test_every_group_that_a_rule_matched_by_is_a_match_in_the_order_of_its_list() -> None:
    groups = ("AI-Team-A", "AI-Team-B", "AI-Team-C", "Other")
    who = person("dev", groups=groups)
    when = 'group = ["AI-Team-C", "AI-Team-*"]'
    table = '[roster.teams]\n"AI-Team-A" = "a"\n"AI-Team-B" = "b"\n"AI-Team-C" = "c"\n'
    fleet = rule(when, '{ from = "group" }', more='second = "key-only"') + table
    verdict = of(decided(roster([who]), fleet), "dev")
    assert verdict.assignment == "c-prod"
    assert [(s.assignment, s.key_only) for s in verdict.seconds] == [("a-prod", True), ("b-prod", True)]


@pytest.mark.covers("S176")
@pytest.mark.parametrize(("text", "name"), [("Dev", "eng-dev"), ("Staging", "all-prod"), ("", "all-prod")])
def test_an_env_from_a_fact_must_be_one_of_the_fleets(text: str, name: str) -> None:
    fleet = '[roster]\nenvs = ["prod", "dev"]\n' + rule("", env='{ from = "stage" }') + EVERYBODY
    assert of(decided(roster([person("dev", stage=text)]), fleet), "dev").assignment == name


@pytest.mark.parametrize(
    ("second", "gives", "status"),
    [("skip", "artifact", [False]), ("key-only", "artifact", [True]), ("skip", "key-only", [True])],
)
def test_what_else_matches_gives_a_key_only_where_its_rule_says_so(
    second: str, gives: str, status: list[bool]
) -> None:
    fleet = EVERYBODY + rule("", more=f'second = "{second}"\ngives = "{gives}"') + rule("", '"all"')
    coverage = decided(roster([DEV]), fleet)
    assert [s.key_only for s in of(coverage, "dev").seconds] == status
    assert [a.key_only for a in coverage.assignments] == [(), ("dev@acme.com",)][: 1 + any(status)]


def test_a_rule_can_skip_and_nothing_further_is_given() -> None:
    coverage = decided(
        roster([DEV]), '[[assign]]\nwhen = { group = "AI-Pilot" }\ngives = "skip"\n' + EVERYBODY
    )
    assert told(coverage) == ["person dev@acme.com skipped BY_RULE"]
    assert coverage.assignments == ()


def test_a_rule_can_give_a_key_and_no_artifact() -> None:
    coverage = decided(roster([DEV], [mac("S1", "dev")]), rule("", '"sdk"', more='gives = "key-only"'))
    assert told(coverage) == ["person dev@acme.com key-only sdk-prod", "device S1 key-only sdk-prod"]
    assert assignment(coverage, "sdk-prod").key_only == ("dev@acme.com",)
    assert assignment(coverage, "sdk-prod").members == ()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        ("2027-01-31T00:00:00Z", date(2027, 1, 31)),
        ("31.01.2027", date(2027, 1, 31)),
        ("31/01/2027", date(2027, 1, 31)),
        ("01/31/2027", date(2027, 1, 31)),
        ("03/04/2027", None),
        ("soon", None),
    ],
)
def test_an_end_is_read_from_a_column_where_only_one_day_can_be_meant(text: str, day: date | None) -> None:
    assert read_day(text) == day
    fleet = rule("", more='key = "person"\nexpires = { column = "contractEnd" }')
    verdict = of(decided(roster([person("dev", contractend=text)]), fleet), "dev")
    assert (verdict.choice and verdict.choice.expires, verdict.reason) == (day, None if day else "NO_EXPIRY")


@pytest.mark.parametrize("text", ["2026-11-20", "2020-01-01"])
def test_who_has_reached_the_end_is_not_covered(text: str) -> None:
    column = rule("", more='expires = { column = "contractEnd" }')
    assert of(decided(roster([person("dev", contractend=text)]), column), "dev").reason == "EXPIRED"
    assert of(decided(roster([DEV]), rule("", more=f"expires = {text}")), "dev").reason == "EXPIRED"


def test_subjects_that_answer_alike_are_decided_once() -> None:
    fleet = load_fleet("".join(rule(f'name = "KIOSK-{n}-*"') for n in range(200)) + EVERYBODY, "p.toml")
    rules = Rules(fleet)
    matches = {id(rules.match(person(f"p{n}"), mac(f"S{n}", f"p{n}", name=f"MAC-{n}"))) for n in range(500)}
    assert len(matches) == 1
    assert [c.rule for c in rules.match(None, pc("S", name="kiosk-7-berlin")).choices] == [7, 200]


def test_the_profile_of_a_rule_goes_before_that_of_its_team() -> None:
    fleet = '[[override]]\nteam = "eng"\nprofile = "fast"\n'
    assert assignment(decided(roster([DEV]), fleet + rule("")), "eng-prod").policy.name == "fast"
    own = rule("", more='profile = "restricted"')
    assert assignment(decided(roster([DEV]), fleet + own), "eng-prod").policy.name == "restricted"
    assert codes(decided(roster([DEV]), fleet + own)) == []

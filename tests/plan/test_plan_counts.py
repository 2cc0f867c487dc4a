"""Who gets what, counted before anything is minted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.assign import Coverage
from provisioner.plan.counts import (
    UNMAPPED_MAX,
    SecondMatch,
    Tally,
    count,
    second_matches,
    without_device,
    without_person,
)
from provisioner.plan.model import PLAN, Plan
from provisioner.project import Places, survey
from provisioner.report import counts as report
from provisioner.report import plan as plan_report
from provisioner.report import roster as roster_report
from provisioner.roster.model import LeftOut, Roster
from tests.plan.fleets import device, of_device, of_person, person, second
from tests.report.rollouts import assignment
from tests.report.test_plan_report import NOTHING
from tests.support import estate

ALICE, BOB, CAROL = (person(f"{name}@acme.com") for name in ("alice", "bob", "carol"))
GUEST = person("g@partner.com", left_out=LeftOut("GUEST", "guest"))
MAC, PC, LAB, PHONE = (
    device("MAC1", "jamf", owner="alice@acme.com"),
    device("PC1", "intune", "windows", owner="bob@acme.com"),
    device("LAB1", "jamf"),
    device("PHONE1", "intune", None, owner="alice@acme.com"),
)
ROSTER = Roster(
    "provision.toml", "0" * 64, "acme", (ALICE, BOB, CAROL, GUEST), (MAC, PC, LAB, PHONE), inventory=True
)
COVERAGE = Coverage(
    assignments=(assignment("eng", "prod", 2),),
    verdicts=(
        of_person(ALICE, seconds=(second("sales", key_only=True), second("hr", key_only=False))),
        of_person(BOB),
        of_person(CAROL, "not-covered", reason="NO_DEVICE"),
        of_person(GUEST, "not-covered", reason="GUEST"),
        of_device(MAC, whose=ALICE, seconds=(second("hr", key_only=False),)),
        of_device(PC, whose=BOB, attribution="script"),
        of_device(LAB, "not-covered", reason="SHARED"),
        of_device(PHONE, "skipped", whose=ALICE, reason="NOT_A_COMPUTER"),
    ),
    unmapped={"department": {"Facilities": 3, "Board": 7}, "ou": {"/Interns": 7}},
)


def assert_reasons_add_up(tally: Tally) -> None:
    for status in ("skipped", "not-covered"):
        assert sum(tally.reasons.get(status, {}).values()) == tally.status.get(status, 0)
    assert tally.reasons.keys() <= {"skipped", "not-covered"}


def test_everybody_and_everything_is_counted_once() -> None:
    counts = count(ROSTER, COVERAGE)
    assert counts.people.status == {"assigned": 2, "not-covered": 2}
    assert counts.people.reasons == {"not-covered": {"GUEST": 1, "NO_DEVICE": 1}}
    assert counts.devices.status == {"assigned": 2, "not-covered": 1, "skipped": 1}
    assert counts.devices.reasons == {"skipped": {"NOT_A_COMPUTER": 1}, "not-covered": {"SHARED": 1}}
    assert counts.devices.attribution == {"script": 1, "variable": 1}
    assert (counts.people.total, counts.devices.total, counts.services.total) == (4, 4, 0)
    for tally in (counts.people, counts.devices):
        assert sum(tally.status.values()) == tally.total
        assert_reasons_add_up(tally)
    assert (counts.devices_without_person, counts.people_without_device) == (1, 1)


def test_reasons_stand_with_the_status_that_they_explain() -> None:
    [_head, _people, devices, *_rest] = report.who(count(ROSTER, COVERAGE), 100)
    assert devices == ("  devices  2 assigned, 1 skipped (NOT_A_COMPUTER 1), 1 not covered (SHARED 1)")


def test_whoever_gets_something_by_hand_and_what_carries_a_label_lacks_nothing() -> None:
    verdicts = (
        of_person(BOB, "key-only"),
        of_person(CAROL),  # a contractor with a hand-out
        of_person(GUEST, "not-covered", reason="GUEST"),
        of_device(LAB, attribution="device"),
        of_device(PHONE, "skipped", reason="NOT_A_COMPUTER"),
        of_device(device("LOST1", "jamf"), "not-covered", reason="NO_PERSON"),
    )
    roster = replace(ROSTER, devices=(LAB, PHONE))
    assert [v.id for v in without_device(roster, verdicts)] == ["bob@acme.com"]
    assert [v.id for v in without_person(verdicts)] == ["LOST1"]
    assert without_device(replace(roster, inventory=False), verdicts) == []


def test_texts_without_a_team_come_by_frequency_and_are_cut() -> None:
    many = {"department": {f"Dept {n}": n for n in range(1, 16)}}
    counts = count(ROSTER, replace(COVERAGE, unmapped=many))
    assert [u.people for u in counts.unmapped] == list(range(15, 15 - UNMAPPED_MAX, -1))
    assert counts.unmapped_texts == 15
    told = [(u.fact, u.text) for u in count(ROSTER, COVERAGE).unmapped]
    assert told == [("department", "Board"), ("ou", "/Interns"), ("department", "Facilities")]


def test_a_second_match_of_a_device_is_not_told_of_its_person_again() -> None:
    assert second_matches(COVERAGE.verdicts) == (
        SecondMatch("person", "alice@acme.com", "eng-prod", 0, key_only=("sales-prod",), ruled=True),
        SecondMatch("device", "MAC1", "eng-prod", 0, skipped=("hr-prod",), ruled=True),
    )
    assert count(ROSTER, COVERAGE).second_matches == {"key-only": 1, "skipped": 2}


def test_the_order_of_verdicts_changes_no_count() -> None:
    turned = replace(COVERAGE, verdicts=COVERAGE.verdicts[::-1])
    assert count(ROSTER, turned) == count(ROSTER, COVERAGE)


PLANNED = replace(NOTHING, counts=count(ROSTER, COVERAGE), second_matches=second_matches(COVERAGE.verdicts))


@pytest.mark.parametrize("width", [80, 120])
def test_the_plan_tells_it_above_its_actions(golden: Callable[[str, bytes], None], width: int) -> None:
    golden(f"report/plan-who-gets-what-{width}.txt", plan_report.text(PLANNED, width).encode() + b"\n")


def test_a_roster_where_nobody_goes_without_is_one_line() -> None:
    plain = Roster("org.csv", "0" * 64, "acme", (ALICE, BOB))
    covered = Coverage((assignment("eng", "prod", 2),), (of_person(ALICE), of_person(BOB)), {})
    counts = count(plain, covered)
    assert (counts.simple, counts.people_without_device) == (True, None)
    assert list(report.who(counts, 80)) == ["2 people in 1 assignment"]
    assert plan_report.text(replace(NOTHING, counts=counts), 80).splitlines()[:3] == [
        "plan for org.csv at http://127.0.0.1:8080", "2 people in 1 assignment", "",
    ]  # fmt: skip


def test_json_carries_the_counts_and_a_plan_reads_them_back() -> None:
    value = plan_report.as_json(PLANNED)["plan"]
    reasons = value["counts"]["devices"]["reasons"]
    assert reasons == {"skipped": {"NOT_A_COMPUTER": 1}, "not-covered": {"SHARED": 1}}
    assert value["second_matches"][1]["id"] == "MAC1"
    again: Plan = PLAN.validate_python(json.loads(json.dumps(value)))
    assert again == PLANNED


@pytest.mark.covers("T15")
def test_a_hostile_department_is_shown_escaped() -> None:
    counts = count(ROSTER, replace(COVERAGE, unmapped={"department": {"\x1b[2J\u202eevil": 1}}))
    told = "\n".join(report.who(counts, 80))
    assert "\x1b" not in told
    assert "\\u202e" in told


@pytest.mark.parametrize("sources", [("entra", "jamf", "intune"), ("google", "kandji")])
def test_the_counts_of_a_company_add_up(tmp_path: Path, sources: tuple[str, ...]) -> None:
    made = estate.write(tmp_path, sources)
    found = survey(Places(None, made.fleet), estate.TODAY)
    counts = count(found.roster, found.coverage)
    for tally, kind in ((counts.people, "person"), (counts.devices, "device"), (counts.services, "service")):
        assert sum(tally.status.values()) == tally.total
        assert_reasons_add_up(tally)
        assert sum(tally.attribution.values()) == tally.status.get("assigned", 0)
        assert tally.total == sum(v.kind == kind for v in found.coverage.verdicts)
    told = roster_report.as_json(found.roster, found.coverage, found.rules_at)
    assert counts.people_without_device == len(told["no_device"]) > 0
    assert counts.devices_without_person == len(told["no_person"]) > 0

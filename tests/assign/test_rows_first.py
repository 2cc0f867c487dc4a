"""Plain rows are decisions by name: they go before rules, alone and beside inventories."""

from __future__ import annotations

import pytest

from provisioner.naming import person_suffix
from provisioner.roster.model import Device, Entry, LeftOut, Person
from tests.assign.company import (
    EVERYBODY,
    assignment,
    by_row,
    codes,
    decided,
    mac,
    of,
    pc,
    person,
    roster,
    row,
    rule,
    told,
)


@pytest.mark.covers("T16", "S173", "S174", "S177")
def test_a_plain_file_needs_no_rules_and_keeps_its_order() -> None:
    dev = by_row(row(2, "dev", "eng"), row(5, "dev", "eng", "dev"))
    boss = by_row(row(3, "boss", "law", team_display="Law"), row(4, "boss", "eng", "dev"))
    coverage = decided(roster([dev, boss]))
    assert [(a.name, [m.id for m in a.members], a.key_only) for a in coverage.assignments] == [
        ("eng-prod", ["dev@acme.com"], ()),
        ("law-prod", ["boss@acme.com"], ()),
        ("eng-dev", [], ("dev@acme.com", "boss@acme.com")),
    ]
    assert coverage.assignments[0].key_metadata == {"tenant": "acme", "team": "eng", "env": "prod"}
    verdict = of(coverage, "dev")
    assert (verdict.attribution, verdict.expected) == ("variable", "dev@acme.com")


def test_what_rules_match_beside_a_row_is_a_second_only_as_they_say() -> None:
    who = Person("dev@acme.com", (), row(2, "dev", "eng").place, groups=("A",), rows=(row(2, "dev", "eng"),))
    sdk = rule('group = "A"', '"sdk"', more='second = "key-only"')
    coverage = decided(roster([who]), EVERYBODY + sdk + rule(""))
    assert of(coverage, "dev").assignment == "eng-prod"
    assert [(s.assignment, s.key_only) for s in of(coverage, "dev").seconds] == [
        ("all-prod", False), ("sdk-prod", True),
    ]  # fmt: skip
    assert [a.name for a in coverage.assignments] == ["eng-prod", "sdk-prod"]


def listed(serial: str, owner: str, *rows: Entry, **changes: object) -> Device:
    return mac(serial, owner, rows=rows, **changes)


def test_a_row_decides_over_all_devices_of_its_person() -> None:
    who = by_row(row(2, "dev", "eng"))
    coverage = decided(roster([who], [mac("S1", "dev"), pc("S2", "dev")]), EVERYBODY)
    assert told(coverage)[1:] == ["device S1 assigned eng-prod", "device S2 assigned eng-prod"]
    assert [m.id for m in assignment(coverage, "eng-prod").members] == ["S1", "S2"]


def test_further_rows_reach_devices_of_their_own_where_all_name_different_ones() -> None:
    one, two, three = (
        row(2, "dev", "eng", serial="S1"),
        row(3, "dev", "data", serial="S2"),
        row(4, "dev", "x"),
    )
    who = by_row(one, two, three)
    devices = [listed("S1", "dev", one), listed("S2", "dev", two), mac("S3", "dev")]
    coverage = decided(roster([who], devices))
    assert told(coverage) == [
        "person dev@acme.com assigned eng-prod", "device S1 assigned eng-prod",
        "device S2 assigned data-prod", "device S3 assigned eng-prod",
    ]  # fmt: skip
    assert assignment(coverage, "x-prod").key_only == ("dev@acme.com",)
    assert assignment(coverage, "data-prod").key_only == ()


@pytest.mark.parametrize("first", [None, "S2"])
def test_a_further_row_is_a_key_where_the_first_may_mean_the_same_device(first: str | None) -> None:
    one, two = row(2, "dev", "eng", serial=first), row(3, "dev", "data", serial="S2")
    devices = [listed("S2", "dev", *((one, two) if first else (two,)))]
    coverage = decided(roster([by_row(one, two)], devices))
    assert told(coverage)[1:] == ["device S2 assigned eng-prod"]
    assert assignment(coverage, "data-prod").key_only == ("dev@acme.com",)


def test_a_linux_machine_is_its_persons_even_beside_an_inventory() -> None:
    who = by_row(row(2, "dev", "eng", platform="linux"), row(3, "dev", "eng", "dev"))
    coverage = decided(roster([who, person("b")], [mac("S1", "dev"), mac("S2", "b")]), EVERYBODY)
    assert [m.id for m in assignment(coverage, "eng-prod").members] == ["dev@acme.com"]
    assert [m.id for m in assignment(coverage, "eng-dev").members] == ["S1"]
    assert of(coverage, "dev").attribution == "none"
    alone = decided(roster([who], inventory=True))
    assert told(alone) == ["person dev@acme.com assigned eng-prod"]
    assert assignment(alone, "eng-dev").key_only == ("dev@acme.com",)


def test_a_row_of_somebody_without_a_device_reaches_nothing() -> None:
    coverage = decided(roster([by_row(row(2, "dev", "eng")), person("b", 3)], [mac("S1", "b")]), EVERYBODY)
    assert told(coverage)[0] == "person dev@acme.com not-covered NO_DEVICE"


@pytest.mark.parametrize(("inventory", "status"), [(True, "not-covered"), (False, "assigned")])
def test_a_shared_device_that_no_inventory_lists_is_a_typing_error(inventory: bool, status: str) -> None:
    entry = row(7, "", "lobby", kind="device", serial="CO2")
    device = mac("CO2", mdm=None, platform=None, last_seen=None, rows=(entry,))
    verdict = of(decided(roster([], [device], inventory=inventory)), "CO2")
    assert verdict.status == status
    if inventory:
        assert (verdict.reason, verdict.detail) == ("NOT_IN_INVENTORY", "named by org.csv, row 7")
        linux = device._replace(platform="linux")
        assert of(decided(roster([], [linux], inventory=True)), "CO2").status == "assigned"


def test_a_persons_row_with_a_serial_number_that_no_inventory_lists_still_means_the_person() -> None:
    one, two = row(2, "dev", "eng", serial="TYPO"), row(3, "dev", "data", serial="TYPO2")
    strangers = [listed(r.serial or "", "dev", r, mdm=None, platform=None) for r in (one, two)]
    coverage = decided(roster([by_row(one, two)], [mac("S1", "dev"), *strangers]))
    assert told(coverage) == [
        "person dev@acme.com assigned eng-prod",
        "device S1 assigned eng-prod",
        "device TYPO not-covered NOT_IN_INVENTORY",
        "device TYPO2 not-covered NOT_IN_INVENTORY",
    ]
    # The second row reaches no device, so it is a key, as one without a serial number.
    assert assignment(coverage, "data-prod").key_only == ("dev@acme.com",)
    alone = decided(roster([by_row(one)], strangers[:1]))
    assert told(alone) == [
        "person dev@acme.com not-covered NO_DEVICE", "device TYPO not-covered NOT_IN_INVENTORY",
    ]  # fmt: skip
    assert of(alone, "dev").detail == "it would get eng-prod"


def test_the_row_of_a_shared_device_labels_it_whoever_its_user_is() -> None:
    entry = row(2, "", "lobby", kind="device", serial="c02")
    device = mac("C02", "dev", rows=(entry,))
    for who in (roster([person("dev")], [device]), roster([person("dev")], [device], inventory=False)):
        coverage = decided(who, EVERYBODY)
        verdict = of(coverage, "C02")
        assert verdict.assignment == f"lobby-prod-{person_suffix('C02')}"
        assert assignment(coverage, verdict.assignment).label == "device:C02"
        assert assignment(coverage, verdict.assignment).key_name == "claude-desktop-lobby-prod"
        assert verdict.person is None


def test_without_an_inventory_people_carry_for_the_devices_that_their_rows_name() -> None:
    one, two = row(2, "dev", "eng", serial="S1"), row(3, "dev", "data", serial="S2")
    devices = [listed("S1", "dev", one, mdm=None), listed("S2", "dev", two, mdm=None)]
    coverage = decided(roster([by_row(one, two)], devices, inventory=False))
    assert told(coverage) == [
        "person dev@acme.com assigned eng-prod",
        "device S1 assigned eng-prod",
        "device S2 key-only data-prod",
    ]
    assert [[m.kind for m in a.members] for a in coverage.assignments] == [["person"], []]


CONFLICT = "TWO_ASSIGNMENTS_ONE_DEVICE"


@pytest.mark.parametrize(
    ("user", "owner", "problems"),
    [
        ("dev@acme.com", "dev", []),  # the inventory says the same person
        ("", "dev", []),
        ("sales@acme.com", "dev", [CONFLICT]),  # somebody else, who would get something else
        ("eng@acme.com", "dev", []),  # somebody else, who would get the same
        ("gone@acme.com", "dev", []),
        ("left@acme.com", "dev", []),
        ("", "sales", [CONFLICT]),
    ],
)
@pytest.mark.covers("T16")
def test_a_row_against_the_inventorys_user(user: str, owner: str, problems: list[str]) -> None:
    entry = row(17, "dev", "eng", serial="S1")
    people = [
        by_row(entry),
        person("sales", 3, department="sales"),
        person("eng", 4, department="eng"),
        person("left", 5, left_out=LeftOut("DISABLED", "")),
    ]
    device = mac("S1", owner, user_email=user, rows=(entry,))
    coverage = decided(roster(people, [device]), rule('department = "*"', '{ from = "department" }'))
    assert [p.code for p in coverage.problems if p.code == CONFLICT] == problems
    if problems:
        [problem] = [p for p in coverage.problems if p.code == CONFLICT]
        assert str(problem).startswith(
            "org.csv:17: serial: TWO_ASSIGNMENTS_ONE_DEVICE: gives the device eng-prod, and the device is"
            ' sales@acme.com\'s by jamf.csv, row 2, where rule 1 gives sales-prod "S1" - '
        )


@pytest.mark.parametrize(("team", "problems"), [("eng", []), ("data", [CONFLICT])])
@pytest.mark.parametrize("inventory", [True, False])
def test_two_peoples_rows_on_one_device(team: str, problems: list[str], inventory: bool) -> None:
    one, two = row(2, "a", "eng", serial="S1"), row(9, "b", team, serial="s1", file="more.csv")
    device = mac("S1", "a", rows=(one, two), user_email="a@acme.com")
    coverage = decided(roster([by_row(one), by_row(two)], [device], inventory=inventory))
    assert codes(coverage) == problems
    if problems:
        [problem] = coverage.problems
        assert (problem.file, problem.row) == ("more.csv", 9)
        assert "data-prod" in problem.message
        assert "org.csv, row 2 gives eng-prod" in problem.message


def test_a_row_for_the_device_and_a_row_for_a_person_on_it() -> None:
    whole, own = row(2, "", "lobby", kind="device", serial="S1"), row(3, "dev", "eng", serial="S1")
    device = mac("S1", "dev", rows=(whole, own))
    for inventory in (True, False):
        assert codes(decided(roster([by_row(own)], [device], inventory=inventory))) == [CONFLICT]

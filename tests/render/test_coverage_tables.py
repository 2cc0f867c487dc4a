"""assignments.csv and not-covered.csv: every decision on a line, safe in a spreadsheet, quickly written."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.assign import Verdict
from provisioner.assign.model import Reason
from provisioner.render import tables
from provisioner.render.cells import STARTERS, csv_bytes, read_csv
from provisioner.render.reasons import MEANING, next_step
from provisioner.roster.model import Entry, Inventory, LeftOut, Person
from tests.render.coverages import (
    ALICE,
    BOB,
    IRU,
    MAC,
    MAC_2,
    choice,
    company,
    covering,
    device,
    missed,
    on,
    person,
    table,
    unit,
)

HEADER = (
    "person,alias_ids,device_serial,device_name,mdm,enrolment,assignment,team,env,ring,profile,"
    "attribution,attribution_value_expected,rule,source_row,gets"
)
ALIASES = "alice@acme.onmicrosoft.com alice.alias@acme.com"
BOBS = ALIASES.replace("alice", "bob")


@pytest.mark.covers("S155", "S173", "S175")
def test_everything_that_gets_something_has_a_line_in_the_order_of_the_coverage() -> None:
    made = tables.assignments(company())
    assert made.path == "assignments.csv"
    alice, eng = f"alice@acme.com,{ALIASES}", "eng-prod,eng,prod"
    bob = f"bob@acme.com,{BOBS}"
    carol = "carol@acme.com," + ALIASES.replace("alice", "carol")
    assert made.data.decode().splitlines() == [
        HEADER,
        f"{alice},,,,,eng-dev,eng,dev,,standard,none,,rule 4,in/users.csv:2,key-only",
        "eve@acme.com," + ALIASES.replace("alice", "eve") + ",,,,,ext-prod-eve,ext,prod,,standard,key,"
        "eve@acme.com,rule 1,in/users.csv:2,artifact",
        f"{alice},C02A,name of C02A,jamf,company,{eng},0,standard,variable,alice@acme.com,rule 3,"
        "in/jamf.csv:7,artifact",
        f"{bob},FVX1,name of FVX1,kandji,company,{eng},,standard,variable,bob@acme.com,rule 3,"
        "in/kandji.csv:7,artifact",
        f"{alice},PF-1,name of PF-1,intune,company,{eng},0,standard,variable,alice@acme.com,rule 3,"
        "in/intune.csv:7,artifact",
        f"{bob},PF-2,name of PF-2,intune,company,{eng},,standard,variable,bob@acme.com,rule 3,"
        "in/intune.csv:7,artifact",
        f"{carol},LX-1,name of LX-1,intune,company,{eng},,standard,none,carol@acme.com,rule 3,"
        "in/intune.csv:7,artifact",
        ",,C02LAB,name of C02LAB,jamf,company,eng-prod-lab,eng,prod,,standard,device,device:C02LAB,rule 3,"
        "in/jamf.csv:7,artifact",
        ",,VDI-1,name of VDI-1,intune,company,eng-prod-vdi-east,eng,prod,,standard,device,device:vdi-east,"
        "rule 3,in/intune.csv:7,artifact",
        "svc:build-farm,,,,,,eng-prod-build-farm,eng,prod,,standard,key,svc:build-farm,row,org.csv:9,artifact",
    ]


def test_a_plain_roster_names_rows() -> None:
    entry = Entry(4, "a@acme.com", "eng", "prod", "Eng", serial="C02Z", platform="macos", file="org.csv")
    chosen = choice(rule=None, row=entry)
    verdict = Verdict(
        "person", "a@acme.com", "assigned", entry.place, Person("a@acme.com", (), entry.place, rows=(entry,)),
        assignment="eng-prod", choice=chosen, attribution="variable", expected="a@acme.com",
    )  # fmt: skip
    [_header, row] = table(tables.assignments(covering(unit("eng-prod", verdict))).data)
    assert row == [
        "a@acme.com", "", "C02Z", "", "", "", "eng-prod", "eng", "prod", "", "standard", "variable",
        "a@acme.com", "row", "org.csv:4", "artifact",
    ]  # fmt: skip


def test_the_team_is_the_persons_where_one_object_serves_many() -> None:
    sold = on(MAC, ALICE, choice("sales"), "standard-prod")
    [_header, row] = table(tables.assignments(covering(unit("standard-prod", sold, team="standard"))).data)
    assert row[6:9] == ["standard-prod", "sales", "prod"]


@pytest.mark.covers("S187", "T25")
def test_what_is_not_covered_says_why_and_what_to_do() -> None:
    assert table(tables.not_covered(company()).data) == [
        ["kind", "id", "reason", "next_step", "detail"],
        ["person", "dan@acme.com", "NO_DEVICE", next_step("NO_DEVICE"), ""],
        ["device", "C02B", "NO_EMAIL_IN_MDM", next_step("NO_EMAIL_IN_MDM", "jamf"), "Jamf has no address"],
        [
            "device", "OLD-1", "NOT_CHECKED_IN_30D", next_step("NOT_CHECKED_IN_30D", "intune"),
            "last seen 2026-08-01",
        ],
    ]  # fmt: skip


@pytest.mark.covers("S187", "T25")
@pytest.mark.parametrize(
    "reason",
    [
        *("NO_EMAIL_IN_MDM", "EMAIL_UNSAFE", "EMAIL_OF_ANOTHER", "NOT_CHECKED_IN_30D", "BYOD"),
        *("CLIENT_TOO_OLD", "NOT_MANAGED"),
    ],
)
def test_a_person_with_a_devices_reason_has_the_devices_next_step(reason: Reason) -> None:
    dan = person("dan")
    pc = device("PF-9", "intune", "windows", name="DAN-PC")
    copied = Verdict("person", dan.identity, "not-covered", dan.place, dan, reason=reason, detail="why")
    rest = (copied, missed(pc, dan, reason, "why"), missed(IRU, BOB, reason, "why"))
    [_header, told, *_devices] = table(tables.not_covered(covering(rest=rest)).data)
    assert told == ["person", "dan@acme.com", reason, next_step(reason, "intune"), "PF-9 (DAN-PC): why"]


def test_the_device_is_named_where_it_has_no_name_and_no_detail() -> None:
    dan, mac = person("dan"), device("C02D", "jamf", "macos", name=None)
    copied = Verdict("person", dan.identity, "not-covered", dan.place, dan, reason="NO_EMAIL_IN_MDM")
    rest = (copied, missed(mac, dan, "NO_EMAIL_IN_MDM"))
    [_header, told, _device] = table(tables.not_covered(covering(rest=rest)).data)
    assert told[3:] == [next_step("NO_EMAIL_IN_MDM", "jamf"), "C02D"]


def test_a_person_who_is_left_out_has_a_next_step_for_people() -> None:
    dan = person("dan", left_out=LeftOut("EMAIL_UNSAFE", "has an apostrophe"))
    out = Verdict(
        "person",
        dan.identity,
        "not-covered",
        dan.place,
        dan,
        reason="EMAIL_UNSAFE",
        detail="has an apostrophe",
    )
    rest = (out, missed(MAC_2, dan, "EMAIL_UNSAFE", "has an apostrophe"))
    [_header, told, _device] = table(tables.not_covered(covering(rest=rest)).data)
    assert told[3:] == [next_step("EMAIL_UNSAFE"), "has an apostrophe"]


def test_without_gaps_only_the_header_stands_there() -> None:
    assert tables.not_covered(covering()).data == b"kind,id,reason,next_step,detail\n"


@pytest.mark.parametrize("reason", ["BYOD", "NOT_MANAGED"])
def test_the_way_to_a_persons_own_key_names_all_that_it_takes(reason: Reason) -> None:
    step = next_step(reason)
    assert [
        part for part in ('key = "person"', "expires", "a profile with a budget") if part not in step
    ] == []


def test_not_managed_is_said_of_a_device_and_of_somebody_without_one() -> None:
    assert "the device" in MEANING["NOT_MANAGED"]
    assert "there is none" in MEANING["NOT_MANAGED"]
    assert "again" not in next_step("NOT_MANAGED")


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_its_words(reason: Reason) -> None:
    assert MEANING[reason]
    for mdm in (None, *get_args(Inventory)):
        assert next_step(reason, mdm)


@pytest.mark.parametrize(
    ("reason", "mdm", "told"),
    [
        ("NO_EMAIL_IN_MDM", "jamf", "Inventory Preload"),
        ("NO_EMAIL_IN_MDM", "jamf", "_once/jamf/inventory-preload.csv"),
        ("NO_EMAIL_IN_MDM", "kandji", "assign a user"),
        ("NO_EMAIL_IN_MDM", "intune", "primary user"),
        ("NO_PERSON", "intune", "[[assign]]"),
    ],
)
def test_the_step_names_the_console(reason: Reason, mdm: Inventory, told: str) -> None:
    assert told in next_step(reason, mdm)


@pytest.mark.covers("T12")
def test_no_name_of_a_device_or_person_starts_a_formula() -> None:
    evil = device("=1+3", "intune", "windows", name="@SUM(1)")
    twice = device("'=x", "intune", "windows", name="-2")
    coverage = covering(
        unit("eng-prod", on(evil, person("alice", aliases=("+1@acme.com",)), choice(), "eng-prod")),
        rest=(missed(twice, None, "NO_PERSON", "\t=1"),),
    )
    for made in (tables.assignments(coverage), tables.not_covered(coverage)):
        cells = [cell for row in table(made.data) for cell in row]
        assert not [cell for cell in cells if cell.startswith(STARTERS)]
    assert read_csv(tables.assignments(coverage).data)[1][1:4] == ["+1@acme.com", "=1+3", "@SUM(1)"]
    assert read_csv(tables.not_covered(coverage).data)[1][4] == "\t=1"


@given(st.lists(st.lists(st.text("=+-@'\t\r\0,\"\nab"), min_size=2, max_size=2)))
@pytest.mark.covers("T12")
def test_every_cell_reads_back(rows: list[list[str]]) -> None:
    data = csv_bytes(("a", "b"), rows)
    assert read_csv(data) == [["a", "b"], *rows]
    assert not any(cell.startswith(STARTERS) for row in table(data) for cell in row)

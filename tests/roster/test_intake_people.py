"""People's exports and member lists, with the traps of rollout 4.1."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.roster.exports import EXPORTS, ExportPreset
from provisioner.roster.records import GroupFile, MemberRecord, PeopleFile, PersonRecord
from tests.support.sheets import records, sheet, table, take


def people(data: bytes, preset: str, *asked: str) -> list[PersonRecord]:
    found, problems = take(data, preset, *asked)
    assert problems == ()
    assert isinstance(found, PeopleFile)
    return list(found.records)


def members(data: bytes) -> tuple[list[MemberRecord], GroupFile]:
    found, problems = take(data, "entra-group-members", file="in/groups/AI-Pilot.csv")
    assert problems == ()
    assert isinstance(found, GroupFile)
    return list(found.records), found


def titles(preset: ExportPreset, generation: int) -> tuple[str, ...]:
    return EXPORTS[preset].generations[generation].titles


# Entra


@pytest.mark.parametrize(("generation", "key"), [(0, "objectId"), (1, "id")])
def test_entra_in_both_generations(generation: int, key: str) -> None:
    row = {
        "userPrincipalName": "Alice@Acme.com",
        "mail": " alice.ng@acme.com ",
        "displayName": "Alice Ng",
        key: "11111111-aaaa",
        "userType": "Member",
        "department": "R&D",
        "accountEnabled": "True",
        "alternateEmailAddress": "a.ng@acme.com",
    }
    [person] = people(sheet(titles("entra-users", generation), [row]), "entra-users", "type", "department")
    assert person == PersonRecord(
        row=2,
        mail="alice.ng@acme.com",
        upn="Alice@Acme.com",
        others=("a.ng@acme.com",),
        directory_id="11111111-aaaa",
        name="Alice Ng",
        enabled=True,
        facts={"department": "R&D", "type": "Member"},
    )


def test_a_guest_stays_as_written() -> None:
    upn = "alice_partner.com#EXT#@acme.onmicrosoft.com"
    row = {"userPrincipalName": upn, "mail": "", "displayName": "=1+3", "userType": "Guest"}
    [guest] = people(table(row), "entra-users", "type")
    assert (guest.upn, guest.mail, guest.name, guest.facts) == (upn, "", "=1+3", {"type": "Guest"})


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        *[(text, True) for text in ("True", "Yes", "wahr", "vrai", "ja", "")],
        *[(text, False) for text in ("False", "No", "falsch", "faux", "Nein")],
    ],
)
def test_whether_an_account_is_enabled(text: str, enabled: bool) -> None:
    [person] = people(table({"mail": "a@acme.com", "accountEnabled": text}), "entra-users")
    assert person.enabled is enabled


def test_a_word_that_nobody_can_tell_is_one_problem_however_often_it_stands() -> None:
    rows = [{"mail": f"p{n}@acme.com", "accountEnabled": "\u306f\u3044" if n else "True"} for n in range(9)]
    _, [problem] = take(table(*rows), "entra-users")
    assert (problem.code, problem.row, problem.column) == ("WORD_UNKNOWN", 3, "accountEnabled")
    assert problem.value == '"\\u306f\\u3044"'


def test_without_a_column_everybody_is_enabled() -> None:
    assert [p.enabled for p in people(table({"mail": "a@acme.com"}), "entra-users")] == [True]


def test_several_addresses_in_one_cell() -> None:
    row = {
        "mail": "a@acme.com; b@acme.com",
        "userPrincipalName": "u@acme.com",
        "proxyAddresses": "smtp:c@acme.com;SMTP:a@acme.com;SIP:s@acme.com",
        "alternateEmailAddress": "d@acme.com,e@acme.com",
    }
    [person] = people(table(row), "entra-users")
    assert person.mail == "a@acme.com"
    assert person.upn == "u@acme.com"
    assert sorted(person.others) == [f"{c}@acme.com" for c in "abcde"]


@pytest.mark.covers("T12")
@pytest.mark.parametrize("text", ["=1+3", "@SUM(A1:A9)", "+49 30 1", '=HYPERLINK("http://x","y")', "-1"])
def test_formulas_are_plain_text(text: str) -> None:
    [person] = people(
        table({"mail": "a@acme.com", "displayName": text, "department": text}), "entra-users", "department"
    )
    assert (person.name, person.facts) == (text, {"department": text})


@pytest.mark.covers("T15")
@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\x07", "\ue000"])
def test_hidden_characters_drop_a_name_and_leave_an_address_to_the_join(hidden: str) -> None:
    [person] = people(table({"mail": f"a{hidden}@acme.com", "displayName": f"Al{hidden}ice"}), "entra-users")
    assert (person.mail, person.name) == (f"a{hidden}@acme.com", "")


def test_names_are_composed_and_bounded() -> None:
    rows = [{"mail": "a@acme.com", "displayName": text} for text in ("Zoe\u0308", "\u5c71\u7530", "x" * 129)]
    assert [p.name for p in people(table(*rows), "entra-users")] == ["Zo\u00eb", "\u5c71\u7530", ""]


def test_rows_without_any_id_are_counted() -> None:
    rows = [
        {"mail": "a@acme.com", "city": "x"},
        {"mail": " ", "city": "y"},
        {"mail": "b@acme.com", "city": ""},
    ]
    found, problems = take(table(*rows), "entra-users")
    assert problems == ()
    assert isinstance(found, PeopleFile)
    assert [p.row for p in found.records] == [2, 4]
    assert (found.read.records, found.read.blank_rows) == (2, 1)


@pytest.mark.covers("T11")
def test_a_file_of_nobody_is_a_problem() -> None:
    _, [problem] = take(b"mail,displayName\n", "entra-users")
    assert (problem.code, problem.row) == ("EMPTY_ROSTER", None)


@pytest.mark.covers("T29")
def test_a_row_that_is_too_short_is_a_problem_and_a_table_that_is_none_as_well() -> None:
    _, [problem] = take(b"mail,displayName\na@acme.com\nb@acme.com,B\n", "entra-users")
    assert (problem.code, problem.row) == ("ROW_TOO_SHORT", 2)
    found, [problem] = take(b"%PDF-1.7", "entra-users")
    assert (found, problem.code) == (None, "NOT_CSV")


# Google, Okta


def test_google() -> None:
    rows = [
        {
            "First Name [Required]": "Alice",
            "Last Name [Required]": "Ng",
            "Email Address [Required]": "alice@acme.com",
            "Org Unit Path [Required]": "/Engineering/Platform",
            "Status [READ ONLY]": "Active",
            "Work Secondary Email": "a.ng@acme.com,ng@acme.com",
            "Employee Type": "Contractor",
            "Home Secondary Email": "alice@example.org",
        },
        {"Email Address [Required]": "bob@acme.com", "Status [READ ONLY]": "Suspended"},
    ]
    data = sheet(titles("google-users", 1), rows)
    alice, bob = people(data, "google-users", "ou", "employee_type")
    assert (alice.mail, alice.upn, alice.name) == ("alice@acme.com", "", "Alice Ng")
    assert alice.others == ("a.ng@acme.com", "ng@acme.com")  # private addresses are none of ours
    assert alice.facts == {"employeetype": "Contractor", "ou": "/Engineering/Platform"}
    assert (alice.enabled, bob.enabled) == (True, False)


def test_okta_json() -> None:
    profile = {"login": "a@acme.com", "email": "alice@acme.com", "firstName": "Alice", "lastName": "Ng"}
    user = {"id": "00u1", "status": "LOCKED_OUT", "profile": {**profile, "costCenter": "4711", "n": None}}
    [person] = people(records(user), "okta-users-json", "cost center")
    assert person == PersonRecord(
        1, "alice@acme.com", "a@acme.com", (), "00u1", "Alice Ng", True, {"costcenter": "4711"}
    )


def test_okta_password_health() -> None:
    row = {"User": "Alice Ng", "Login": "a@acme.com", "Status": "DEPROVISIONED", "Last Login": "x"}
    [person] = people(table(row), "okta-users-json")
    assert (person.upn, person.name, person.enabled) == ("a@acme.com", "Alice Ng", False)


# Members of a group


def test_members_in_both_generations() -> None:
    new = {"Object ID": "1", "User principal name": "a@acme.com", "Display name": "A", "Member type": "User"}
    old = {"id": "1", "userPrincipalName": "a@acme.com", "displayName": "A"}
    for row in (new, old):
        found, group = members(table(row))
        assert found == [MemberRecord(2, "1", "a@acme.com", "")]
        assert group.group == "AI-Pilot"


def test_groups_and_devices_among_the_members_are_counted() -> None:
    kinds = ("User", "Group", "Device", "Service principal", "")
    rows = [{"Object ID": str(n), "Member type": kind} for n, kind in enumerate(kinds)]
    found, group = members(table(*rows))
    assert [m.directory_id for m in found] == ["0", "4"]
    assert group.read.not_people == 3


def test_a_group_may_be_named_and_may_be_empty() -> None:
    found, problems = take(b"id,userPrincipalName\n", "entra-group-members", group="AI Pilot", file="x.csv")
    assert problems == ()
    assert isinstance(found, GroupFile)
    assert (found.group, list(found.records)) == ("AI Pilot", [])


# Whatever the cells hold


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20), min_size=5, max_size=5
    )
)
def test_no_cell_of_free_text_stops_a_run(cells: list[str]) -> None:
    mail, upn, name, department, others = cells
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "mail", "userPrincipalName", "displayName", "department", "proxyAddresses"])
    writer.writerow(["1", mail, upn, name, department, others])
    [person] = people(out.getvalue().encode(), "entra-users", "department")
    assert person.directory_id == "1"
    assert person.facts.get("department", "") == department.strip()

"""Columns renamed, missing, doubled, misspelt, forged; and the facts that rules ask about."""

from __future__ import annotations

import pytest

from provisioner.roster.records import DeviceFile, PeopleFile
from tests.support.sheets import records, table, take

DEVICE = {"Serial Number": "C02A", "Computer Name": "MAC-1"}
PERSON = {"mail": "a@acme.com", "userPrincipalName": "a@acme.com", "displayName": "A"}


def test_columns_name_what_is_localised_and_go_first() -> None:
    row = {"Seriennummer": "C02A", "Serial Number": "wrong", "Computername": "MAC-1", "Abteilung": "R&D"}
    columns = {"serial": "Seriennummer", "department": "Abteilung"}
    found, problems = take(table(row), "jamf-computers", "department", columns=columns)
    assert problems == ()
    assert isinstance(found, DeviceFile)
    [device] = found.records
    assert (device.serial, device.name, device.facts) == ("C02A", "MAC-1", {"department": "R&D"})


@pytest.mark.parametrize("key", ["user_email", "userEmail", "User-Email", "email"])
def test_a_field_may_be_written_as_people_write_it(key: str) -> None:
    row = {**DEVICE, "Adresse": "a@acme.com"}
    found, problems = take(table(row), "jamf-computers", columns={key: "Adresse"})
    assert problems == ()
    assert isinstance(found, DeviceFile)
    assert [d.user_email for d in found.records] == ["a@acme.com"]


def test_a_title_is_found_in_any_spelling_but_its_own_goes_first() -> None:
    row = {**DEVICE, "E-Mail": "a@acme.com", "e mail": "b@acme.com"}
    found, problems = take(table(row), "jamf-computers", columns={"user_email": "e mail"})
    assert problems == ()
    assert isinstance(found, DeviceFile)
    assert [d.user_email for d in found.records] == ["b@acme.com"]


@pytest.mark.parametrize(
    ("preset", "row", "missing"),
    [
        ("entra-users", {"displayName": "A", "E-Mail-Adresse": "a@acme.com"}, "mail or upn or directory_id"),
        ("entra-group-members", {"Display name": "A", "Objekt": "1"}, "directory_id or upn or mail"),
        ("intune-devices", {"Device name": "PC", "OS": "Windows"}, "serial or mdm_id"),
        ("intune-devices", {"Serial number": "1", "Device name": "PC"}, "platform"),
        ("jamf-computers", {"Computername": "MAC", "Seriennummer": "1"}, "serial or mdm_id"),
    ],
)
def test_a_missing_key_says_what_to_write(preset: str, row: dict[str, str], missing: str) -> None:
    found, [problem] = take(table(row), preset)
    assert found is None
    assert (problem.code, problem.row) == ("COLUMN_MISSING", 1)
    assert problem.message == f"no column is known to give {missing}"
    assert f"columns = {{ {problem.column} = " in problem.fix
    assert problem.fix.endswith(f"the file has {', '.join(row)}")


def test_a_missing_key_names_the_title_that_may_be_meant() -> None:
    _, [problem] = take(table({"Computername": "MAC", "Seriennummer": "1"}), "jamf-computers")
    assert 'columns = { serial = "Seriennummer" }' in problem.fix


def test_of_a_wide_file_only_the_first_titles_are_named() -> None:
    row = {f"Column {n}": "x" for n in range(40)}
    _, [problem] = take(table(row), "jamf-computers")
    assert problem.fix.endswith("Column 11 and 28 more")


def test_two_columns_for_one_field_are_a_problem() -> None:
    _, [problem] = take(table({**PERSON, "objectId": "1", "id": "2"}), "entra-users")
    assert (problem.code, problem.row, problem.column) == ("COLUMN_TWICE", 1, "id")
    assert problem.message == "objectId and id can both mean directory_id"
    assert 'columns = { directory_id = "objectId" }' in problem.fix
    row = {**PERSON, "objectId": "1", "id": "2"}
    found, problems = take(table(row), "entra-users", columns={"id": "id"})
    assert problems == ()
    assert isinstance(found, PeopleFile)
    assert [p.directory_id for p in found.records] == ["2"]


def test_one_title_twice_is_a_problem_only_where_it_counts() -> None:
    data = b"mail,city,city,mail\na@acme.com,x,y,b@acme.com\n"
    assert [(p.code, p.column) for p in take(data, "entra-users")[1]] == [("COLUMN_TWICE", "mail")]
    assert take(data, "entra-users")[1][0].fix == "rename or delete one of them"
    asked = take(data, "entra-users", "city")[1]
    assert [(p.code, p.column) for p in asked] == [("COLUMN_TWICE", "mail"), ("COLUMN_TWICE", "city")]


def test_a_title_that_is_not_there_is_a_problem() -> None:
    _, [problem] = take(table(DEVICE), "jamf-computers", columns={"user_email": "Computer Nam"})
    assert (problem.code, problem.column, problem.value) == ("COLUMN_UNKNOWN", "user_email", '"Computer Nam"')
    assert problem.fix == "did you mean Computer Name?"
    _, [problem] = take(table(DEVICE), "jamf-computers", columns={"user_email": "Mailadresse"})
    assert problem.fix == "the file has Serial Number, Computer Name"


def test_a_field_that_does_not_exist_is_a_problem() -> None:
    _, [problem] = take(table(DEVICE), "jamf-computers", columns={"seriel": "Serial Number"})
    assert (problem.code, problem.column, problem.fix) == ("COLUMN_UNKNOWN", "seriel", "did you mean serial?")


def test_a_fact_may_be_called_almost_like_a_field_where_a_rule_asks_for_it() -> None:
    row = {**DEVICE, "Verwalter": "IT"}
    found, problems = take(table(row), "jamf-computers", "managed_by", columns={"managed_by": "Verwalter"})
    assert problems == ()
    assert isinstance(found, DeviceFile)
    assert [d.facts for d in found.records] == [{"managedby": "IT"}]


@pytest.mark.covers("T29")
def test_a_header_of_brackets_takes_no_time() -> None:
    brackets = "[" * 100_000
    found, problems = take(f"mail,{brackets}\na@acme.com,x\n".encode(), "entra-users")
    assert problems == ()
    assert found is not None
    assert [len(title) for title in found.read.ignored_columns] == [65]


@pytest.mark.covers("T15")
def test_a_forged_title_is_a_problem_where_it_counts() -> None:
    data = "mail,ma\u200bil\u202e2,city\u200b\na@acme.com,x,y\n".encode()
    assert take(data, "entra-users")[1] == ()
    _, [problem] = take("ma\u200bil,city\na@acme.com,x\n".encode(), "entra-users")
    assert (problem.code, problem.row) == ("INVISIBLE_CHARACTER", 1)


# Facts


def test_only_facts_that_are_asked_about_are_kept() -> None:
    row = {**PERSON, "department": " R&D ", "jobTitle": "Dev", "contractEnd": "2027-01-31", "city": ""}
    found, _ = take(table(row), "entra-users", "department", "contract end", "city", "nowhere")
    assert isinstance(found, PeopleFile)
    [person] = found.records
    assert person.facts == {"contractend": "2027-01-31", "department": "R&D"}
    assert found.read.facts == ("city", "contractend", "department")  # it has them, be they empty


def test_the_presets_own_facts_go_before_a_title_that_is_called_so() -> None:
    row = {**PERSON, "userType": "Guest", "type": "other"}
    found, _ = take(table(row), "entra-users", "type")
    assert isinstance(found, PeopleFile)
    assert [p.facts for p in found.records] == [{"type": "Guest"}]


def test_equal_facts_are_one_object() -> None:
    rows = [{**PERSON, "department": text} for text in ("R&D", "Sales", "R&D", " R&D ")]
    found, _ = take(table(*rows), "entra-users", "department")
    assert isinstance(found, PeopleFile)
    first, second, third, fourth = found.records
    assert first.facts is third.facts is fourth.facts
    assert first.facts != second.facts


def test_a_json_path_gives_the_fact_that_it_ends_with() -> None:
    person = {"id": "1", "status": "ACTIVE", "profile": {"login": "a@acme.com", "contractEnd": "2027-01-31"}}
    found, problems = take(records(person), "okta-users-json", "contractEnd")
    assert problems == ()
    assert isinstance(found, PeopleFile)
    assert [p.facts for p in found.records] == [{"contractend": "2027-01-31"}]


def test_what_nobody_asked_for_is_told() -> None:
    found, _ = take(table({**PERSON, "city": "x", "b\u202eidi": "y", "": "z"}), "entra-users")
    assert found is not None
    assert found.read.ignored_columns == ("city", '"b\\u202eidi"', "column 6")


def test_what_was_read_is_told() -> None:
    found, _ = take(table(PERSON), "entra-users", file="in/users.csv")
    assert found is not None
    read = found.read
    assert (read.file, read.preset, read.sha256, read.records) == (
        *("in/users.csv", "entra-users", "sha256-of-the-file"),
        1,
    )

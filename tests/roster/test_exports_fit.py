"""Which preset fits a header: every generation, files of few columns, and files that are something else."""

from __future__ import annotations

import io

import pytest

from provisioner.roster.exports import EXPORTS, ExportPreset
from provisioner.roster.fit import Look, look
from provisioner.roster.problems import Problems
from tests.support.estate.titles import JAMF_GERMAN
from tests.support.sheets import records, sheet, table


def seen(data: bytes, file: str = "in/export.csv") -> tuple[Look | None, Problems]:
    problems = Problems(file)
    return look(io.BytesIO(data), file, problems), problems


def best(data: bytes) -> Look:
    found, problems = seen(data)
    assert found is not None, problems.error().problems
    return found


GENERATIONS = [
    (preset, generation.name)
    for preset, export in EXPORTS.items()
    for generation in export.generations
    if not generation.name.startswith("German console")  # a few titles, and no id among them
]


@pytest.mark.parametrize(("preset", "name"), GENERATIONS)
def test_every_generation_fits_its_own_preset(preset: ExportPreset, name: str) -> None:
    generation = next(g for g in EXPORTS[preset].generations if g.name == name)
    status = "Active"
    row = {title: status if title.lower().startswith("status") else "1" for title in generation.titles}
    row |= {t: "" for t in row if "owner" in t.lower()}
    found = best(sheet(generation.titles, [row]))
    assert (found.best.preset, found.best.generation, found.best.guessed) == (preset, generation, {})
    assert found.best.known == found.best.alike == 1
    assert found.problems == ()


@pytest.mark.parametrize(
    ("titles", "preset"),
    [
        ("email,team,env", "plain"),
        ("E-Mail,Department,Stage,Name", "plain"),
        ("userPrincipalName,department,env", "plain"),
        ("id,userPrincipalName,displayName,mail,accountEnabled,department", "entra-users"),
        ("id,userPrincipalName,displayName", "entra-group-members"),
        ("DeviceName,SerialNumber,OS,UPN", "intune-devices"),
        ("Serial Number,Computer Name", "jamf-computers"),
        ("serial_number,device__name,device__family", "kandji-devices"),
        ("Email Address,Org Unit Path,Status", "google-users"),
        ("Login,Status,User", "okta-users-json"),
    ],
)
def test_files_of_few_columns(titles: str, preset: str) -> None:
    row = dict.fromkeys(titles.split(","), "") | {titles.split(",")[0]: "x"}
    problems = Problems("export.csv")
    found = look(io.BytesIO(table(row)), "export.csv", problems)
    assert found is not None, problems.error().problems
    assert found.best.preset == preset


def test_extension_attributes_do_not_make_a_jamf_file_another_one() -> None:
    row = {"Computer Name": "M", "Serial Number": "C1", "JSS Computer ID": "1"}
    found = best(table(row | {f"EA {n}": "x" for n in range(60)}))
    assert (found.best.preset, len(found.best.ignored)) == ("jamf-computers", 60)


def test_translated_titles_are_guessed_and_said() -> None:
    row = {"Computername": "M", "Seriennummer": "C1", "Letzter Check-In": "", "E-Mail-Adresse": "a@acme.com"}
    found = best(table(row))
    assert found.best.preset == "jamf-computers"
    assert found.best.guessed == {"serial": "Seriennummer", "user_email": "E-Mail-Adresse"}
    assert (found.read.records, found.problems) == (1, ())


@pytest.mark.covers("S191")
def test_a_german_jamf_export_tells_what_is_managed() -> None:
    found = best(sheet(JAMF_GERMAN, [{"Seriennummer": "C1", "Verwaltet": "Nein", "Betreut": "Ja"}]))
    assert ("Verwaltet", ("managed",)) in [(c.title, c.gives) for c in found.best.understood]
    assert found.best.generation is not None
    assert found.best.generation.name == "German console since 11.28"
    assert "[K]" in found.best.generation.source
    assert "Betreut" in found.best.ignored, "it says supervised, which nobody asks about"
    assert found.problems == ()


def test_titles_are_guessed_where_an_id_is_known_and_a_serial_number_is_not() -> None:
    row = {
        "Computername": "M",
        "JSS-Computer-ID": "1",
        "Seriennummer": "C1",
        "Benutzername": "a",
        "Modell": "M",
    }
    found = best(table(row))
    assert found.best.guessed == {"serial": "Seriennummer", "user_upn": "Benutzername"}


def test_a_known_title_is_no_guess_for_another_field() -> None:
    row = {
        "Device name": "PC",
        "Serial number": "1",
        "OS": "Windows",
        "Enrollment date": "",
        "Management name": "",
    }
    assert best(table(row)).best.guessed == {}


@pytest.mark.parametrize(
    "titles",
    [
        "invoice,amount,date",
        "id,name,amount",
        "id,status,total,due",
        "serial,owner",
        "name,department",
    ],
)
def test_a_file_that_is_something_else_fits_nothing(titles: str) -> None:
    found, problems = seen(table(dict.fromkeys(titles.split(","), "x")))
    assert found is None
    assert [p.code for p in problems.error().problems] == ["NO_PRESET"]


def test_the_nearest_preset_says_what_it_lacks() -> None:
    row = {"Device name": "PC", "OS": "Windows", "Ownership": "Company", "Primary user UPN": "a@acme.com"}
    found, problems = seen(table(row))
    assert found is None
    [problem] = problems.error().problems
    assert problem.fix == (
        "intune-devices is nearest, and needs serial: say under it which column that is, in columns"
    )


def test_the_runner_up_is_named() -> None:
    found = best(table({"Object ID": "1", "User principal name": "a@acme.com", "Member type": "User"}))
    assert found.best.preset == "entra-group-members"
    assert found.second is not None
    assert found.second.preset == "entra-users"
    assert best(table({"email": "a@acme.com", "team": "x", "env": "y"})).second is None


@pytest.mark.covers("T12")
def test_traps_are_counted_with_their_first_row() -> None:
    plain = {"mail": "a@acme.com", "userPrincipalName": "a@acme.com", "displayName": "A", "department": "-"}
    odd = plain | {"mail": "a@acme.com,b@acme.com", "displayName": "=1+3", "department": "@x"}
    found = best(table(plain, odd, odd))
    assert (found.traps.several.count, found.traps.several.first) == (2, 3)
    assert (found.traps.formulas.count, found.traps.formulas.first) == (4, 3)


def test_what_would_stop_a_run_is_told_and_stops_no_look() -> None:
    data = b"mail,userPrincipalName,accountEnabled\na@acme.com,a@acme.com\nb@acme.com,,maybe\n"
    found = best(data)
    assert [p.code for p in found.problems] == ["ROW_TOO_SHORT", "WORD_UNKNOWN"]
    assert found.read.records == 1


@pytest.mark.covers("T29")
def test_what_is_no_table_is_told() -> None:
    found, problems = seen(b"%PDF-1.7")
    assert found is None
    assert [p.code for p in problems.error().problems] == ["NOT_CSV"]


def test_json_counts_records() -> None:
    found = best(
        records({"id": "1", "status": "ACTIVE", "profile": {"login": "a@acme.com", "email": "x@y, z@y"}})
    )
    assert (found.best.preset, found.unit, found.traps.several.first) == ("okta-users-json", "record", 1)

"""`provision roster headers`: what is said of each export, as a whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from provisioner.roster.exports import EXPORTS, ExportPreset
from tests.support.pilot import Pilot
from tests.support.sheets import records, sheet, table

ENTRA = {
    "userPrincipalName": "alice@acme.com",
    "mail": "alice@acme.com",
    "displayName": "Alice Ng",
    "department": "R&D",
    "accountEnabled": "True",
    "userType": "Member",
}
GUEST = {
    "userPrincipalName": "bob_partner.com#EXT#@acme.onmicrosoft.com",
    "displayName": "=1+3",
    "accountEnabled": "perhaps",
    "userType": "Guest",
}
INTUNE = {
    "Device ID": "d-1",
    "Device name": "PC-1",
    "Serial number": "PF1",
    "Ownership": "Company",
    "OS": "Windows",
    "Primary user email address": "alice@acme.com",
}


def titles(preset: ExportPreset, generation: int) -> tuple[str, ...]:
    return EXPORTS[preset].generations[generation].titles


# Golden text by its name: the file's own name, and its bytes.
FILES: dict[str, tuple[str, bytes]] = {
    "plain": ("people.csv", table({"email": "a@acme.com", "team": "Eng", "env": "prod", "Notes": ""})),
    "entra-users": ("users.csv", sheet(titles("entra-users", 1), [ENTRA, GUEST])),
    "entra-group-members": (
        "AI-Pilot.csv",
        table(
            {
                "Object ID": "1",
                "User principal name": "a@acme.com",
                "Display name": "A",
                "Member type": "User",
            },
            {"Object ID": "2", "User principal name": "", "Display name": "Nested", "Member type": "Group"},
        ),
    ),
    "intune-devices": (
        "intune.csv",
        sheet(titles("intune-devices", 0), [INTUNE, {**INTUNE, "Serial number": "F2", "OS": "iOS"}]),
    ),
    "okta-users-json": (
        "okta.json",
        records(
            {
                "id": "1",
                "status": "ACTIVE",
                "profile": {"login": "a@acme.com", "email": "a@acme.com, b@acme.com"},
            },
            {"id": "2", "status": "STAGED", "profile": {"login": "c@acme.com", "contractEnd": "2027-01-31"}},
        ),
    ),
    "google-users": (
        "google.csv",
        sheet(
            titles("google-users", 0),
            [{"Email Address [Required]": "a@acme.com", "Status [READ ONLY]": "Active"}],
        ),
    ),
    "jamf-computers": (
        "jamf.csv",
        table(
            {"Computername": "MAC-1", "Seriennummer": "C02A", "Letzter Check-In": "", "Abteilung": "R&D"},
            {"Computername": "", "Seriennummer": "", "Letzter Check-In": "", "Abteilung": "Sales"},
        ),
    ),
    "kandji-devices": (
        "kandji.csv",
        sheet(titles("kandji-devices", 0), [{"serial_number": "C02A", "device__family": "Mac"}]),
    ),
}


@pytest.fixture
def desk(tmp_path: Path) -> Pilot:
    for name, data in FILES.values():
        (tmp_path / name).write_bytes(data)
    return Pilot(tmp_path)


@pytest.mark.covers("T12")
@pytest.mark.parametrize("name", list(FILES))
def test_the_report_of_each_preset(name: str, desk: Pilot, golden: Callable[[str, bytes], None]) -> None:
    ran = desk.run("roster", "headers", FILES[name][0])
    assert ran.code == 0
    golden(f"roster/headers-{name}.txt", ran.out.encode())


def test_the_report_as_json(desk: Pilot) -> None:
    ran = desk.run("roster", "headers", "jamf.csv", "--format", "json")
    assert ran.code == 0
    assert ran.json == {
        "version": 1,
        "kind": "headers",
        "file": "jamf.csv",
        "preset": "jamf-computers",
        "generation": "German console 10.32",
        "generation_source": "docs.jamf.com/de 10.32, inventory reference; only these two titles are known",
        "runner_up": None,
        "group": None,
        "records": 1,
        "columns": [
            {"title": "Computername", "gives": ["name"]},
            {"title": "Seriennummer", "gives": ["serial"]},
            {"title": "Letzter Check-In", "gives": ["last_seen"]},
        ],
        "ignored": ["Abteilung"],
        "guessed": {"serial": "Seriennummer"},
        "traps": {
            "blank_rows": 1,
            "not_computers": 0,
            "not_people": 0,
            "several_addresses": 0,
            "formulas": 0,
        },
        "problems": [],
        "source": '[[roster.source]]\npreset = "jamf-computers"\nfile = "jamf.csv"\n'
        'columns = { serial = "Seriennummer" }',
    }


def test_what_would_stop_a_run_is_told_beside_the_result(desk: Pilot) -> None:
    ran = desk.run("roster", "headers", "users.csv")
    assert ran.code == 0
    assert ran.err.startswith("users.csv:3: accountEnabled: WORD_UNKNOWN: ")
    assert ran.err.endswith("provision: note: these problems would stop a run\n")
    asked = desk.run("roster", "headers", "users.csv", "--format", "json")
    assert [(p["row"], p["code"], p["value"]) for p in asked.json["problems"]] == [
        (3, "WORD_UNKNOWN", '"perhaps"')
    ]
    assert desk.run("roster", "headers", "jamf.csv").err == ""


def test_a_workbook_is_read_as_well(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["userPrincipalName", "mail", "displayName", "accountEnabled"])
    book.active.append(["a@acme.com", "a@acme.com", "Alice", True])
    data = io.BytesIO()
    book.save(data)
    (tmp_path / "users.xlsx").write_bytes(data.getvalue())
    ran = Pilot(tmp_path).run("roster", "headers", "users.xlsx", "--format=json")
    assert (ran.code, ran.json["preset"], ran.json["records"], ran.json["problems"]) == (
        0,
        "entra-users",
        1,
        [],
    )


def test_no_preset_is_an_error_that_says_what_is_nearest(desk: Pilot) -> None:
    (desk.folder / "pcs.csv").write_text("Device name,OS,Ownership\nPC,Windows,Company\n")
    ran = desk.run("roster", "headers", "pcs.csv")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("pcs.csv:1: NO_PRESET: ")
    assert "intune-devices is nearest, and needs serial" in ran.err


def test_a_file_that_is_not_there_is_told(desk: Pilot) -> None:
    ran = desk.run("roster", "headers", "nowhere.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "can't read nowhere.csv" in ran.err


@pytest.mark.covers("T15", "T29")
def test_a_hostile_header_reaches_no_terminal(desk: Pilot) -> None:
    (desk.folder / "x.csv").write_text("mail,userPrincipalName,\x1b[2Jcity\u202e\na@acme.com,,\n")
    ran = desk.run("roster", "headers", "x.csv")
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out + ran.err

"""`provision roster diff` as somebody types it: plain files, a fleet file with sources, a former run."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from provisioner.cli import context
from provisioner.cli.main import run_command
from tests.e2e.test_estate import COMPANIES
from tests.support import estate
from tests.support.pilot import Pilot

HEADER = "email,team,env\n"
FLEET = """
[roster]
domains = ["acme.com"]

[[roster.source]]
preset = "entra-users"
file = "users.csv"

[[roster.source]]
preset = "entra-group-members"
files = "groups/*.csv"

[[assign]]
when = { group = "AI-Eng" }
team = "eng"
env = "prod"
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_text(HEADER + "a@acme.com,Eng,prod\nu2@acme.com,Eng,prod\nc@acme.com,Eng,prod\n")
    Path("new.csv").write_text(HEADER + "a@acme.com,Ops,prod\nb@acme.com,Eng,prod\nu2@acme.com,Eng,prod\n")
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run_command(["roster", "diff", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_plain_files_in_three_formats(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "old.csv", "new.csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == (
        "from old.csv to new.csv: 1 joiner, 1 mover and 1 leaver; unchanged: 1 person or service"
    )
    assert "  a@acme.com  eng-prod -> ops-prod  new.csv:2" in out
    _, out, _ = typed(capsys, "old.csv", "new.csv", "--format", "json")
    found = json.loads(out)
    assert [change["person"] for change in found["leavers"]] == ["c@acme.com"]
    _, out, _ = typed(capsys, "old.csv", "new.csv", "--format", "csv")
    assert list(csv.reader(io.StringIO(out)))[1:] == [
        ["joiner", "b@acme.com", "", "eng-prod", "new.csv:3"],
        ["mover", "a@acme.com", "eng-prod", "ops-prod", "new.csv:2"],
        ["leaver", "c@acme.com", "eng-prod", "", "old.csv:4"],
    ]
    assert sorted(path.name for path in desk.iterdir()) == ["new.csv", "old.csv"]


@pytest.mark.covers("T16")
def test_a_plain_file_against_a_fleet_file_with_sources(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("fleet.toml").write_text(FLEET)
    Path("users.csv").write_text(
        "userPrincipalName,displayName,mail,id,userType,accountEnabled\n"
        "u1@acme.com,A,a@acme.com,1,Member,True\n"
        "u2@acme.com,B,b@acme.com,2,Member,True\n"
        "c@acme.com,C,c@acme.com,3,Member,False\n"
    )
    Path("groups").mkdir()
    Path("groups/AI-Eng.csv").write_text("id,userPrincipalName,displayName\n1,,A\n2,,B\n3,,C\n")
    code, out, _err = typed(capsys, "old.csv", "fleet.toml", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert (found["joiners"], found["movers"], found["same"]) == ([], [], 1)
    assert [change["person"] for change in found["leavers"]] == ["c@acme.com"]
    assert found["identities"] == [
        {"change": "respelled", "from": ["u2@acme.com"], "to": ["b@acme.com"], "source": "users.csv:3"}
    ]


def test_a_former_run_against_its_roster(pilot: Pilot) -> None:
    assert pilot.main_job().code == 0
    same = pilot.run("roster", "diff", "dist/assignments.csv", "org.csv")
    assert (same.code, same.err) == (0, "")
    assert same.out == "no differences between dist/assignments.csv and org.csv: 3 people and services\n"
    pilot.write_roster(HEADER + "alice@acme.com,Engineering,prod\ncarol@acme.com,Support,prod\n")
    changed = pilot.run("roster", "diff", "dist/assignments.csv", "org.csv", "--format", "json").json
    assert [change["person"] for change in changed["leavers"]] == ["bob@acme.com"]
    assert [change["person"] for change in changed["movers"]] == ["alice@acme.com"]


@pytest.mark.covers("S191")
@pytest.mark.parametrize("company", list(COMPANIES))
def test_a_run_of_a_company_against_its_own_exports_differs_in_nothing(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, company: str
) -> None:
    monkeypatch.setattr(context, "now", lambda: datetime.combine(estate.TODAY, time(12), UTC))
    estate.write(pilot.folder, COMPANIES[company])
    assert pilot.run("--roster", "provision.toml").code == 0
    for sides in (("dist/assignments.csv", "provision.toml"), ("provision.toml", "dist/assignments.csv")):
        told = pilot.run("roster", "diff", *sides)
        assert (told.code, told.err) == (0, "")
        assert told.out.startswith(f"no differences between {sides[0]} and {sides[1]}: "), told.out


def test_what_can_not_be_read_is_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "old.csv", "nope.csv")
    assert (code, out) == (2, "")
    assert "can't read nope.csv" in err
    Path("bad.csv").write_text(HEADER + "a,Eng,prod\n")
    assert typed(capsys, "old.csv", "bad.csv")[0] == 2

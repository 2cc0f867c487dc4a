"""`roster check`, `explain` and `unmatched` on exports, as an admin types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pilot import Pilot

FLEET = """\
tenant = "acme"
[[roster.source]]
preset = "entra-users"
file = "in/users.csv"
[[roster.source]]
preset = "jamf-computers"
file = "in/jamf.csv"
[roster.teams]
"Platform*" = "eng"
[[assign]]
when = { department = "*" }
team = { from = "department" }
env = "prod"
"""
USERS = """\
userPrincipalName,displayName,mail,id,userType,department,accountEnabled
ada@acme.com,Ada Example,ada@acme.com,00000000-0000-4000-8000-000000000001,Member,Platform Engineering,True
bo@acme.com,Bo Example,bo@acme.com,00000000-0000-4000-8000-000000000002,Member,Catering,True
gast@acme.com,Gast Example,gast@acme.com,00000000-0000-4000-8000-000000000003,Guest,,True
"""
JAMF = """\
Computer Name,JSS Computer ID,Serial Number,Email Address,Managed,Application Title
ADA-MBP,12,C02ADA0001,ada@acme.com,Managed,Safari
,,,,,Mail
BO-MBP,13,C02BO00001,bo@acme.com,Managed,Safari
"""


@pytest.fixture
def desk(pilot: Pilot) -> Pilot:
    """A desk with exports, one person of which maps to no team."""
    (pilot.folder / "in").mkdir()
    write(pilot.folder, FLEET)
    (pilot.folder / "in/users.csv").write_text(USERS)
    (pilot.folder / "in/jamf.csv").write_text(JAMF)
    return pilot


def write(folder: Path, fleet: str) -> None:
    (folder / "provision.toml").write_text(fleet)


def test_check_tells_the_whole_and_then_the_problems(desk: Pilot) -> None:
    ran = desk.run("roster", "check")
    assert ran.code == 2
    assert ran.out.startswith("provision.toml: 1 problem: 3 people and 2 devices of acme in 1 assignment")
    assert "GUEST" in ran.out
    assert "in/users.csv:3: department: NO_RULE" in ran.err
    assert "provision: error: 1 problem in in/users.csv" in ran.err
    told = desk.run("roster", "check", "--format", "json")
    assert told.code == 2
    assert [p["code"] for p in told.json["problems"]] == ["NO_RULE"]
    assert told.json["sources"][1]["continuation_rows"] == 1
    assert desk.run("roster", "check", "provision.toml").out == ran.out
    assert not (desk.state / "ledger.db").exists()


def test_lines_of_unmatched_mend_what_check_found(desk: Pilot) -> None:
    ran = desk.run("roster", "unmatched")
    assert ran.code == 0
    assert "provision roster check tells" in ran.err
    assert "row 3  bo@acme.com" in ran.out
    pasted = ran.out[ran.out.index("[roster.teams]") :].replace('= ""', '= "kitchen"')
    write(desk.folder, FLEET.replace("[roster.teams]\n", pasted))
    assert desk.run("roster", "check").code == 0
    assert desk.run("roster", "unmatched").out.strip() == (
        "every text maps to a team, and every person matches a rule"
    )


@pytest.mark.parametrize("who", ["ada@acme.com", "<Ada@ACME.com>", "c02ada0001", "ADA-MBP", "jamf:12"])
def test_one_can_be_asked_for_in_many_ways(desk: Pilot, who: str) -> None:
    ran = desk.run("roster", "explain", who, "--out", "elsewhere")
    assert ran.code == 0, ran.err
    assert "elsewhere/eng-prod/jamf/" in ran.out
    assert "in/users.csv, row 2" in ran.out
    assert "in/jamf.csv, row 2" in ran.out
    assert "rule 1, line 10  wins" in ran.out
    assert desk.run("roster", "explain", who, "--format", "json").json["kind"] == "explain"


def test_a_plain_file_is_told_as_short_as_before(desk: Pilot) -> None:
    (desk.folder / "provision.toml").unlink()
    lines = desk.run("roster", "check", "org.csv").out.splitlines()
    assert lines[0] == "org.csv: no problems: 3 people of acme in 3 assignments"
    assert len(lines) <= 8
    assert "not covered by any profile" not in "\n".join(lines)

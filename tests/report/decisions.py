"""A company as joined exports show it, with one of each awkward case, and what the rules make of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from provisioner.assign import RulesAt, cover
from provisioner.fleet import Fleet, load_fleet, rule_lines
from provisioner.report.decided import Decided
from provisioner.roster.model import (
    Device,
    Entry,
    LeftOut,
    Note,
    Person,
    Place,
    Roster,
    Service,
    SourceRead,
)
from tests.report.rollouts import POLICY

TODAY = date(2026, 11, 20)
FLEET = """\
tenant = "acme"

[roster.teams]
"Platform Engineering" = "eng"
"R&D*" = "eng"
"Sales*" = "sales"
"AI-Team-Data" = "data"

[[roster.source]]
preset = "entra-users"
file = "in/users.csv"

[[assign]]
when = { group = "AI-Pilot" }
team = "pilot"
env = "prod"
ring = 0

[[assign]]
when = { kind = "device", name = "KIOSK-*" }
team = "shared"
env = "prod"
attribution = "device"

[[assign]]
when = { kind = "device", name = "VDI-*" }
team = "vdi"
env = "prod"
attribution = { pool = "vdi-east" }

[[assign]]
when = { enrolment = "byod-device" }
team = { from = "department" }
env = "byod"
profile = "restricted"
key = "person"
expires = 2027-06-30

[[assign]]
when = { employee_type = "Contractor", managed = false }
team = "ext"
env = "prod"
profile = "restricted"
key = "person"
expires = { column = "contractEnd" }

[[assign]]
when = { group = "AI-Env-Prod" }
team = { from = "department" }
env = "prod"

[[assign]]
when = { group = "AI-Env-Dev" }
team = { from = "department" }
env = "dev"
second = "key-only"

[[assign]]
when = { group = "AI-Team-*" }
team = { from = "group" }
env = "prod"
second = "key-only"

[[assign]]
when = { department = "*" }
team = { from = "department" }
env = "prod"
"""
USERS, JAMF, INTUNE, PLAIN = "in/users.csv", "in/jamf.csv", "in/intune.csv", "in/plain.csv"


def person(row: int, local: str, department: str = "", *groups: str, **more: Any) -> Person:
    """Return somebody of the directory; further facts and fields by name."""
    facts = {"department": department} if department else {}
    facts |= {name: more.pop(name) for name in ("employeetype", "contractend") if name in more}
    given = {
        "name": f"{local.title()} Example",
        "directory_id": f"0000{row:04d}-aaaa-4bbb-8ccc-{row:012d}",
        **more,
    }
    return Person(
        f"{local}@acme.com",
        (f"{local}@acme.onmicrosoft.com",),
        Place(USERS, row),
        facts=facts,
        groups=tuple(sorted(groups)),
        **given,
    )


def mac(row: int, serial: str, owner: str | None, name: str | None = None, **more: Any) -> Device:
    """Return a Mac that Jamf lists."""
    address = "" if owner is None else f"{owner}@acme.com"
    given: dict[str, Any] = {
        "platform": "macos",
        "mdm": "jamf",
        "mdm_id": f"{row + 200}",
        "user_email": address,
    }
    return Device(
        serial,
        Place(JAMF, row),
        serial=serial,
        name=name or f"{(owner or 'x').upper()}-MBP",
        owner=address or None,
        last_seen=date(2026, 11, 18),
        **(given | more),
    )


PEOPLE = (
    person(2, "ada", "Platform Engineering"),
    person(3, "bert", "Sales EMEA", "AI-Pilot"),
    person(4, "cora", "R&D / Core"),
    person(5, "dan", "Sales EMEA", "AI-Team-Data"),
    person(6, "eve", "Platform Engineering", "AI-Env-Dev", "AI-Env-Prod"),
    person(7, "finn", "Platform Engineering"),
    person(8, "gus", "", employeetype="Contractor", contractend="2027-03-31"),
    person(9, "hal", "Sales", left_out=LeftOut("GUEST", "type is Guest")),
    person(10, "ida", "Fleet Kitchen"),
    person(11, "jo", "Platform Engineering"),
)
DEVICES = (
    mac(2, "C02ADA0001", "ada", also=(Place(INTUNE, 9),)),
    mac(3, "C02BERT001", "bert"),
    mac(4, "C02CORA001", "cora"),
    mac(5, "C02DAN0001", "dan"),
    mac(6, "C02EVE0001", "eve"),
    mac(7, "C02FINN001", "finn", enrolment="byod-device"),
    mac(8, "C02KIOSK01", None, "KIOSK-LOBBY"),
    mac(9, "C02LOST001", None, "MBP-0815"),
    Device(
        "VDI0000001",
        Place(INTUNE, 2),
        serial="VDI0000001",
        name="VDI-EAST-01",
        mdm="intune",
        mdm_id="5f0c1d2e-1111-4222-8333-444455556666",
        directory_id="5f0c1d2e-9999-4222-8333-444455556666",
        platform="windows",
        last_seen=date(2026, 11, 19),
    ),
    mac(10, "C02JO00001", "jo", user_email=""),
)
CI = Entry(
    2, "svc:build-farm", "platform", "prod", "Platform", kind="service", owner="ada@acme.com", file=PLAIN
)
NAMED = Entry(3, "kim@acme.com", "support", "prod", "Support", name="Kim Example", file=PLAIN)
ROSTER = Roster(
    "provision.toml",
    "0" * 64,
    "acme",
    (*PEOPLE, Person("kim@acme.com", (), NAMED.place, name="Kim Example", rows=(NAMED,))),
    DEVICES,
    (Service("svc:build-farm", "ada@acme.com", CI),),
    sources=(
        SourceRead(USERS, "entra-users", "1" * 64, 10, ("surname", "jobTitle")),
        SourceRead("in/groups/AI-Pilot.csv", "entra-group-members", "2" * 64, 1),
        SourceRead("in/groups/AI-Env-Dev.csv", "entra-group-members", "7" * 64, 1),
        SourceRead("in/groups/AI-Env-Prod.csv", "entra-group-members", "8" * 64, 1),
        SourceRead("in/groups/AI-Team-Data.csv", "entra-group-members", "3" * 64, 1),
        SourceRead(JAMF, "jamf-computers", "4" * 64, 9, ("Building",), blank_rows=41, not_computers=2),
        SourceRead(INTUNE, "intune-devices", "5" * 64, 2),
        SourceRead(PLAIN, "plain", "6" * 64, 2),
    ),
    inventory=True,
    notes=(Note("SHARED_ADDRESS", "desk@acme.com", "the address of two people identifies nobody"),),
)


def decided(roster: Roster = ROSTER, text: str = FLEET) -> Decided:
    """Return what the rules of a fleet file make of a roster."""
    fleet = load_fleet(text, "provision.toml", ("standard", "restricted"))
    policies = dict.fromkeys(("standard", "restricted"), POLICY)
    rules_at = RulesAt("provision.toml", rule_lines(text))
    coverage = cover(roster, fleet, policies, today=TODAY, rules_at=rules_at)
    return Decided(roster, fleet, coverage, rules_at, "dist")


def fleet() -> Fleet:
    """Return the fleet file alone."""
    return load_fleet(FLEET, "provision.toml", ("standard", "restricted"))

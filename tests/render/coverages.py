"""Coverages made by hand for the tests of render: people, devices, services, and what each gets."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from provisioner.assign import Assignment, Coverage, Second, Verdict
from provisioner.assign.model import Choice, Reason
from provisioner.roster.model import Device, Entry, Inventory, Person, Place, Platform, Service
from tests.report.rollouts import POLICY

ENDS = datetime(2027, 1, 31, tzinfo=UTC)


def person(name: str, **changes: Any) -> Person:
    """Return `{name}@acme.com`, with an alias and an object id."""
    made = Person(
        f"{name}@acme.com",
        (f"{name}@acme.onmicrosoft.com", f"{name}.alias@acme.com"),
        Place("in/users.csv", 2),
        directory_id=f"00000000-0000-0000-0000-{name:0>12}",
        name=name.title(),
    )
    return made._replace(**changes)


def device(serial: str, mdm: Inventory | None, platform: Platform | None, **changes: Any) -> Device:
    """Return a device of a company."""
    made = Device(
        serial.upper(),
        Place(f"in/{mdm}.csv", 7),
        serial=serial,
        name=f"name of {serial}",
        mdm=mdm,
        mdm_id=f"id-{serial}",
        directory_id=f"entra-{serial}" if mdm == "intune" else None,
        platform=platform,
    )
    return made._replace(**changes)


def choice(team: str = "eng", env: str = "prod", **changes: Any) -> Choice:
    """Return what a rule gives."""
    return Choice(
        team, team.title(), env, "standard", None, "team", "variable", None, None, "artifact", 2
    )._replace(**changes)


def on(device: Device, person: Person | None, choice: Choice, name: str, **changes: Any) -> Verdict:
    """Return the verdict over a device that is covered."""
    made = Verdict(
        "device",
        device.id,
        "assigned",
        device.place,
        person,
        device,
        assignment=name,
        choice=choice,
        attribution="variable" if person else "device",
        expected=person.identity if person else f"device:{device.serial}",
    )
    return made._replace(**changes)


def missed(device: Device, person: Person | None, reason: Reason, detail: str = "") -> Verdict:
    """Return the verdict over a device that is not."""
    return Verdict(
        "device", device.id, "not-covered", device.place, person, device, reason=reason, detail=detail
    )


def unit(name: str, *members: Verdict, **changes: Any) -> Assignment:
    """Return an assignment with these members, its team and env after the first of them."""
    chosen = next((v.choice for v in members if v.choice), choice())
    made = Assignment(
        name=name,
        tenant="acme",
        team=chosen.team,
        env=chosen.env,
        team_display=chosen.team_display,
        policy=POLICY,
        config_name=f"desktop-{name}",
        key_name=f"claude-desktop-{name}",
        members=members,
        key_only=(),
    )
    return replace(made, **changes)


def covering(*assignments: Assignment, rest: tuple[Verdict, ...] = ()) -> Coverage:
    """Return the coverage of these assignments' members and the rest: people, devices, services."""
    verdicts = [*rest, *(v for a in assignments for v in a.members)]
    order = ("person", "device", "service")
    return Coverage(assignments, tuple(sorted(verdicts, key=lambda v: order.index(v.kind))), {})


def table(data: bytes) -> list[list[str]]:
    """Read CSV as a console does: apostrophes and all."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


ALICE, BOB, CAROL, EVE = person("alice"), person("bob"), person("carol"), person("eve")
RING_0, ENG, DEV = choice(ring=0), choice(), choice(env="dev", rule=3)
MAC = device("C02A", "jamf", "macos", user_email="alice@acme.com")
MAC_2 = device("C02B", "jamf", "macos", user_email="")
IRU = device("FVX1", "kandji", "macos")
PC = device("PF-1", "intune", "windows")
PC_2 = device("PF-2", "intune", "windows")
LINUX = device("LX-1", "intune", "linux")
LAB = device("C02LAB", "jamf", "macos")
VDI = device("VDI-1", "intune", "windows")
BUILD = Service(
    "svc:build-farm",
    "ops@acme.com",
    Entry(9, "svc:build-farm", "eng", "prod", "Eng", kind="service", owner="ops@acme.com", file="org.csv"),
)


def company() -> Coverage:
    """Return one of each: rings, a second match, a shared Mac, a pool, a service, a hand-out, and gaps."""
    eng = unit(
        "eng-prod",
        on(MAC, ALICE, RING_0, "eng-prod", seconds=(Second("eng-dev", True, DEV),)),
        on(IRU, BOB, ENG, "eng-prod"),
        on(PC, ALICE, RING_0, "eng-prod"),
        on(PC_2, BOB, ENG, "eng-prod"),
        on(LINUX, CAROL, ENG, "eng-prod", attribution="none"),
    )
    lab = unit("eng-prod-lab", on(LAB, None, ENG, "eng-prod-lab"), label="device:C02LAB")
    pool = unit(
        "eng-prod-vdi-east",
        on(VDI, None, choice(pool="vdi-east"), "eng-prod-vdi-east", expected="device:vdi-east"),
        label="device:vdi-east",
        channel="image",
    )
    row = choice(rule=None, row=BUILD.row)
    service = Verdict(
        "service",
        BUILD.id,
        "assigned",
        BUILD.place,
        service=BUILD,
        assignment="eng-prod-build-farm",
        choice=row,
        attribution="key",
        expected=BUILD.id,
    )
    farm = unit("eng-prod-build-farm", service, service=BUILD.id, channel="files")
    ext = choice("ext", scope="person", rule=0)
    contractor = Verdict(
        "person",
        EVE.identity,
        "assigned",
        EVE.place,
        EVE,
        assignment="ext-prod-eve",
        choice=ext,
        attribution="key",
        expected=EVE.identity,
    )
    handed = unit("ext-prod-eve", contractor, person=EVE.identity, channel="handout", expires_at=ENDS)
    dev = unit("eng-dev", key_only=(ALICE.identity,))
    rest = (
        Verdict(
            "person", ALICE.identity, "assigned", ALICE.place, ALICE, assignment="eng-prod", choice=RING_0,
            seconds=(Second("eng-dev", True, DEV),),
        ),
        Verdict("person", "dan@acme.com", "not-covered", Place("in/users.csv", 9), reason="NO_DEVICE"),
        missed(MAC_2, BOB, "NO_EMAIL_IN_MDM", "Jamf has no address"),
        missed(device("OLD-1", "intune", "windows"), ALICE, "NOT_CHECKED_IN_30D", "last seen 2026-08-01"),
    )  # fmt: skip
    return covering(eng, lab, pool, farm, handed, dev, rest=rest)

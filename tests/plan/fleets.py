"""Devices, verdicts and assignments for tests of what a plan counts."""

from __future__ import annotations

from typing import Any

from provisioner.assign import Assignment, Second, Verdict
from provisioner.assign.model import Attribution, Choice, Reason, Status
from provisioner.roster.model import Device, Inventory, Person, Place, Platform
from tests.report.rollouts import assignment

PLACE = Place("in/devices.csv", 2)


def choice(team: str = "eng", env: str = "prod", *, ring: int | None = None, rule: int | None = 0) -> Choice:
    return Choice(
        team=team, team_display=team, env=env, profile="standard", ring=ring, scope="team",
        attribution="variable", pool=None, expires=None, gives="artifact", rule=rule,
    )  # fmt: skip


def second(team: str, *, key_only: bool, rule: int | None = 1) -> Second:
    return Second(f"{team}-prod", key_only, choice(team, rule=rule))


def person(address: str, *aliases: str, **changes: Any) -> Person:
    return Person(address, aliases, Place("in/users.csv", 2))._replace(**changes)


def device(
    serial: str, mdm: Inventory | None, platform: Platform | None = "macos", owner: str | None = None
) -> Device:
    return Device(serial, PLACE, serial=serial, mdm=mdm, platform=platform, owner=owner)


def of_device(
    found: Device,
    status: Status = "assigned",
    *,
    whose: Person | None = None,
    reason: Reason | None = None,
    attribution: Attribution = "variable",
    ring: int | None = None,
    seconds: tuple[Second, ...] = (),
) -> Verdict:
    given = status in ("assigned", "key-only")
    return Verdict(
        "device", found.id, status, PLACE, person=whose, device=found,
        choice=choice(ring=ring) if given else None, assignment="eng-prod" if given else None,
        reason=reason, seconds=seconds, attribution=attribution if status == "assigned" else "none",
    )  # fmt: skip


def of_person(
    found: Person,
    status: Status = "assigned",
    *,
    reason: Reason | None = None,
    seconds: tuple[Second, ...] = (),
) -> Verdict:
    given = status in ("assigned", "key-only")
    return Verdict(
        "person", found.identity, status, found.place, person=found, choice=choice() if given else None,
        assignment="eng-prod" if given else None, reason=reason, seconds=seconds,
        attribution="variable" if status == "assigned" else "none",
    )  # fmt: skip


def with_devices(team: str, env: str, members: tuple[Verdict, ...], **changes: Any) -> Assignment:
    return assignment(team, env, 0, members=members, **changes)

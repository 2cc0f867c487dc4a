"""A small company for the tests of assigning: people, devices, a fleet file, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from gateway_client.contract import Budget
from provisioner.assign import Assignment, Coverage, RulesAt, Verdict, cover
from provisioner.fleet import Fleet, load_fleet, rule_lines
from provisioner.policy.model import Hardening, Models, Policy
from provisioner.roster.model import Device, Entry, LeftOut, Person, Place, Roster, Service, SourceRead

TODAY = date(2026, 11, 20)
POLICY = Policy(
    name="standard",
    models=Models("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"),
    config={"provider": "@anthropic-prod"},
    budget=Budget(500),
    rate_limits=(),
    hardening=Hardening({}, {}),
)


def address(name: str) -> str:
    return name if "@" in name else f"{name}@acme.com"


def person(name: str, row: int = 2, *, left_out: LeftOut | None = None, **more: Any) -> Person:
    """Return somebody of the directory; what is no field of a person is a fact."""
    fields = {key: more.pop(key) for key in ("aliases", "groups", "rows") if key in more}
    return Person(
        address(name),
        fields.pop("aliases", ()),
        Place("users.csv", row),
        facts=more,
        left_out=left_out,
        **fields,
    )


def mac(serial: str, owner: str | None = None, **changes: Any) -> Device:
    """Return a Mac in Jamf, its user's address as the owner's."""
    device = Device(
        id=serial.upper(),
        place=Place("jamf.csv", 2),
        serial=serial,
        name=f"mac-{serial}",
        mdm="jamf",
        platform="macos",
        owner=None if owner is None else address(owner),
        user_email="" if owner is None else address(owner),
        last_seen=TODAY,
    )
    return device._replace(**changes)


def pc(serial: str, owner: str | None = None, **changes: Any) -> Device:
    """Return a Windows machine in Intune."""
    return mac(serial, owner, **({"name": f"pc-{serial}", "mdm": "intune", "platform": "windows"} | changes))


def row(number: int, email: str, team: str, env: str = "prod", **changes: Any) -> Entry:
    return Entry(
        number,
        address(email) if email and not email.startswith("svc:") else email,
        team,
        env,
        changes.pop("team_display", team),
        file=changes.pop("file", "org.csv"),
        **changes,
    )


def by_row(*rows: Entry, **changes: Any) -> Person:
    """Return somebody whom only plain rows name."""
    return Person(rows[0].email, (), rows[0].place, rows=rows, **changes)


def service(number: int, name: str, team: str, env: str = "prod", **changes: Any) -> Service:
    entry = row(number, f"svc:{name}", team, env, kind="service", owner="ops@acme.com", **changes)
    return Service(entry.email, "ops@acme.com", entry)


def roster(
    people: Iterable[Person] = (),
    devices: Iterable[Device] = (),
    services: Iterable[Service] = (),
    *,
    inventory: bool | None = None,
) -> Roster:
    """Return the roster; devices make an inventory unless said otherwise."""
    devices = tuple(devices)
    return Roster(
        "provision.toml",
        "digest",
        "acme",
        tuple(people),
        devices,
        tuple(services),
        sources=tuple(SourceRead(f, "plain", "", 1) for f in ("org.csv", "users.csv", "jamf.csv")),
        inventory=bool(devices) if inventory is None else inventory,
    )


def decided(
    who: Roster, fleet: str = "", policies: Mapping[str, Policy] | None = None, today: date = TODAY
) -> Coverage:
    """Return what becomes of a roster under the text of a fleet file."""
    loaded = load_fleet(fleet, "provision.toml")
    return covered(who, loaded, policies, today, rule_lines(fleet))


def covered(
    who: Roster,
    fleet: Fleet,
    policies: Mapping[str, Policy] | None = None,
    today: date = TODAY,
    lines: tuple[int, ...] = (),
) -> Coverage:
    known = {name: replace(POLICY, name=name) for name in fleet.profiles} | dict(policies or {})
    return cover(who, fleet, known, today=today, rules_at=RulesAt("provision.toml", lines))


def of(coverage: Coverage, name: str, kind: str = "") -> Verdict:
    """Return the one verdict over somebody or something."""
    [verdict] = [v for v in coverage.verdicts if v.id in (name, address(name)) and kind in ("", v.kind)]
    return verdict


def assignment(coverage: Coverage, name: str) -> Assignment:
    [found] = [a for a in coverage.assignments if a.name == name]
    return found


def told(coverage: Coverage) -> list[str]:
    """Return every verdict in a line: kind, id, status, and what or why."""
    return [f"{v.kind} {v.id} {v.status} {v.assignment or v.reason}" for v in coverage.verdicts]


def codes(coverage: Coverage) -> list[str]:
    return [problem.code for problem in coverage.problems]


def rule(when: str, team: str = '"eng"', env: str = '"prod"', more: str = "") -> str:
    """Return one `[[assign]]`; `team` and `env` as TOML."""
    return f"[[assign]]\nwhen = {{ {when} }}\nteam = {team}\nenv = {env}\n{more}\n"


EVERYBODY = rule("", '"all"')

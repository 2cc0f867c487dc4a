"""From exports to decisions, for companies of several seeds: what holds for every one of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from provisioner import project
from provisioner.assign import Coverage, Verdict
from provisioner.project import Places, Project
from provisioner.render import groups, once
from tests.support import estate
from tests.support.estate import shuffle

SEEDS = [1, 2, 3]
COMPANIES = [
    ("entra", "intune"),
    ("entra-2", "jamf", "jamf-german"),
    ("google", "kandji"),
    ("okta", "jamf"),
    estate.EVERYTHING,
]


def survey(made: estate.Estate) -> Project:
    return project.survey(Places(None, made.fleet), estate.TODAY)


def named(sources: tuple[str, ...]) -> str:
    return "everything" if sources == estate.EVERYTHING else "-".join(sources)


@pytest.mark.covers("S155", "T16")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sources", COMPANIES, ids=named)
def test_everybody_and_everything_has_exactly_one_status(
    tmp_path: Path, sources: tuple[str, ...], seed: int
) -> None:
    found = survey(estate.write(tmp_path, sources, seed=seed))
    roster, coverage = found.roster, found.coverage
    expected = Counter(("person", person.identity) for person in roster.people)
    expected += Counter(("device", device.id) for device in roster.devices)
    expected += Counter(("service", service.id) for service in roster.services)
    assert set(expected.values()) == {1}
    assert Counter((v.kind, v.id) for v in coverage.verdicts) == expected
    names = {a.name for a in coverage.assignments}
    for verdict in coverage.verdicts:
        match verdict.status:
            case "assigned" | "key-only":
                assert verdict.assignment in names
                assert verdict.reason is None
            case "skipped" | "not-covered":
                assert verdict.assignment is None
                assert verdict.reason is not None


@pytest.mark.covers("S155", "T16")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sources", COMPANIES, ids=named)
def test_a_device_is_in_one_assignment_and_group_files_are_disjoint(
    tmp_path: Path, sources: tuple[str, ...], seed: int
) -> None:
    found = survey(estate.write(tmp_path, sources, seed=seed))
    members = Counter(m.id for a in found.assignments for m in a.members if m.device)
    assigned = {v.id for v in found.coverage.verdicts if v.kind == "device" and v.status == "assigned"}
    assert set(members) == assigned
    assert set(members.values()) == {1}
    tables = once.tables(found.coverage, groups.groups(found.assignments, found.fleet))
    files = {table.path: list(csv.reader(io.StringIO(table.data.decode("utf-8-sig")))) for table in tables}
    grouped = {"jamf": _jamf(files), "kandji": _kandji(files), "intune": _intune(files)}
    for mdm, by_group in grouped.items():
        everywhere = Counter(member for members in by_group.values() for member in set(members))
        assert all(times == 1 for times in everywhere.values()), mdm
    in_files = {serial for mdm in ("jamf", "kandji") for own in grouped[mdm].values() for serial in own}
    through_mdm = {a.name for a in found.assignments if a.channel == "mdm"}
    macs = {v.id for v in _macs(found.coverage) if v.assignment in through_mdm}
    assert {serial.upper() for serial in in_files} == macs


def _macs(coverage: Coverage) -> list[Verdict]:
    return [v for v in coverage.verdicts if v.device and v.device.mdm != "intune" and v.status == "assigned"]


def _jamf(files: dict[str, list[list[str]]]) -> dict[str, list[str]]:
    """Return serial numbers by the value that smart groups ask for."""
    found: dict[str, list[str]] = {}
    for row in files.get("_once/jamf/inventory-preload.csv", [])[1:]:
        if row[-1]:
            found.setdefault(row[-1], []).append(row[0])
    return found


def _kandji(files: dict[str, list[list[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for serial, tag in files.get("_once/kandji/tags.csv", [])[1:]:
        found.setdefault(tag, []).append(serial)
    return found


def _intune(files: dict[str, list[list[str]]]) -> dict[str, list[str]]:
    """Return users and devices by group; a device stands in `by-hand.csv` or belongs to a user in a group."""
    found = {
        path: [row[0] for row in rows[1:]]
        for path, rows in files.items()
        if path.startswith("_once/intune/group-members-") and not path.endswith("-classic.csv")
    }
    for row in files.get("_once/intune/by-hand.csv", [])[1:]:
        found.setdefault(row[-1], []).append(row[2])
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sources", COMPANIES, ids=named)
def test_the_order_of_files_and_rows_changes_nothing(
    tmp_path: Path, sources: tuple[str, ...], seed: int
) -> None:
    made = estate.write(tmp_path, sources, seed=seed)
    before = _decided(survey(made))
    random = Random(seed)
    shuffle.rows(made, random)
    shuffle.sources(made, random)
    assert _decided(survey(made)) == before


def _decided(found: Project) -> dict[str, Any]:
    """Return everything decided, without places and order."""
    coverage = found.coverage
    return {
        "verdicts": {(v.kind, v.id): _verdict(v) for v in coverage.verdicts},
        "assignments": {
            a.name: (
                a.team, a.env, a.policy.name, a.channel, a.expires_at, a.user, sorted(a.key_only),
                sorted((m.kind, m.id) for m in a.members),
            )
            for a in coverage.assignments
        },
        "unmapped": coverage.unmapped,
        "people": {p.identity: (p.aliases, p.groups, p.name, p.facts) for p in found.roster.people},
        "owners": {d.id: (d.owner, d.mdm_id, d.user_email, d.enrolment) for d in found.roster.devices},
    }  # fmt: skip


def _verdict(verdict: Verdict) -> tuple[Any, ...]:
    choice = verdict.choice and verdict.choice._replace(row=None)
    seconds = [(second.assignment, second.key_only) for second in verdict.seconds]
    return verdict.status, verdict.assignment, verdict.reason, choice, seconds, verdict.attribution

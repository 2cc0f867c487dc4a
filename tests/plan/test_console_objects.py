"""How many objects each console will hold, and which dated limits that touches."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.assign import Assignment
from provisioner.assign.model import Attribution
from provisioner.fleet import Fleet
from provisioner.fleet.model import Intune
from provisioner.plan.consoles import ADVICE, LIMITS, Consoles, consoles
from provisioner.plan.model import PLAN
from provisioner.policy.model import Hardening
from provisioner.project import Places, survey
from provisioner.render import once
from provisioner.render.groups import groups
from provisioner.report import counts as report
from provisioner.report import plan as plan_report
from provisioner.roster.model import Inventory, Platform
from tests.plan.fleets import device, of_device, with_devices
from tests.report.rollouts import POLICY, assignment
from tests.report.test_plan_report import NOTHING
from tests.support import estate

FLEET = Fleet()


def fleet_of(
    team: str,
    mdm: Inventory,
    platform: Platform,
    rings: tuple[int | None, ...] = (None,),
    attribution: Attribution = "variable",
    **changes: Any,
) -> Assignment:
    members = tuple(
        of_device(device(f"{team}{mdm}{n}", mdm, platform), ring=ring, attribution=attribution)
        for n, ring in enumerate(rings)
    )
    return with_devices(team, "prod", members, **changes)


def totals(found: Consoles) -> dict[str, dict[str, int]]:
    return {mdm: dict(kinds) for mdm, kinds in found.totals.items()}


def test_an_assignment_is_held_where_its_devices_are_and_a_ring_is_only_a_group() -> None:
    both = fleet_of("eng", "jamf", "macos", (0, 1, None, 1))
    pcs = fleet_of("sales", "intune", "windows", (0, None))
    found = consoles((both, pcs), FLEET)
    assert totals(found) == {
        "jamf": {"configuration profile": 1, "smart group": 3},
        "intune": {"Windows custom profile": 1, "group": 2},
    }
    assert [(h.mdm, h.assignment, h.rings) for h in found.held] == [
        ("jamf", "eng-prod", (0, 1, None)), ("intune", "sales-prod", (0, None)),
    ]  # fmt: skip


def test_one_assignment_in_all_consoles() -> None:
    members = tuple(
        of_device(device(f"D{n}", mdm, platform))
        for n, (mdm, platform) in enumerate(
            [("jamf", "macos"), ("kandji", "macos"), ("intune", "macos"), ("intune", "windows")]
        )
    )  # type: ignore[arg-type]  # literals of a list
    assert totals(consoles((with_devices("eng", "prod", members),), FLEET)) == {
        "jamf": {"configuration profile": 1, "smart group": 1},
        "kandji": {"custom profile": 1, "tag": 1},
        "intune": {"macOS custom profile": 1, "Windows custom profile": 1, "group": 1},
    }


def test_where_nobody_knows_the_devices_every_console_of_the_fleet_may_need_it() -> None:
    plain = assignment("eng", "prod", 3)
    assert set(totals(consoles((plain,), FLEET))) == {"jamf", "kandji", "intune"}
    assert totals(consoles((plain,), Fleet(mdm=("kandji", "files")))) == {
        "kandji": {"custom profile": 1, "tag": 1}
    }


@pytest.mark.parametrize("channel", ["files", "image", "handout"])
def test_what_does_not_travel_through_an_mdm_makes_no_object(channel: str) -> None:
    assert consoles((fleet_of("eng", "jamf", "macos", channel=channel),), FLEET) == Consoles()


def test_keys_only_make_no_object() -> None:
    assert consoles((assignment("eng", "prod", 0, key_only=("a@acme.com",)),), FLEET) == Consoles()


def test_the_remediation_counts_where_it_writes_the_person_or_takes_the_profiles_place() -> None:
    pcs = fleet_of("eng", "intune", "windows", attribution="script")
    assert totals(consoles((pcs,), FLEET))["intune"] == {
        "Windows custom profile": 1, "remediation": 1, "group": 1,
    }  # fmt: skip
    instead = Fleet(intune=Intune(remediation_key=True))
    assert totals(consoles((pcs,), instead))["intune"] == {"remediation": 1, "group": 1}
    assert "remediation" not in totals(consoles((fleet_of("eng", "intune", "windows"),), FLEET))["intune"]


def pcs(count: int, **changes: Any) -> tuple[Assignment, ...]:
    return tuple(
        fleet_of(f"t{n}", "intune", "windows", attribution="script", **changes) for n in range(count)
    )


@pytest.mark.parametrize(
    ("count", "passed"), [(99, None), (100, False), (199, False), (200, True), (250, True)]
)
def test_a_limit_is_a_note_from_half_on_and_a_warning_when_it_is_used_up(
    count: int, passed: bool | None
) -> None:
    touched = consoles(pcs(count), FLEET).touched
    assert [(t.limit.measure, t.used, t.passed) for t in touched] == (
        [] if passed is None else [("remediation", count, passed)]
    )


def test_what_to_do_names_what_would_help() -> None:
    [team] = consoles(pcs(120), FLEET).touched
    assert team.ways == (
        'granularity = "policy-env" makes 1 of them',
        "fewer teams: let more texts map to one in [roster.teams]",
    )
    [person] = consoles(pcs(120, person="a@acme.com"), FLEET).touched
    assert person.ways == (
        'key = "team" for 120 people with keys of their own (keys.scope, or key in the rule)',
    )
    [label] = consoles(pcs(120, label="device:C02X"), FLEET).touched
    assert [way.split(":")[0] for way in label.ways] == ["another attribution for 120 labels"]
    [chosen] = consoles(pcs(120), Fleet(granularity="policy-env")).touched
    assert len(chosen.ways) == 1


def test_policy_env_is_told_where_it_makes_fewer_objects() -> None:
    three = (
        fleet_of("a", "jamf", "macos"),
        fleet_of("b", "jamf", "macos", (0,)),
        fleet_of("c", "kandji", "macos"),
    )
    assert consoles(three, FLEET).policy_env == {
        "jamf": {"configuration profile": 1, "smart group": 2}, "kandji": {"custom profile": 1, "tag": 1},
    }  # fmt: skip
    assert consoles(three[1:], FLEET).policy_env is None
    assert consoles(three, Fleet(granularity="policy-env")).policy_env is None
    others = tuple(replace(a, policy=replace(POLICY, name=a.team)) for a in three)
    assert consoles(others, FLEET).policy_env is None


def test_a_large_policy_is_told_before_intune_refuses_its_profile() -> None:
    large = replace(POLICY, name="huge", hardening=Hardening({"permissions": {"deny": ["x" * 600_000]}}, {}))
    found = consoles((fleet_of("eng", "intune", "macos", policy=large),), FLEET)
    [touched] = found.touched
    assert touched.limit.most == 1_000_000
    assert touched.used > 600_000
    assert touched.ways == ("shorten the settings of the profile huge",)
    assert consoles((fleet_of("eng", "jamf", "macos", policy=large),), FLEET).touched == ()


def test_tags_for_more_devices_than_kandji_takes_requests_in_an_hour() -> None:
    found = consoles((fleet_of("eng", "kandji", "macos", (None,) * 10_000),), FLEET)
    assert [(t.limit.measure, t.used, t.passed) for t in found.touched] == [("tagged device", 10_000, True)]
    elsewhere = Fleet(mdm=("jamf", "files"))
    assert consoles((fleet_of("eng", "kandji", "macos", (None,) * 10_000),), elsewhere).touched == ()


def test_facts_are_dated_and_have_a_source() -> None:
    for fact in (*LIMITS, *ADVICE):
        assert fact.source
        assert fact.dated[:3] == "202"
        assert fact.mark == "S"


def test_the_text_says_how_many_which_limit_and_what_to_do() -> None:
    told = "\n".join(report.consoles(consoles(pcs(250), FLEET), 200, whole=True))
    assert "  Intune  250 Windows custom profiles, 250 remediations, 250 groups" in told
    assert (
        "  warning: Intune: 250 of 200 remediation packages in a tenant, everybody else's included"
        " (MicrosoftDocs/memdocs deploy-remediations, 2025-09 [S])"
    ) in told
    assert '    fix: granularity = "policy-env" makes 1 of them' in told
    assert (
        '  with granularity = "policy-env": Intune 1 Windows custom profile, 1 remediation, 1 group' in told
    )


def test_a_plain_roster_hears_of_consoles_only_when_a_limit_is_touched() -> None:
    assert list(report.consoles(consoles((assignment("eng", "prod", 3),), FLEET), 80, whole=False)) == []
    assert list(report.consoles(consoles(pcs(250), FLEET), 80, whole=False)) != []


def test_json_names_source_and_ways_and_reads_back() -> None:
    plan = replace(NOTHING, consoles=consoles(pcs(250), FLEET))
    value = json.loads(json.dumps(plan_report.as_json(plan)["plan"]))
    assert value["consoles"]["touched"][0]["limit"]["source"] == "MicrosoftDocs/memdocs deploy-remediations"
    assert PLAN.validate_python(value) == plan


def test_what_policy_env_would_give_is_what_it_gives(tmp_path: Path) -> None:
    made = estate.write(tmp_path, ("entra", "jamf", "kandji", "intune"))
    here = survey(Places(None, made.fleet), estate.TODAY)
    text = made.fleet.read_text(encoding="utf-8")
    made.fleet.write_text(f'granularity = "policy-env"\n{text}', encoding="utf-8")
    there = survey(Places(None, made.fleet), estate.TODAY)
    told = consoles(here.assignments, here.fleet)
    assert told.policy_env == consoles(there.assignments, there.fleet).totals
    assert told.policy_env != told.totals
    # The groups are those that the output folder has files for.
    assert sum(len(held.rings) for held in told.held) == len(groups(here.assignments, here.fleet))


def test_smart_groups_are_counted_as_the_file_that_makes_them_has_them(tmp_path: Path) -> None:
    made = estate.write(tmp_path, ("okta", "jamf"))
    seen = survey(Places(None, made.fleet), estate.TODAY)
    found = groups(seen.assignments, seen.fleet)
    assert any(group.mdm == "jamf" and group.ring == 0 for group in found)
    [smart] = [t for t in once.tables(seen.coverage, found) if t.path == "_once/jamf/smart-groups.csv"]
    names = {row["group"] for row in csv.DictReader(io.StringIO(smart.data.decode()))}
    assert consoles(seen.assignments, seen.fleet).totals["jamf"]["smart group"] == len(names)


def test_the_whole_assignment_has_a_smart_group_where_every_device_has_a_ring() -> None:
    found = consoles((fleet_of("eng", "jamf", "macos", (0,)), fleet_of("b", "kandji", "macos", (0,))), FLEET)
    assert totals(found) == {
        "jamf": {"configuration profile": 1, "smart group": 2}, "kandji": {"custom profile": 1, "tag": 1},
    }  # fmt: skip

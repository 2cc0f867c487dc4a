"""What holds of every roster and every list of rules, however odd."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.assign import Coverage
from provisioner.assign.model import KEEPS_KEY, Reason
from provisioner.fleet import Fleet, From, Pool, Rule
from provisioner.fleet.model import Keys
from provisioner.fleet.sources import RosterRules
from provisioner.roster.model import Device, Entry, LeftOut, Person, Place, Roster, Service
from tests.assign.company import TODAY, address, covered, roster, row, service

NAMES = ["ann", "bob", "cyd", "dan", "eve"]
DEPARTMENTS = ["Eng", "Data & ML", "Law", "Fnord", ""]
GROUPS = ["AI-Eng", "AI-Law", "AI-Pilot"]
ENDS = ["", "2027-01-31", "2026-01-31", "03/04/2027"]
LEFT_OUT = LeftOut("GUEST", "")

facts = st.fixed_dictionaries(
    {"department": st.sampled_from(DEPARTMENTS), "contractend": st.sampled_from(ENDS)}
)


@st.composite
def entries(draw: st.DrawFn, number: int, email: str, serials: list[str], **more: Any) -> Entry:
    return row(
        number,
        email,
        draw(st.sampled_from(["eng", "law", "ops"])),
        draw(st.sampled_from(["prod", "dev"])),
        serial=draw(st.sampled_from([None, *serials])),
        platform=draw(st.sampled_from([None, "macos", "linux"])),
        **more,
    )


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Draw a small company as a join gives it: rows at the devices that they name, ids once."""
    inventory = draw(st.sampled_from([True, True, True, False]))
    serials = [f"S{n}" for n in range(draw(st.integers(0, 7)))]
    count = iter(range(2, 1000))
    people = []
    for name in NAMES[: draw(st.integers(0, len(NAMES)))]:
        rows = []
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
            entry = draw(entries(next(count), name, serials))
            if (entry.team, entry.env) not in {(r.team, r.env) for r in rows}:
                rows.append(entry)
        people.append(
            Person(
                address(name),
                (f"{name}.alias@acme.com",),
                Place("users.csv", next(count)),
                facts=draw(facts),
                groups=tuple(sorted(draw(st.sets(st.sampled_from(GROUPS))))),
                rows=tuple(rows),
                left_out=draw(st.sampled_from([None] * 6 + [LEFT_OUT])),
            )
        )
    owners = st.sampled_from([None, *(p.identity for p in people for _ in range(2))])
    addresses = ["", "$EMAIL", "x@else.com"]
    addresses += [f"{name}{mail}" for name in NAMES for mail in ("@acme.com", ".alias@acme.com")]
    devices = []
    for serial in serials:
        rows = [r for p in people for r in p.rows if r.serial == serial]
        if draw(st.integers(0, 5)) == 0:
            rows.append(draw(entries(next(count), "", [serial], kind="device")))
        if not (inventory or rows):
            continue
        listed = inventory and draw(st.integers(0, 3)) > 0
        named = next((r.email for r in rows if r.kind == "person"), None)
        device = Device(
            serial, Place("mdm.csv", next(count)), serial, rows=tuple(rows), owner=named or draw(owners),
            platform=draw(st.sampled_from(["macos", "windows", "linux", None])),
        )  # fmt: skip
        if listed:
            device = device._replace(
                name=draw(st.sampled_from(["KIOSK-1", "mac", None])),
                mdm=draw(st.sampled_from(["jamf", "kandji", "intune"])),
                user_email=draw(st.sampled_from([device.owner or "", draw(st.sampled_from(addresses))])),
                enrolment=draw(st.sampled_from(["company", "company", "byod-device", "byod-user"])),
                managed=draw(st.sampled_from([True, True, False])),
                last_seen=draw(st.sampled_from([None, TODAY, TODAY, date(2026, 1, 1)])),
                facts=draw(facts),
            )
        devices.append(device)
    services: list[Service] = [
        service(next(count), name, "ops", draw(st.sampled_from(["prod", "dev"])))
        for name in draw(st.lists(st.sampled_from(["ci", "farm"]), unique=True))
    ]
    return roster(people, devices, services, inventory=inventory)


CONDITIONS = {
    "kind": ["person", "device", "service"],
    "group": ["AI-Eng", "AI-*"],
    "department": ["Eng", "*", "Data*"],
    "name": ["KIOSK-*", "mac"],
    "platform": ["macos", "windows"],
    "managed": [True, False],
    "enrolment": ["company", "byod-*"],
}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    names = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), unique=True, max_size=2))
    when = {name: (draw(st.sampled_from(CONDITIONS[name])),) for name in names}
    return Rule.model_construct(
        when=when,
        team=draw(st.sampled_from(["eng", "law", "ext", From("department"), From("group")])),
        env=draw(st.sampled_from(["prod", "dev"])),
        profile=None,
        ring=draw(st.sampled_from([None, 0, 1])),
        key=draw(st.sampled_from([None, None, "person", "team"])),
        attribution=draw(st.sampled_from(["variable", "variable", "device", "none", Pool("east")])),
        expires=draw(st.sampled_from([None, None, date(2027, 1, 1), date(2026, 1, 1)])),
        gives=draw(st.sampled_from(["artifact", "artifact", "artifact", "key-only", "skip"])),
        second=draw(st.sampled_from(["skip", "key-only"])),
    )


fleets = st.builds(
    lambda assign, everybody, teams, scope, byod, granularity: Fleet(
        assign=(*assign, *everybody),
        roster=RosterRules(teams=teams),
        keys=Keys(scope=scope, allow_shared_on_byod=byod),
        granularity=granularity,
    ),
    st.lists(rules(), max_size=5),
    st.sampled_from([[], [Rule(team="all", env="prod")]]),
    st.sampled_from([{}, {"Eng": "eng", "AI-*": "eng", "Data*": "data-ml"}]),
    st.sampled_from(["team", "team", "person"]),
    st.booleans(),
    st.sampled_from(["team-env", "team-env", "policy-env"]),
)


def summary(coverage: Coverage) -> dict[str, tuple[object, ...]]:
    """Return what each person, device and service gets, without the order in which rules stand."""
    return {
        f"{v.kind} {v.id}": (
            v.status, v.reason, v.assignment, v.attribution, v.expected,
            tuple((s.assignment, s.key_only) for s in v.seconds),
        )
        for v in coverage.verdicts
    }  # fmt: skip


def contents(coverage: Coverage) -> dict[str, tuple[object, ...]]:
    return {
        a.name: (
            sorted(f"{m.kind} {m.id}" for m in a.members), sorted(a.key_only), a.key_name, a.config_name,
            a.person, a.service, a.label, a.channel, a.expires_at, a.team_display, a.policy.name,
        )
        for a in coverage.assignments
    }  # fmt: skip


@pytest.mark.covers("T16")
@settings(max_examples=100, deadline=None)
@given(rosters(), fleets)
def test_everybody_and_everything_has_exactly_one_status(who: Roster, fleet: Fleet) -> None:
    coverage = covered(who, fleet)
    expected = [
        *(("person", p.identity) for p in who.people),
        *(("device", d.id) for d in who.devices),
        *(("service", s.id) for s in who.services),
    ]
    assert [(v.kind, v.id) for v in coverage.verdicts] == expected
    names = {a.name for a in coverage.assignments}
    keeping = {who for v in coverage.verdicts if v.reason in KEEPS_KEY for who in (v.id, v.email)}
    for verdict in coverage.verdicts:
        gets = verdict.status in ("assigned", "key-only")
        assert (verdict.assignment in names) == gets == (verdict.reason is None)
        assert gets or verdict.reason in get_args(Reason)
        assert gets or verdict.id in keeping or not any(s.key_only for s in verdict.seconds)
        assert all(second.assignment in names for second in verdict.seconds if second.key_only)


@settings(max_examples=100, deadline=None)
@given(rosters(), fleets)
def test_assignments_hold_what_verdicts_say_and_no_device_twice(who: Roster, fleet: Fleet) -> None:
    coverage = covered(who, fleet)
    members = [(m, a) for a in coverage.assignments for m in a.members]
    assert all(m.status == "assigned" and m.assignment == a.name for m, a in members)
    carried = [(m.kind, m.id) for m, _ in members]
    assert len(carried) == len(set(carried))
    reached = [m.device.id for m, _ in members if m.device]
    assert len(reached) == len(set(reached))
    if who.inventory:
        assert {m.id for m, _ in members if m.kind == "device"} == {
            v.id for v in coverage.verdicts if v.kind == "device" and v.status == "assigned"
        }
    for one in coverage.assignments:
        assert one.members or one.key_only
        assert len(set(one.key_only)) == len(one.key_only)
        if one.person is not None:
            assert {m.email for m in one.members} | set(one.key_only) == {one.person}
        if one.label is not None and one.members:  # a pool of which no device can be reached has its key only
            assert {m.expected for m in one.members} == {one.label}


@settings(max_examples=100, deadline=None)
@given(rosters(), fleets)
def test_nothing_unmanaged_carries_a_shared_key(who: Roster, fleet: Fleet) -> None:
    for one in covered(who, fleet).assignments:
        for member in one.members:
            device = member.device
            if device is not None and (not device.managed or device.enrolment == "byod-user"):
                assert one.person is not None
                assert one.expires_at is not None
                assert one.channel == "handout"
            if device is not None and device.enrolment == "byod-device" and one.channel != "handout":
                assert one.person is not None or fleet.keys.allow_shared_on_byod


@pytest.mark.covers("S192")
@settings(max_examples=150, deadline=None)
@given(rosters(), fleets)
def test_nobody_without_a_managed_device_has_a_teams_key_by_a_rule(who: Roster, fleet: Fleet) -> None:
    if not who.inventory:
        return
    reached = {d.owner for d in who.devices if d.managed and d.enrolment != "byod-user" and d.platform}
    coverage = covered(who, fleet)
    for one in coverage.assignments:
        for identity in set(one.key_only) - reached:
            [person] = [p for p in who.people if p.identity == identity] or [None]
            if person is not None and not person.rows:
                assert one.person == identity
                assert one.expires_at is not None


@settings(max_examples=80, deadline=None)
@given(rosters(), fleets, st.randoms(use_true_random=False))
def test_the_order_of_people_and_devices_changes_nothing_but_order(
    who: Roster, fleet: Fleet, chance: random.Random
) -> None:
    def mixed(things: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(things, len(things)))

    other = replace(who, people=mixed(who.people), devices=mixed(who.devices), services=mixed(who.services))
    one, two = covered(who, fleet), covered(other, fleet)
    assert summary(one) == summary(two)
    assert contents(one) == contents(two)
    assert [a.name for a in one.assignments] == [a.name for a in two.assignments]
    assert one.unmapped == two.unmapped
    assert sorted(map(str, one.problems)) == sorted(map(str, two.problems))


@settings(max_examples=80, deadline=None)
@given(rosters(), fleets)
def test_a_rule_that_matches_nobody_could_as_well_not_be_there(who: Roster, fleet: Fleet) -> None:
    whole = covered(who, fleet)
    used = {v.choice.rule for v in whole.verdicts if v.choice} | {
        second.choice.rule for v in whole.verdicts for second in v.seconds
    }
    idle = [at for at in range(len(fleet.assign)) if at not in used]
    kept = tuple(rule for at, rule in enumerate(fleet.assign) if at not in idle)
    less = covered(who, fleet.model_copy(update={"assign": kept}))
    assert contents(less) == contents(whole)
    told = {key: (status, reason) for key, (status, reason, *_) in summary(whole).items()}
    assert {key: (status, reason) for key, (status, reason, *_) in summary(less).items()} == told


@settings(max_examples=80, deadline=None)
@given(rosters(), fleets)
def test_the_order_of_assignments_is_that_of_rows_and_then_of_rules(who: Roster, fleet: Fleet) -> None:
    coverage = covered(who, fleet)
    kept = {who for v in coverage.verdicts if v.keeps for who in (v.id, v.email)}
    firsts = []
    for one in coverage.assignments:
        if kept.intersection(one.key_only):
            continue  # a key kept for a device that is away counts, and no verdict names its assignment
        choices = [m.choice for m in one.members if m.choice]
        choices += [
            s.choice for v in coverage.verdicts for s in v.seconds if s.key_only and s.assignment == one.name
        ]
        choices += [v.choice for v in coverage.verdicts if v.assignment == one.name and v.choice]
        firsts.append(min((0, c.row.row) if c.row else (1, c.rule or 0) for c in choices))
    assert firsts == sorted(firsts)

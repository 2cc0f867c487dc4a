"""The awkward cases of rollout 3, each decided as its table says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from provisioner.assign.looks import shared_by
from provisioner.naming import person_suffix
from provisioner.roster.model import Device, LeftOut
from tests.assign.company import (
    EVERYBODY,
    POLICY,
    assignment,
    codes,
    decided,
    mac,
    of,
    pc,
    person,
    roster,
    rule,
    service,
    told,
)

KIOSKS = rule('kind = "device", name = "KIOSK-*"', '"shared"', more='attribution = "device"')
OWN = 'key = "person"\nexpires = { column = "contractEnd" }'
OWN_KEY = "it takes a person's key that ends and has a budget"
NO_BUDGET = {"standard": replace(POLICY, budget=None)}
CONTRACTORS = rule('employee_type = "Contractor", managed = false', '"ext"', more=OWN)


def test_shared_mac_has_its_teams_key_and_a_label_of_its_own() -> None:
    kiosks = [mac("C02A", name="KIOSK-1"), mac("C02B", name="kiosk-2")]
    coverage = decided(roster([], kiosks), KIOSKS)
    names = [f"shared-prod-{person_suffix(serial)}" for serial in ("C02A", "C02B")]
    assert sorted(a.name for a in coverage.assignments) == sorted(names)
    one = assignment(coverage, names[0])
    assert (one.label, one.user, one.person) == ("device:C02A", "device:C02A", None)
    assert {a.key_name for a in coverage.assignments} == {"claude-desktop-shared-prod"}
    assert {a.config_name for a in coverage.assignments} == {"desktop-shared-prod"}
    verdict = of(coverage, "C02A")
    assert (verdict.attribution, verdict.expected) == ("device", "device:C02A")
    assert coverage.problems == ()


def test_shared_mac_with_a_user_in_the_inventory_still_carries_no_variable() -> None:
    tech = person("tech", department="IT")
    coverage = decided(
        roster([tech], [mac("C02A", "tech", name="KIOSK-1"), mac("C02Z", "tech")]), KIOSKS + EVERYBODY
    )
    assert of(coverage, "C02A").attribution == "device"
    assert of(coverage, "tech").assignment == "all-prod"


@pytest.mark.parametrize("name", ["KIOSK-1", "PHY-LAB03", "Conf Room 7", "hot-desk-2", "loaner 4"])
def test_shared_mac_without_a_rule_is_told_as_shared(name: str) -> None:
    assert told(decided(roster([], [mac("S1", name=name)]), EVERYBODY)) == ["device S1 not-covered SHARED"]


@pytest.mark.parametrize("name", ["Labrador", "SLABINSKI-MAC", "Anna's MacBook", "poolman", ""])
def test_a_name_that_only_contains_such_a_word_does_not_look_shared(name: str) -> None:
    assert shared_by(mac("S1", name=name)) == ""
    assert shared_by(mac("S1", name=name, facts={"category": "Lab"})) == "category Lab"


@pytest.mark.covers("T16")
def test_person_in_two_teams_gets_one_artifact_and_maybe_a_second_key() -> None:
    who = person("dev", groups=("AI-Data", "AI-Eng"))
    fleet = rule('group = "AI-Eng"') + rule('group = "AI-Data"', '"data"', more='second = "key-only"')
    coverage = decided(roster([who], [mac("S1", "dev"), mac("S2", "dev")]), fleet)
    assert told(coverage) == [
        "person dev@acme.com assigned eng-prod", "device S1 assigned eng-prod", "device S2 assigned eng-prod",
    ]  # fmt: skip
    assert [m.id for m in assignment(coverage, "eng-prod").members] == ["S1", "S2"]
    assert assignment(coverage, "data-prod").members == ()
    assert assignment(coverage, "data-prod").key_only == ("dev@acme.com",)


def test_prod_and_dev_on_one_device_the_first_rule_wins() -> None:
    dev = rule('group = "AI-Env-Dev"', env='"dev"', more='second = "key-only"')
    who = person("dev", groups=("AI-Env-Dev",))
    coverage = decided(roster([who], [mac("S1", "dev")]), rule("") + dev)
    assert of(coverage, "S1").assignment == "eng-prod"
    assert assignment(coverage, "eng-dev").key_only == ("dev@acme.com",)


def test_prod_and_dev_on_two_devices_by_a_rule_on_their_names() -> None:
    who = person("dev")
    coverage = decided(
        roster([who], [mac("S1", "dev"), mac("S2", "dev", name="dev-box")]),
        rule('name = "dev-*"', env='"dev"') + rule(""),
    )
    assert told(coverage)[1:] == ["device S1 assigned eng-prod", "device S2 assigned eng-dev"]
    # The person has what the first rule gives; order in the file has no say.
    assert of(coverage, "dev").assignment == "eng-dev"


PERSONAL = rule('enrolment = "byod-*"', '"byod"', more=OWN)


@pytest.mark.parametrize(
    ("fleet", "budget", "end", "reason"),
    [
        (PERSONAL, True, "2027-01-31", None),
        (PERSONAL, True, "", "BYOD"),
        (PERSONAL, False, "2027-01-31", "BYOD"),
        (EVERYBODY, True, "2027-01-31", "BYOD"),
        ("[keys]\nallow_shared_on_byod = true\n" + EVERYBODY, True, "", None),
    ],
)
def test_byod_enrolled_as_a_device_takes_a_key_of_ones_own_that_ends(
    fleet: str, budget: bool, end: str, reason: str | None
) -> None:
    policies = {} if budget else {"standard": replace(POLICY, budget=None)}
    device = mac("S1", "dev", enrolment="byod-device")
    coverage = decided(roster([person("dev", contractend=end)], [device]), fleet, policies)
    assert of(coverage, "S1").reason == reason
    assert {a.channel for a in coverage.assignments} == (set() if reason else {"mdm"})


@pytest.mark.parametrize(
    ("fleet", "end", "reason"),
    [
        (PERSONAL, "2027-01-31", None),
        (PERSONAL, "", "BYOD"),
        (EVERYBODY, "2027-01-31", "BYOD"),
        ("[keys]\nallow_shared_on_byod = true\n" + EVERYBODY, "2027-01-31", "BYOD"),
    ],
)
def test_byod_by_user_enrolment_is_handed_out_or_not_covered(
    fleet: str, end: str, reason: str | None
) -> None:
    device = mac("S1", "dev", enrolment="byod-user", user_email="")
    coverage = decided(roster([person("dev", contractend=end)], [device]), fleet)
    assert of(coverage, "S1").reason == reason
    assert {a.channel for a in coverage.assignments} == (set() if reason else {"handout"})


@pytest.mark.parametrize(("allowed", "reason"), [("false", "BYOD"), ("true", None)])
def test_byod_by_user_enrolment_needs_a_budget_as_a_device_enrolment_does(
    allowed: str, reason: str | None
) -> None:
    device = mac("S1", "dev", enrolment="byod-user")
    fleet = f"[keys]\nallow_shared_on_byod = {allowed}\n{PERSONAL}"
    who = roster([person("dev", contractend="2027-01-31")], [device])
    verdict = of(decided(who, fleet, NO_BUDGET), "S1")
    assert verdict.reason == reason
    assert verdict.detail == (f"a user enrolment takes no profile; {OWN_KEY}" if reason else "")


def test_byod_beside_a_company_mac_leaves_the_key_to_the_mdm() -> None:
    who = person("dev", contractend="2027-01-31")
    devices = [mac("S1", "dev", enrolment="byod-user"), mac("S2", "dev")]
    coverage = decided(roster([who], devices), rule("", more=OWN))
    [made] = coverage.assignments
    assert (made.channel, [m.id for m in made.members], made.key_only) == ("mdm", ["S2"], ("dev@acme.com",))
    assert (of(coverage, "S1").status, of(coverage, "dev").status) == ("key-only", "assigned")


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (pc("S1"), "NO_PERSON"),
        (pc("S1", user_email="autopilot@acme.com"), "NO_PERSON"),
        (pc("S1", facts={"category": "Shared PC"}), "SHARED"),
        (pc("S1", managed=False), "NOT_MANAGED"),
    ],
)
def test_no_primary_user_leaves_a_device_without_a_guess(device: Device, reason: str) -> None:
    assert of(decided(roster([person("dev")], [device]), EVERYBODY), "S1").reason == reason


@pytest.mark.parametrize("attribution", ['"device"', '"none"', '{ pool = "lobby" }'])
def test_no_primary_user_is_fine_for_a_rule_that_needs_none(attribution: str) -> None:
    coverage = decided(roster([], [pc("S1")]), rule("", more=f"attribution = {attribution}"))
    assert of(coverage, "S1").status == "assigned"


def test_contractor_without_mdm_gets_a_key_of_ones_own_by_hand() -> None:
    who = person("ext", employeetype="Contractor", contractend="2027-01-31")
    coverage = decided(roster([who, person("dev")], [mac("S1", "dev")]), CONTRACTORS + EVERYBODY)
    made = assignment(coverage, f"ext-prod-{person_suffix('ext@acme.com')}")
    assert (made.channel, made.person, made.key_name) == (
        "handout",
        "ext@acme.com",
        f"claude-desktop-{made.name}",
    )
    assert made.expires_at == datetime(2027, 1, 31, tzinfo=UTC)
    assert [m.id for m in made.members] == ["ext@acme.com"]
    assert codes(coverage) == []


def test_contractor_whose_device_is_listed_but_unmanaged_is_the_same() -> None:
    who = person("ext", employeetype="Contractor", contractend="2027-01-31")
    coverage = decided(roster([who], [mac("S1", "ext", managed=False)]), CONTRACTORS + EVERYBODY)
    [made] = coverage.assignments
    assert (made.channel, [m.id for m in made.members]) == ("handout", ["S1"])
    assert of(coverage, "ext").status == "assigned"


@pytest.mark.parametrize("inventory", [True, False])
@pytest.mark.parametrize(
    ("end", "reason"), [("", "NO_EXPIRY"), ("03/04/2027", "NO_EXPIRY"), ("2026-11-20", "EXPIRED")]
)
def test_contractor_without_a_known_end_is_not_covered(end: str, reason: str, inventory: bool) -> None:
    who = person("ext", employeetype="Contractor", contractend=end)
    coverage = decided(roster([who], inventory=inventory), CONTRACTORS + EVERYBODY)
    assert told(coverage) == [f"person ext@acme.com not-covered {reason}"]


@pytest.mark.parametrize("inventory", [True, False])
def test_contractor_never_gets_a_key_without_a_budget(inventory: bool) -> None:
    who = person("ext", employeetype="Contractor", contractend="2027-01-31")
    coverage = decided(roster([who], inventory=inventory), CONTRACTORS, NO_BUDGET)
    verdict = of(coverage, "ext")
    assert (verdict.reason, verdict.detail) == ("NOT_MANAGED", OWN_KEY)
    assert coverage.assignments == ()


@pytest.mark.covers("S192")
@pytest.mark.parametrize("device", [None, mac("S1", "ext", managed=False)])
@pytest.mark.parametrize(
    ("second", "day"),
    [
        ("", None),
        ('key = "person"', date(2027, 1, 31)),  # the first one's
        ('key = "person"\nexpires = "2026-12-24"', date(2026, 12, 24)),
        ('key = "person"\nexpires = "2026-11-20"', None),
        ('key = "person"\nexpires = { column = "trialEnd" }', date(2027, 1, 31)),
        ('key = "person"\nprofile = "restricted"', None),  # which has no budget here
    ],
)
def test_contractors_further_keys_are_the_persons_own_and_end(
    second: str, day: date | None, device: Device | None
) -> None:
    who = person("ext", employeetype="Contractor", contractend="2027-01-31")
    fleet = CONTRACTORS + rule("", '"sdk"', more=f'second = "key-only"\n{second}')
    policies = {"restricted": replace(POLICY, name="restricted", budget=None)}
    coverage = decided(roster([who], [device] if device else [], inventory=True), fleet, policies)
    assert [s.key_only for s in of(coverage, "ext").seconds] == [day is not None]
    assert [(a.team, a.person, a.expires_at and a.expires_at.date()) for a in coverage.assignments] == [
        ("ext", "ext@acme.com", date(2027, 1, 31)),
        *([("sdk", "ext@acme.com", day)] if day else []),
    ]


def test_whose_only_device_nobody_manages_gets_no_teams_key_by_any_rule() -> None:
    keys = rule("", '"sdk"', more='gives = "key-only"')
    for device in (mac("S1", "dev", managed=False), mac("S1", "dev", enrolment="byod-user")):
        coverage = decided(roster([person("dev")], [device]), keys)
        assert told(coverage) == [
            "person dev@acme.com not-covered NOT_MANAGED",
            "device S1 not-covered NOT_MANAGED",
        ]
        assert of(coverage, "S1").detail == "rule 1 gives a team's key"
        coverage = decided(roster([person("dev")], [device, mac("S2", "dev")]), keys)
        assert [a.key_only for a in coverage.assignments] == [("dev@acme.com",)]


def test_guests_and_others_who_are_left_out_keep_their_reason() -> None:
    guest = person("guest", left_out=LeftOut("GUEST", "type is Guest"))
    coverage = decided(roster([guest, person("dev")], [mac("S1", "guest"), mac("S2", "dev")]), EVERYBODY)
    assert told(coverage) == [
        "person guest@acme.com not-covered GUEST", "person dev@acme.com assigned all-prod",
        "device S1 not-covered OWNER_LEFT_OUT", "device S2 assigned all-prod",
    ]  # fmt: skip
    assert of(coverage, "S1").detail == "guest@acme.com: GUEST"


def test_a_kiosk_with_an_account_of_its_own_is_covered_and_a_leavers_laptop_is_not() -> None:
    account = person("kiosk", left_out=LeftOut("SERVICE_ACCOUNT", ""))
    labels = rule("", '"all"', more='attribution = "device"')
    devices = [mac("S1", "kiosk", name="KIOSK-1"), mac("S2", "kiosk", name="laptop")]
    coverage = decided(roster([account], devices), KIOSKS + labels)
    assert [of(coverage, s).reason for s in ("S1", "S2")] == [None, "OWNER_LEFT_OUT"]
    assert of(coverage, "S1").person is None


def test_vdi_pool_is_one_assignment_with_one_label_for_its_image() -> None:
    pool = rule('name = "VDI-E-*"', '"eng"', more='attribution = { pool = "vdi-east" }')
    coverage = decided(roster([], [pc("V1", name="VDI-E-1"), pc("V2", name="VDI-E-2")]), pool)
    [made] = coverage.assignments
    assert (made.name, made.label, made.channel) == ("eng-prod-vdi-east", "device:vdi-east", "image")
    assert [m.id for m in made.members] == ["V1", "V2"]
    assert {m.expected for m in made.members} == {"device:vdi-east"}
    # A key in an image is read by everybody who gets a desktop of it: it is the pool's, not the team's.
    assert made.key_name == "claude-desktop-eng-prod-vdi-east"


@pytest.mark.covers("S192")
def test_services_have_keys_of_their_own_and_no_mdm() -> None:
    farm = service(7, "build-farm", "eng", expires=date(2027, 1, 31))
    coverage = decided(roster([], [], [farm]))
    [made] = coverage.assignments
    assert made.name.startswith("eng-prod-svc-build-farm-")
    assert (made.service, made.channel, made.label, made.user) == (farm.id, "files", None, farm.id)
    assert made.key_metadata == {
        "tenant": "acme", "team": "eng", "env": "prod", "user": farm.id, "_user": farm.id,
    }  # fmt: skip
    assert made.expires_at == datetime(2027, 1, 31, tzinfo=UTC)
    assert told(coverage) == [f"service {farm.id} assigned {made.name}"]


def test_services_take_further_keys_by_rule_and_always_their_own() -> None:
    fleet = rule('kind = "service"', env='"dev"', more='second = "key-only"') + EVERYBODY
    farm = service(7, "build-farm", "eng")
    coverage = decided(roster([], [], [farm]), fleet)
    assert [(a.service, len(a.members), a.key_only) for a in coverage.assignments] == [
        (farm.id, 1, ()), (farm.id, 0, (farm.id,)),
    ]  # fmt: skip


@pytest.mark.covers("S167", "S192")
def test_a_persons_key_is_one_for_all_of_the_persons_devices() -> None:
    who = person("dev", contractend="2027-01-31")
    coverage = decided(roster([who], [mac("S1", "dev"), pc("S2", "dev", user_email="")]), rule("", more=OWN))
    [made] = coverage.assignments
    assert made.name == f"eng-prod-{person_suffix('dev@acme.com')}"
    assert [(m.id, m.attribution, m.expected) for m in made.members] == [
        ("S1", "key", "dev@acme.com"), ("S2", "key", "dev@acme.com"),
    ]  # fmt: skip
    assert made.expires_at == datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.covers("S155", "S193")
def test_granularity_by_policy_makes_one_unit_of_all_teams_with_a_policy() -> None:
    people = [person("a", department="Eng"), person("b", department="Data"), person("c", department="Law")]
    fleet = (
        'granularity = "policy-env"\n'
        + rule('department = "Law"', '"law"', more='profile = "restricted"')
        + rule('department = "*"', '{ from = "department" }')
    )
    devices = [mac(f"S{p.identity[0]}", p.identity) for p in people] + [mac("K", name="KIOSK-1")]
    coverage = decided(roster(people, devices), fleet + KIOSKS)
    assert [(a.name, a.team, a.team_display, a.config_name) for a in coverage.assignments][:2] == [
        ("restricted-prod", "restricted", "restricted", "desktop-restricted-prod"),
        ("standard-prod", "standard", "standard", "desktop-standard-prod"),
    ]
    assert {v.choice.team for v in assignment(coverage, "standard-prod").members if v.choice} == {
        "eng",
        "data",
    }
    kiosk = coverage.assignments[2]
    assert (kiosk.team, kiosk.key_name) == ("shared", "claude-desktop-shared-prod")
    assert codes(coverage) == []

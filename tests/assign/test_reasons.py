"""Why somebody or something is not covered, and what each covered device will send."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioner.naming import person_suffix
from provisioner.roster.model import Device, LeftOut
from tests.assign.company import (
    EVERYBODY,
    POLICY,
    assignment,
    by_row,
    codes,
    decided,
    mac,
    of,
    pc,
    person,
    roster,
    row,
    rule,
    told,
)

SCRIPT = "[intune]\nremediation_key = true\n"
DEV = person("dev", aliases=("d.ev@acme.com",))
OTHER = person("other", 3)
OWN = 'key = "person"\nexpires = "2027-01-31"'


@pytest.mark.parametrize(
    ("device", "status", "reason"),
    [
        (mac("S", "dev"), "assigned", None),
        (mac("S", "dev", platform=None), "skipped", "NOT_A_COMPUTER"),
        (mac("S", "dev", managed=False), "not-covered", "NOT_MANAGED"),
        (mac("S", "dev", last_seen=date(2026, 10, 21)), "assigned", None),
        (mac("S", "dev", last_seen=date(2026, 10, 20)), "not-covered", "NOT_CHECKED_IN_30D"),
        (mac("S", "dev", last_seen=None), "assigned", None),
        (mac("S"), "not-covered", "NO_PERSON"),
        (mac("S", "dev", mdm=None), "not-covered", "NOT_IN_INVENTORY"),
        (mac("S", "dev", mdm=None, platform=None), "not-covered", "NOT_IN_INVENTORY"),
        (mac("S", "dev", mdm=None, platform="linux"), "assigned", None),
    ],
)
def test_each_device_has_one_status_and_says_why(device: Device, status: str, reason: str | None) -> None:
    verdict = of(decided(roster([DEV], [device]), EVERYBODY), "S")
    assert (verdict.status, verdict.reason) == (status, reason)


def test_a_device_that_was_not_seen_says_when_it_was() -> None:
    coverage = decided(roster([DEV], [mac("S", "dev", last_seen=date(2026, 9, 1))]), EVERYBODY)
    assert of(coverage, "S").detail == "last seen 2026-09-01"
    assert of(coverage, "dev").reason == "NOT_CHECKED_IN_30D"


@pytest.mark.covers("T25", "S175", "S187")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("dev@acme.com", None),
        ("DEV@Acme.com", None),
        ("d.ev@acme.com", None),
        ("", "NO_EMAIL_IN_MDM"),
        ("  ", "NO_EMAIL_IN_MDM"),
        ("stranger@acme.com", "EMAIL_NOT_IN_ROSTER"),
        ("other@acme.com", "EMAIL_OF_ANOTHER"),
        ("$EMAIL", "EMAIL_UNSAFE"),
        *((f"de{sign}v@acme.com", "EMAIL_UNSAFE") for sign in "&<>\"'\\${é\u0000\u007f\n\u202e"),
    ],
)
@pytest.mark.parametrize("mdm", ["jamf", "kandji", "intune"])
def test_what_a_mac_will_send_is_checked_beforehand(address: str, reason: str | None, mdm: str) -> None:
    device = mac("S", "dev", mdm=mdm, user_email=address)
    verdict = of(decided(roster([DEV, OTHER], [device]), EVERYBODY), "S")
    assert verdict.reason == reason
    if reason is None:
        assert (verdict.attribution, verdict.expected) == ("variable", address)


@pytest.mark.parametrize("more", ['attribution = "device"', 'attribution = "none"', 'key = "person"'])
def test_no_address_is_needed_where_no_variable_stands(more: str) -> None:
    coverage = decided(roster([DEV], [mac("S", "dev", user_email="")]), rule("", more=more))
    assert of(coverage, "S").status == "assigned"


@pytest.mark.parametrize(
    ("device", "fleet", "attribution", "expected"),
    [
        (pc("S", "dev"), "", "none", ""),
        (pc("S", "dev"), SCRIPT, "script", "dev@acme.com"),
        (pc("S", "dev", mdm="jamf"), SCRIPT, "none", ""),
        (mac("S", "dev", platform="linux"), "", "none", ""),
    ],
)
def test_how_the_person_gets_in_depends_on_console_and_platform(
    device: Device, fleet: str, attribution: str, expected: str
) -> None:
    verdict = of(decided(roster([DEV], [device]), fleet + EVERYBODY), "S")
    assert (verdict.attribution, verdict.expected) == (attribution, expected)


FLOORS = '[claude_code]\nminimum_version = "2.1.285"\n[claude_desktop]\nminimum_version = "1.9000.0"\n'


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"claudecodeversion": "2.1.285"}, None),
        ({"claudecodeversion": "2.1.99 (Claude Code)"}, "CLIENT_TOO_OLD"),
        ({"claudecodeversion": "2.1.300", "claudedesktopversion": "1.8999.9"}, "CLIENT_TOO_OLD"),
        ({"claudedesktopversion": "unknown"}, None),
        ({"claudecodeversion": "2.1"}, "CLIENT_TOO_OLD"),
    ],
)
def test_a_client_below_the_fleets_floor_is_not_covered(facts: dict[str, str], reason: str | None) -> None:
    coverage = decided(roster([DEV], [mac("S", "dev", facts=facts)]), FLOORS + EVERYBODY)
    assert of(coverage, "S").reason == reason


def test_people_without_a_device_or_a_rule() -> None:
    people = [DEV, person("b", 3, department="Sales"), person("c", 4), person("d", 5)]
    fleet = '[roster]\nunmatched = "skip"\n' + rule('department = "*"') + rule('name = "*"')
    devices = [mac("S1", "dev"), mac("S2", "d", platform=None)]
    assert told(decided(roster(people, devices), fleet)) == [
        "person dev@acme.com assigned eng-prod",
        "person b@acme.com not-covered NO_DEVICE",
        "person c@acme.com not-covered NO_RULE",
        "person d@acme.com not-covered NO_RULE",
        "device S1 assigned eng-prod",
        "device S2 skipped NOT_A_COMPUTER",
    ]


def test_people_without_a_device_can_still_have_keys() -> None:
    fleet = rule("") + rule("", '"sdk"', more='gives = "key-only"\n' + OWN)
    coverage = decided(roster([DEV, OTHER], [mac("S1", "other")]), fleet)
    verdict, name = of(coverage, "dev"), f"sdk-prod-{person_suffix('dev@acme.com')}"
    assert (verdict.status, verdict.assignment) == ("key-only", name)
    assert verdict.detail == "no device of the inventories is theirs; it would get eng-prod"
    assert assignment(coverage, name).key_only == ("dev@acme.com",)


SDK = rule("", '"sdk"', more='gives = "key-only"')


@pytest.mark.covers("S192")
@pytest.mark.parametrize(
    ("fleet", "reason", "detail"),
    [
        (rule("") + SDK, "NO_DEVICE", "it would get eng-prod"),
        (rule("") + rule("", '"data"', more='second = "key-only"'), "NO_DEVICE", "it would get eng-prod"),
        (SDK, "NO_DEVICE", "it would get sdk-prod; rule 1 gives a team's key"),
        (SDK + 'key = "person"', "NO_EXPIRY", "a key of somebody unmanaged must end"),
    ],
)
def test_nobody_without_a_device_gets_a_teams_key_by_a_rule(fleet: str, reason: str, detail: str) -> None:
    coverage = decided(roster([DEV], inventory=True), fleet)
    verdict = of(coverage, "dev")
    assert (verdict.status, verdict.reason, verdict.detail) == ("not-covered", reason, detail)
    assert coverage.assignments == ()
    phone = decided(roster([DEV], [mac("S1", "dev", platform=None)]), fleet)
    assert (of(phone, "dev").reason, phone.assignments) == (reason, ())
    # With a computer of one's own, and where nobody knows computers, the key is there.
    for who in (roster([DEV], [mac("S1", "dev")]), roster([DEV], inventory=False)):
        assert any("dev@acme.com" in one.key_only for one in decided(who, fleet).assignments)


def test_rows_that_name_a_person_without_a_device_go_on_giving_keys() -> None:
    who = by_row(row(2, "dev", "eng"), row(3, "dev", "data"))
    coverage = decided(roster([who], inventory=True))
    assert told(coverage) == ["person dev@acme.com key-only data-prod"]


def test_a_person_has_the_best_of_what_the_devices_have() -> None:
    devices = [mac("S1", "dev", user_email=""), mac("S2", "dev"), mac("S3", "dev", managed=False)]
    coverage = decided(roster([DEV], devices), EVERYBODY)
    assert (of(coverage, "dev").status, of(coverage, "dev").assignment) == ("assigned", "all-prod")
    assert [m.id for m in assignment(coverage, "all-prod").members] == ["S2"]


@pytest.mark.parametrize("reason", ["DISABLED", "GUEST", "SERVICE_ACCOUNT", "NO_EMAIL", "DOMAIN_NOT_ALLOWED"])
def test_who_is_left_out_says_why_with_and_without_devices(reason: str) -> None:
    who = person("x", left_out=LeftOut(reason, "as the directory says"))  # type: ignore[arg-type]
    for inventory in (True, False):
        verdict = of(decided(roster([who, DEV], inventory=inventory), EVERYBODY), "x")
        assert (verdict.status, verdict.reason, verdict.detail) == (
            "not-covered", reason, "as the directory says",
        )  # fmt: skip


PER_USER = {"standard": replace(POLICY, per_user=True)}


@pytest.mark.parametrize(
    ("devices", "fleet", "told"),
    [
        ([mac("S1", "dev")], EVERYBODY, ""),
        ([pc("S1", "dev")], SCRIPT + EVERYBODY, ""),
        ([pc("S1", "dev")], rule("", more='key = "person"'), ""),
        ([mac("S1", "dev")], rule("", more='attribution = "device"'), ""),
        ([mac("S1", "dev"), pc("S2", "dev"), pc("S3", "dev")], EVERYBODY, "2 on Windows without a script"),
        ([pc("S1", "dev", user_email="")], SCRIPT + EVERYBODY, "1 on windows without an"),
        ([mac("S1", "dev", platform="linux")], EVERYBODY, "1 on linux, where nothing fills in the person"),
        ([mac("S1", "dev")], rule("", more='attribution = "none"'), '1 by a rule with attribution = "none"'),
        ([mac("S1", "dev")], rule("", more='attribution = { pool = "p" }'), "1 in a pool"),
    ],
)  # fmt: skip
def test_a_budget_per_person_needs_every_device_to_tell_its_person(
    devices: list[Device], fleet: str, told: str
) -> None:
    coverage = decided(roster([DEV], devices), fleet, PER_USER)
    assert codes(coverage) == (["PER_USER_BUDGET"] if told else [])
    assert told in "".join(p.message for p in coverage.problems)


MENDED_IN_A_CONSOLE: dict[str, dict[str, Any]] = {
    "NO_EMAIL_IN_MDM": {"user_email": ""},
    "EMAIL_NOT_IN_ROSTER": {"user_email": "stranger@acme.com"},
    "EMAIL_OF_ANOTHER": {"user_email": "other@acme.com"},
    "EMAIL_UNSAFE": {"user_email": "$EMAIL"},
    "CLIENT_TOO_OLD": {"facts": {"claudecodeversion": "2.1.99"}},
    "NOT_CHECKED_IN_30D": {"last_seen": date(2026, 10, 1)},
}
KEPT = [(reason, key) for reason in MENDED_IN_A_CONSOLE for key in ("team", "person")]


@pytest.mark.covers("T11")
@pytest.mark.parametrize(
    ("reason", "key"), [pair for pair in KEPT if "EMAIL" not in pair[0] or pair[1] == "team"]
)
def test_keys_stay_wanted_while_a_console_has_to_be_mended(reason: str, key: str) -> None:
    device = mac("S1", "dev", **MENDED_IN_A_CONSOLE[reason])
    fleet = FLOORS + rule("", more=f'key = "{key}"') + rule("", '"sdk"', more='second = "key-only"')
    coverage = decided(roster([DEV, OTHER], [device]), fleet)
    verdict = of(coverage, "S1")
    assert (verdict.status, verdict.reason, verdict.assignment) == ("not-covered", reason, None)
    assert [(a.team, a.members, a.key_only, a.person) for a in coverage.assignments] == [
        ("eng", (), ("dev@acme.com",), "dev@acme.com" if key == "person" else None),
        ("sdk", (), ("dev@acme.com",), None),
    ]


@pytest.mark.covers("T11")
@pytest.mark.parametrize("reason", ["CLIENT_TOO_OLD", "NOT_CHECKED_IN_30D"])
@pytest.mark.parametrize(
    ("label", "key"),
    [('"device"', "all-prod"), ('{ pool = "east" }', "all-prod-east"), ('"none"', "all-prod")],
)
@pytest.mark.parametrize("owner", [None, "dev"])
def test_the_key_of_a_shared_device_stays_wanted_and_is_nobodys(
    reason: str, label: str, key: str, owner: str | None
) -> None:
    device = pc("S1", owner, **MENDED_IN_A_CONSOLE[reason])
    fleet = FLOORS + rule("", '"all"', more=f"attribution = {label}")
    [kept] = decided(roster([DEV], [device]), fleet).assignments
    whose = "dev@acme.com" if owner and label == '"none"' else "S1"
    assert (kept.key_name, kept.key_only) == (f"claude-desktop-{key}", (whose,))


@pytest.mark.parametrize(
    ("changes", "fleet", "reason"),
    [
        ({}, rule("", more='key = "person"\nexpires = "2026-11-01"'), "EXPIRED"),
        ({"enrolment": "byod-device"}, EVERYBODY, "BYOD"),
        ({"managed": False}, EVERYBODY, "NOT_MANAGED"),
        ({"owner": "guest@acme.com"}, EVERYBODY, "OWNER_LEFT_OUT"),
        ({"owner": None, "user_email": "stranger@acme.com"}, EVERYBODY, "EMAIL_NOT_IN_ROSTER"),
        ({}, '[[assign]]\nwhen = {}\ngives = "skip"\n', "BY_RULE"),
    ],
)
def test_keys_are_not_wanted_for_what_is_not_the_consoles_fault(
    changes: dict[str, Any], fleet: str, reason: str
) -> None:
    guest = person("guest", left_out=LeftOut("GUEST", ""))
    fleet += rule("", '"sdk"', more='second = "key-only"')
    coverage = decided(roster([DEV, guest], [mac("S1", "dev")._replace(**changes)]), fleet)
    assert (of(coverage, "S1").reason, coverage.assignments) == (reason, ())


@pytest.mark.covers("T11")
@pytest.mark.parametrize("key", ["person", "team"])
def test_the_key_of_a_device_that_is_not_seen_for_a_while_stays_wanted(key: str) -> None:
    """Somebody on leave: nothing is delivered, and --prune must not revoke what was."""
    away = mac("S1", "ann", last_seen=date(2026, 10, 1))
    coverage = decided(roster([person("ann")], [away]), rule("", more=f'key = "{key}"'))
    assert (of(coverage, "S1").status, of(coverage, "S1").reason) == ("not-covered", "NOT_CHECKED_IN_30D")
    [kept] = coverage.assignments
    assert (kept.members, kept.key_only) == ((), ("ann@acme.com",))


def test_a_key_that_is_kept_back_says_why_and_what_came_first_is_remembered() -> None:
    """Somebody without a device: the artifact reaches nobody, a team's key is kept back, an own one not."""
    fleet = (
        rule("", '"eng"')
        + rule("", '"sdk"', more='second = "key-only"')
        + rule("", '"own"', more='second = "key-only"\nkey = "person"\nexpires = "2036-01-01"')
    )
    verdict = of(decided(roster([person("ann")], [mac("S1", "bob")]), fleet), "ann")
    assert (verdict.status, verdict.passed_over and verdict.passed_over.team) == ("key-only", "eng")
    assert verdict.choice is not None
    assert verdict.choice.team == "own"
    assert [(s.assignment, s.key_only, s.why) for s in verdict.seconds] == [
        ("sdk-prod", False, "nobody unmanaged gets a shared key")
    ]

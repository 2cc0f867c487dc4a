"""The planner's rules, as a table: wanted, ledger, vault and gateway in; actions out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway_client.contract import Budget, KeySpec, Listing, RemoteConfig, RemoteKey
from provisioner.ledger.model import ConfigIntent, ConfigRecord, KeyIntent, KeyRecord, Snapshot
from provisioner.plan.build import PER_USER, PER_USER_FIX, UNRECORDED, Wanted, actions, wanted
from provisioner.plan.model import (
    Blocked,
    KeepConfig,
    KeepKey,
    Leaver,
    RevokeKey,
    UpdateConfig,
    UpdateKey,
    WantedKey,
)
from provisioner.secret import SecretRef
from tests.report.rollouts import POLICY, assignment

BODY = {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}
CONFIG = "desktop-eng-prod"
KEY = "claude-desktop-eng-prod"
LEDGER = "0123456789abcdef0123456789abcdef"
SNAPSHOT = Snapshot(LEDGER)
WANTED_KEY = WantedKey(
    name=KEY,
    assignment="eng-prod",
    config=CONFIG,
    metadata={"tenant": "acme", "team": "eng", "env": "prod"},
    budget=Budget(500),
    rate_limits=(),
    expires_at=None,
    models=("claude-opus-5-5",),
)
WANT = Wanted({CONFIG: BODY}, {KEY: WANTED_KEY})
NOBODY = Wanted({}, {})


def remote_key(spec: KeySpec, key_id: str = "id-1", **changes: object) -> RemoteKey:
    key = RemoteKey(
        id=key_id, name=spec.name, description=spec.description, status="active", config=spec.config,
        metadata=spec.metadata, budget=spec.budget, rate_limits=spec.rate_limits, expires_at=spec.expires_at,
        allow_config_override=None,
    )  # fmt: skip
    return replace(key, **changes)  # type: ignore[arg-type]


SPEC = WANTED_KEY.spec("pc-1", SNAPSHOT.description("n1"))
RECORD = KeyRecord(KEY, "id-1", SecretRef("n1", "aaaaaaaaaaaa"), SPEC)
KNOWN = replace(SNAPSHOT, configs={CONFIG: ConfigRecord(CONFIG, "pc-1", BODY)}, keys={KEY: RECORD})
OUR_CONFIG = RemoteConfig("c-1", "pc-1", CONFIG, BODY)
OUR_KEY = remote_key(SPEC)
ALL_WELL = Listing((OUR_KEY,), (OUR_CONFIG,))
SEALED = frozenset({"n1"})


def plan(
    want: Wanted = WANT,
    snapshot: Snapshot = KNOWN,
    seen: Listing = ALL_WELL,
    sealed: frozenset[str] = SEALED,
    *,
    prune: bool = False,
) -> list[str]:
    done, leavers = actions(want, snapshot, seen, sealed, prune=prune)
    return [f"{a.kind} {a.name}" for a in done] + [f"leaver {x.name}" for x in leavers]


def test_a_first_run_creates_and_mints() -> None:
    assert plan(snapshot=SNAPSHOT, seen=Listing((), ())) == [f"create-config {CONFIG}", f"mint-key {KEY}"]


def test_when_all_is_well_everything_is_kept() -> None:
    assert plan() == [f"keep-config {CONFIG}", f"keep-key {KEY}"]


def test_a_key_deleted_behind_our_back_is_minted_anew() -> None:
    assert plan(seen=Listing((), (OUR_CONFIG,))) == [
        f"keep-config {CONFIG}", f"forget-key {KEY}", f"mint-key {KEY}",
    ]  # fmt: skip


def test_a_deleted_key_is_forgotten_even_where_a_foreign_one_blocks_its_name() -> None:
    foreign = remote_key(replace(SPEC, description="made by hand"), "id-9")
    assert plan(seen=Listing((foreign,), (OUR_CONFIG,))) == [
        f"keep-config {CONFIG}", f"forget-key {KEY}", f"blocked {KEY}",
    ]  # fmt: skip


def test_a_config_deleted_behind_our_back_is_created_and_the_key_bound_to_it() -> None:
    assert plan(seen=Listing((OUR_KEY,), ())) == [f"create-config {CONFIG}", f"update-key {KEY}"]


@pytest.mark.covers("S169", "S170")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"budget": Budget(9000)}, "budget is 9000 USD"),
        ({"config": "pc-other"}, "config is pc-other"),
        (
            {"metadata": {"tenant": "acme", "team": "ceo", "env": "prod"}},
            "metadata.team is ceo, should be eng",
        ),
        ({"expires_at": datetime(2027, 1, 1, tzinfo=UTC)}, "expires_at is 2027-01-01"),
        ({"allow_config_override": True}, "allow_config_override is true, should be false"),
    ],
)
def test_a_changed_key_is_brought_back(changes: dict[str, object], told: str) -> None:
    done, _ = actions(
        WANT, KNOWN, Listing((remote_key(SPEC, **changes),), (OUR_CONFIG,)), SEALED, prune=False
    )
    assert [a.kind for a in done] == ["keep-config", "update-key"]
    assert told in done[1].why  # type: ignore[union-attr]


@pytest.mark.covers("S157")
def test_a_changed_config_is_brought_back_and_its_place_is_told() -> None:
    other = replace(OUR_CONFIG, body={"provider": "@other", "forward_headers": ["anthropic-beta"]})
    done, _ = actions(WANT, KNOWN, Listing((OUR_KEY,), (other,)), SEALED, prune=False)
    assert [a.kind for a in done] == ["update-config", "keep-key"]
    assert done[0].why == 'config.provider is "@other", should be "@anthropic-prod"'  # type: ignore[union-attr]


def test_a_key_without_its_secret_is_rotated() -> None:
    assert plan(sealed=frozenset()) == [f"keep-config {CONFIG}", f"rotate-key {KEY}"]


@pytest.mark.covers("T1")
def test_a_foreign_key_blocks_its_name_and_stays() -> None:
    foreign = remote_key(replace(SPEC, description="made by hand"), "id-9")
    done, _ = actions(WANT, SNAPSHOT, Listing((foreign,), ()), frozenset(), prune=True)
    assert [a.kind for a in done] == ["create-config", "blocked"]
    assert isinstance(done[1], Blocked)
    assert "FOREIGN key" in done[1].why
    assert "id-9" in done[1].why


def test_a_foreign_key_beside_ours_blocks_too() -> None:
    foreign = remote_key(replace(SPEC, description="made by hand"), "id-9")
    assert plan(seen=Listing((OUR_KEY, foreign), (OUR_CONFIG,))) == [
        f"keep-config {CONFIG}",
        f"blocked {KEY}",
    ]


@pytest.mark.covers("T1")
def test_a_key_of_another_ledger_is_foreign() -> None:
    other = remote_key(replace(SPEC, description=Snapshot("f" * 32).description("n1")), "id-9")
    assert plan(snapshot=SNAPSHOT, seen=Listing((other,), ())) == [
        f"create-config {CONFIG}",
        f"blocked {KEY}",
    ]


def test_a_key_whose_description_was_changed_is_not_touched() -> None:
    stripped = remote_key(replace(SPEC, description="mine now"))
    assert plan(seen=Listing((stripped,), (OUR_CONFIG,))) == [f"keep-config {CONFIG}", f"blocked {KEY}"]


def test_a_foreign_config_blocks_its_key_too() -> None:
    foreign = RemoteConfig("c-9", "pc-9", CONFIG, {"provider": "@evil"})
    assert plan(snapshot=SNAPSHOT, seen=Listing((), (foreign,))) == [f"blocked {CONFIG}", f"blocked {KEY}"]


MINTING = replace(KNOWN, keys={}, key_intents={"n1": KeyIntent("n1", KEY, "mint")})


@pytest.mark.covers("T1")
def test_a_live_key_without_its_secret_is_discarded_and_minted_anew() -> None:
    assert plan(snapshot=MINTING, sealed=frozenset()) == [
        f"discard-key {KEY}", f"keep-config {CONFIG}", f"mint-key {KEY}",
    ]  # fmt: skip


@pytest.mark.covers("T1")
def test_a_live_key_whose_secret_was_sealed_is_taken_up() -> None:
    assert plan(snapshot=MINTING) == [f"adopt-key {KEY}", f"keep-config {CONFIG}"]


@pytest.mark.covers("T1")
def test_a_key_taken_up_under_an_older_policy_is_updated() -> None:
    older = Listing((remote_key(SPEC, budget=Budget(1)),), (OUR_CONFIG,))
    assert plan(snapshot=MINTING, seen=older) == [
        f"adopt-key {KEY}", f"update-key {KEY}", f"keep-config {CONFIG}",
    ]  # fmt: skip


@pytest.mark.covers("T1")
def test_an_intent_that_came_to_nothing_is_closed() -> None:
    assert plan(snapshot=MINTING, seen=Listing((), (OUR_CONFIG,))) == [
        f"close-intent {KEY}", f"keep-config {CONFIG}", f"mint-key {KEY}",
    ]  # fmt: skip


@pytest.mark.covers("T1")
def test_an_unfinished_key_that_nobody_wants_now_is_discarded() -> None:
    assert plan(want=NOBODY, snapshot=MINTING) == [f"discard-key {KEY}"]


@pytest.mark.covers("T1")
def test_a_key_that_copies_our_marker_without_an_open_intent_is_foreign() -> None:
    copied = remote_key(replace(SPEC, description=SNAPSHOT.description("n7")), "id-9")
    assert plan(snapshot=SNAPSHOT, seen=Listing((copied,), ())) == [
        f"create-config {CONFIG}",
        f"blocked {KEY}",
    ]


CREATING = replace(SNAPSHOT, config_intents={CONFIG: ConfigIntent(CONFIG, BODY)})


@pytest.mark.covers("T1")
def test_a_config_that_a_broken_run_made_is_taken_up() -> None:
    assert plan(snapshot=CREATING, seen=Listing((), (OUR_CONFIG,))) == [
        f"adopt-config {CONFIG}", f"mint-key {KEY}",
    ]  # fmt: skip


def test_a_config_with_another_body_is_not_taken_up() -> None:
    other = replace(OUR_CONFIG, body={"provider": "@x"})
    assert plan(snapshot=CREATING, seen=Listing((), (other,))) == [f"blocked {CONFIG}", f"blocked {KEY}"]


def test_a_rotation_that_broke_off_before_the_secret_came_is_done_again() -> None:
    broken = replace(KNOWN, key_intents={"n2": KeyIntent("n2", KEY, "rotate", "id-1")})
    assert plan(snapshot=broken, sealed=frozenset()) == [
        f"close-intent {KEY}", f"keep-config {CONFIG}", f"rotate-key {KEY}",
    ]  # fmt: skip


def test_a_rotation_that_broke_off_after_the_secret_was_sealed_is_taken_up() -> None:
    broken = replace(KNOWN, key_intents={"n2": KeyIntent("n2", KEY, "rotate", "id-1")})
    assert plan(snapshot=broken, sealed=frozenset({"n2"})) == [
        f"adopt-rotation {KEY}", f"keep-config {CONFIG}", f"keep-key {KEY}",
    ]  # fmt: skip


@pytest.mark.covers("T11")
def test_leavers_are_listed_and_only_pruning_revokes_them() -> None:
    assert plan(want=NOBODY) == [f"leaver {KEY}"]
    assert plan(want=NOBODY, prune=True) == [f"revoke-key {KEY}"]


def test_a_revocation_that_broke_off_is_finished_whoever_asks() -> None:
    broken = replace(KNOWN, key_intents={"n2": KeyIntent("n2", KEY, "revoke", "id-1")})
    assert plan(want=NOBODY, snapshot=broken) == [f"revoke-key {KEY}", f"close-intent {KEY}"]


def test_a_key_that_is_wanted_again_after_its_revocation_broke_off_is_minted_anew() -> None:
    broken = replace(KNOWN, key_intents={"n2": KeyIntent("n2", KEY, "revoke", "id-1")})
    assert plan(snapshot=broken) == [
        f"revoke-key {KEY}", f"close-intent {KEY}", f"keep-config {CONFIG}", f"mint-key {KEY}",
    ]  # fmt: skip


def test_a_leaver_that_is_gone_already_is_forgotten() -> None:
    assert plan(want=NOBODY, seen=Listing((), ())) == [f"forget-key {KEY}"]


def test_strangers_of_other_names_are_left_alone() -> None:
    other = remote_key(replace(SPEC, name="something-else", description=""), "id-9")
    config = RemoteConfig("c-9", "pc-9", "something-else", None)
    assert plan(seen=Listing((OUR_KEY, other), (OUR_CONFIG, config))) == [
        f"keep-config {CONFIG}", f"keep-key {KEY}",
    ]  # fmt: skip


def test_an_update_that_the_ledger_missed_is_recorded_by_making_it_again() -> None:
    """A run that broke off between the gateway's update and the ledger's: nothing is seen to differ."""
    older = replace(KNOWN, keys={KEY: replace(RECORD, spec=replace(SPEC, budget=Budget(100)))})
    done, leavers = actions(WANT, older, ALL_WELL, SEALED, prune=False)
    assert done == (KeepConfig(CONFIG, "pc-1"), UpdateKey(WANTED_KEY, "id-1", UNRECORDED))
    assert leavers == ()


def test_an_update_of_a_config_that_the_ledger_missed_is_recorded_by_making_it_again() -> None:
    older = replace(KNOWN, configs={CONFIG: ConfigRecord(CONFIG, "pc-1", {"provider": "@former"})})
    done, _ = actions(WANT, older, ALL_WELL, SEALED, prune=False)
    assert done == (UpdateConfig(CONFIG, "pc-1", BODY, UNRECORDED), KeepKey(KEY, "id-1"))


def test_an_unrecorded_update_of_a_key_without_its_secret_comes_before_the_rotation() -> None:
    older = replace(KNOWN, keys={KEY: replace(RECORD, spec=replace(SPEC, budget=Budget(100)))})
    assert plan(snapshot=older, sealed=frozenset()) == [
        f"keep-config {CONFIG}", f"update-key {KEY}", f"rotate-key {KEY}",
    ]  # fmt: skip


REFUSED = Blocked(KEY, PER_USER, PER_USER_FIX)


@pytest.mark.parametrize(
    ("snapshot", "seen", "expected"),
    [
        (SNAPSHOT, Listing((), ()), [f"create-config {CONFIG}", f"blocked {KEY}"]),
        # A live key stays as it is: its devices go on working, and its files stay.
        (KNOWN, ALL_WELL, [f"keep-config {CONFIG}", f"blocked {KEY}"]),
        (KNOWN, Listing((remote_key(SPEC, budget=Budget(1)),), (OUR_CONFIG,)), [
            f"keep-config {CONFIG}", f"blocked {KEY}",
        ]),
        (KNOWN, Listing((), (OUR_CONFIG,)), [
            f"keep-config {CONFIG}", f"forget-key {KEY}", f"blocked {KEY}",
        ]),
        # One that a broken run left was never delivered, and can't be brought to what is asked.
        (MINTING, ALL_WELL, [f"discard-key {KEY}", f"keep-config {CONFIG}", f"blocked {KEY}"]),
    ],
)  # fmt: skip
def test_a_key_that_cant_be_made_as_asked_is_blocked(
    snapshot: Snapshot, seen: Listing, expected: list[str]
) -> None:
    want = replace(WANT, blocked={KEY: REFUSED})
    assert plan(want=want, snapshot=snapshot, seen=seen) == expected


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        ({}, True),
        ({"person": "a@acme.com"}, False),
        ({"service": "svc:ci"}, False),
        ({"policy": replace(POLICY, per_user=True, budget=None)}, False),
        ({"policy": POLICY}, False),
    ],
)
def test_a_budget_per_user_is_a_keys_where_the_key_is_one_persons(
    changes: dict[str, object], blocked: bool
) -> None:
    made = assignment("eng", "prod", 2, **{"policy": replace(POLICY, per_user=True), **changes})
    want = wanted((made,))
    assert want.blocked == ({KEY: REFUSED} if blocked else {})
    assert want.keys[KEY].budget == made.policy.budget


def test_devices_with_a_label_share_their_teams_key() -> None:
    team = assignment("eng", "prod", 2)
    kiosk = replace(team, name="eng-prod-c02x", label="device:C02X")
    want = wanted((kiosk, team))
    assert list(want.keys) == [KEY]
    assert want.keys[KEY].assignment == "eng-prod"


def test_a_leaver_who_is_somebody_wanted_is_told_so() -> None:
    new = replace(WANTED_KEY, name="claude-desktop-eng-prod-alice-1")
    want = Wanted({CONFIG: BODY}, {new.name: new})
    done, leavers = actions(want, KNOWN, ALL_WELL, SEALED, prune=False, same={KEY: new.name})
    assert [a.kind for a in done] == ["keep-config", "mint-key"]
    assert leavers == (Leaver(KEY, "id-1", new.name),)
    done, leavers = actions(want, KNOWN, ALL_WELL, SEALED, prune=True, same={KEY: new.name})
    assert leavers == ()
    assert isinstance(done[-1], RevokeKey)
    assert done[-1].why.endswith(f"asks for it any more; the same person as {new.name}")

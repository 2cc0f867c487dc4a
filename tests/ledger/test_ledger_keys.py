"""The ledger's keys, listed and looked up by what a person calls one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway_client.contract import KeySpec
from provisioner.errors import UsageError
from provisioner.ledger.keys import find, listed
from provisioner.ledger.model import KeyRecord
from provisioner.roster.model import Person, Place
from provisioner.secret import SecretRef

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def record(name: str, user: str | None, expires: datetime | None = None) -> KeyRecord:
    spec = KeySpec(name, "", "pc-1", {"team": "eng"} | ({"user": user} if user else {}), expires_at=expires)
    return KeyRecord(name, f"id-{name}", SecretRef(f"v-{name}", "0123456789ab"), spec)


TEAM = record("claude-desktop-eng-prod", None)
CI = record("claude-desktop-eng-prod-svc-ci", "svc:ci")
ALICE = record("claude-desktop-eng-prod-alice-1", "alice@acme.com")
BOB = record("claude-desktop-eng-prod-bob-1", "bob@acme.com")
BOB_DEV = record("claude-desktop-eng-dev-bob-1", "bob@acme.com")
KEYS = {k.name: k for k in (TEAM, CI, ALICE, BOB, BOB_DEV)}
PEOPLE = (Person("alice@acme.com", ("a.smith@acme.com",), Place("in/users.csv", 2)),)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (TEAM.name, TEAM),
        ("svc:ci", CI),
        ("alice@acme.com", ALICE),
        ("Alice@ACME.com", ALICE),
        ("a.smith@acme.com", ALICE),
        ("A.Smith@acme.com", ALICE),
    ],
)
def test_one_key_is_meant(asked: str, meant: KeyRecord) -> None:
    assert find(KEYS, asked, PEOPLE) == meant


def test_a_key_under_the_former_spelling_is_found_by_the_new_one() -> None:
    renamed = (PEOPLE[0]._replace(identity="a.smith@acme.com", aliases=("alice@acme.com",)),)
    assert find(KEYS, "a.smith@acme.com", renamed) == ALICE


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("bob@acme.com", f"has 2 keys: {BOB_DEV.name}, {BOB.name}"),
        ("", "no key is called"),
        ("a.smith@acme.com", "no key is called"),
        ("alice@acme.com\x1b[2J", "no key is called"),
    ],
)
def test_no_key_or_several_are_an_error(asked: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(KEYS, asked)
    assert told in caught.value.message
    assert "\x1b" not in caught.value.message
    assert caught.value.hint


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(UsageError) as caught:
        find(KEYS, "alise@acme.com")
    assert caught.value.hint == 'did you mean "alice@acme.com"?'


@pytest.mark.parametrize(
    ("key", "sealed", "state"),
    [
        (TEAM, True, "live"),
        (TEAM, False, "no secret"),
        (replace(TEAM, failures=("m: status 404",)), True, "HOLD"),
        (replace(TEAM, failures=()), True, "live"),
        (record("k", "x@acme.com", NOW), True, "expired"),
        (record("k", "x@acme.com", NOW.replace(hour=13)), True, "live"),
    ],
)
def test_how_a_key_stands(key: KeyRecord, sealed: bool, state: str) -> None:
    ids = frozenset({key.secret.vault_id}) if sealed else frozenset[str]()
    [told] = listed({key.name: key}, ids, NOW)
    assert told.state == state
    assert told.fingerprint == "0123456789ab"
    assert told.failures == (key.failures or ())


def test_keys_are_listed_by_name_with_their_assignment() -> None:
    told = listed(KEYS, frozenset(), NOW)
    assert [k.name for k in told] == sorted(KEYS)
    assert {k.assignment: k.who for k in told}["eng-prod-svc-ci"] == "svc:ci"
    assert {k.assignment: k.who for k in told}["eng-prod"] == ""

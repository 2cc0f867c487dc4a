"""What is kept in memory is what the store says, and a wrong secret takes no room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway_client.bundled import credentials
from gateway_client.bundled.directory import Directory
from gateway_client.bundled.store import keys
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.schema import workspaces

START_KEY = {"name": "key", "type": "workspace-service", "scopes": ["completions.write"]}


@pytest.fixture
def store(database: Path, clock: Callable[[], Any]) -> Iterator[Store]:
    opened = open_store(database, clock())
    yield opened
    opened.close()


@pytest.fixture
def clock(wire: Any) -> Any:
    return type(wire.clock)()


def minted(store: Store, clock: Any) -> tuple[str, str]:
    """Return a new key's id and the digest of its secret."""
    secret = credentials.mint()
    with store.writing() as db:
        home = db.scalar(select(workspaces.c.id))
        return keys.create(db, {**START_KEY, "workspace_id": home}, secret, clock()), secret.digest


def test_a_key_is_looked_up_once_and_forgotten_at_once(
    store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, digest = minted(store, clock)
    directory = Directory(store, clock)
    found = directory.caller(digest)
    assert found is not None
    with monkeypatch.context() as patched:
        patched.setattr(keys, "caller", lambda *_: pytest.fail("asked the store again"))
        assert directory.caller(digest) is found
    with store.writing() as db:
        keys.remove(db, identity)
    assert directory.caller(digest) is None


def test_a_change_during_a_look_up_is_not_missed(
    store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, digest = minted(store, clock)
    directory, real = Directory(store, clock), keys.caller

    def revoked_meanwhile(*asked: Any) -> Any:
        found = real(*asked)
        with store.writing() as db:
            keys.remove(db, identity)
        directory.caller("another")  # another thread, which sees the new generation first
        return found

    with monkeypatch.context() as patched:
        calls = iter([revoked_meanwhile])
        patched.setattr(keys, "caller", lambda *asked: next(calls, real)(*asked))
        assert directory.caller(digest) is not None
    assert directory.caller(digest) is None


def test_a_secret_in_transition_ends_with_it(store: Store, clock: Any) -> None:
    identity, digest = minted(store, clock)
    with store.writing() as db:
        keys.rotate(db, identity, credentials.mint(), clock() + timedelta(minutes=30), clock())
    directory = Directory(store, clock)
    assert directory.caller(digest) is not None
    clock.forward(minutes=31)
    assert directory.caller(digest) is None


def test_a_delayed_revocation_ends(store: Store, clock: Any) -> None:
    identity, digest = minted(store, clock)
    directory = Directory(store, clock, revocation_delay=60)
    seen = directory.caller_as_seen(digest)
    with store.writing() as db:
        keys.remove(db, identity)
    assert directory.caller(digest) is None
    assert directory.caller_as_seen(digest) == seen
    clock.forward(seconds=60)
    assert directory.caller_as_seen(digest) is None


def test_wrong_secrets_are_not_kept(store: Store, clock: Any) -> None:
    directory = Directory(store, clock)
    assert [directory.caller(f"wrong-{number}") for number in range(50)] == [None] * 50
    assert not directory._kept.callers

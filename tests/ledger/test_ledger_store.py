"""The ledger: events fold, the chain holds, sealed secrets stay sealed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway_client.contract import Budget, KeySpec, RateLimit
from provisioner.errors import LedgerError, VaultError
from provisioner.ledger.model import (
    ConfigIntent,
    ConfigWritten,
    DeliveredFile,
    Folder,
    IntentClosed,
    KeyGone,
    KeyIntent,
    KeyMinted,
    KeyProbed,
    KeyRotated,
    KeyUpdated,
    Revision,
)
from provisioner.ledger.store import LedgerStore
from provisioner.secret import SecretRef
from provisioner.vault import Vault, load_key

AT = "2026-11-20T18:00:00Z"
SPEC = KeySpec(
    name="claude-desktop-eng-prod",
    description="d",
    config="pc-deskto-0a1b2c",
    metadata={"tenant": "acme", "team": "eng", "env": "prod"},
    budget=Budget(500, "monthly", 400),
    rate_limits=(RateLimit("requests", "rpm", 60),),
)
REF = SecretRef("n1", "abcdef012345")


@pytest.fixture
def store(tmp_path: Path) -> LedgerStore:
    return LedgerStore.open(tmp_path / "ledger.db")


def test_events_fold_into_a_snapshot(store: LedgerStore) -> None:
    store.append(AT, ConfigIntent("desktop-eng-prod", {"provider": "@a"}))
    assert store.snapshot().config_intents.keys() == {"desktop-eng-prod"}
    store.append(AT, ConfigWritten("desktop-eng-prod", "pc-deskto-0a1b2c", {"provider": "@a"}))
    store.append(AT, KeyIntent("n1", SPEC.name, "mint"))
    assert store.snapshot().key_intents["n1"].name == SPEC.name
    store.append(AT, KeyMinted("n1", SPEC.name, "id-1", REF, SPEC))
    snapshot = store.snapshot()
    assert not snapshot.config_intents
    assert not snapshot.key_intents
    assert snapshot.configs["desktop-eng-prod"].slug == "pc-deskto-0a1b2c"
    assert snapshot.keys[SPEC.name].spec == SPEC
    assert snapshot.keys[SPEC.name].secret == REF


def test_later_events_change_a_key(store: LedgerStore) -> None:
    store.append(AT, KeyMinted("n1", SPEC.name, "id-1", REF, SPEC))
    store.append(AT, KeyProbed(SPEC.name, "id-1", ("m: status 404",), ("m",)))
    assert store.snapshot().keys[SPEC.name].failures == ("m: status 404",)
    new = SecretRef("n2", "111111111111")
    store.append(AT, KeyIntent("n2", SPEC.name, "rotate", "id-1"), KeyRotated("n2", SPEC.name, new))
    assert store.snapshot().keys[SPEC.name].secret == new
    assert store.snapshot().keys[SPEC.name].failures is None, "a new secret is proven anew"
    changed = KeySpec(name=SPEC.name, description="d", config="pc-x", metadata={})
    store.append(AT, KeyUpdated(SPEC.name, changed))
    assert store.snapshot().keys[SPEC.name].spec == changed
    store.append(AT, KeyIntent("n3", SPEC.name, "revoke", "id-1"), KeyGone(SPEC.name, "id-1", "left", "n3"))
    assert not store.snapshot().keys
    assert not store.snapshot().key_intents
    store.append(AT, KeyIntent("n4", SPEC.name, "mint"), IntentClosed("n4", "refused"))
    assert not store.snapshot().key_intents


def folder(out: str, **files: str) -> Folder:
    return Folder(out, {path: DeliveredFile(path, sha256, 0o600) for path, sha256 in files.items()})


def test_deliveries_are_kept_as_differences(store: LedgerStore) -> None:
    states = [
        folder("/dist", a="1", b="1"),
        folder("/dist", a="2", b="1"),
        folder("/dist", b="1"),
        folder("/other", b="1"),
        folder("/dist", b="1"),
    ]
    stored = []
    for state in states:
        delivered = state.since(store.snapshot().folder)
        assert delivered is not None
        stored.append(([file.path for file in delivered.files], delivered.gone))
        store.append(AT, delivered)
        assert store.snapshot().folder == state
        assert state.since(store.snapshot().folder) is None
    assert stored == [(["a", "b"], ()), (["a"], ()), ([], ("a",)), (["b"], ()), (["b"], ())]
    assert [d.out for d in store.deliveries()] == ["/dist", "/dist", "/dist", "/other", "/dist"]


def test_a_revision_number_is_never_forgotten(store: LedgerStore) -> None:
    first = replace(folder("/dist", a="1"), revisions={"eng-prod": Revision(3, "c")})
    store.append(AT, first.since(None))
    gone = Folder("/dist", {}, store.snapshot().folder.revisions)
    store.append(AT, gone.since(store.snapshot().folder))
    assert store.snapshot().folder == Folder("/dist", {}, {"eng-prod": Revision(3, "c")})


def test_the_ledger_survives_reopening_and_keeps_its_id(tmp_path: Path) -> None:
    first = LedgerStore.open(tmp_path / "ledger.db")
    first.append(AT, ConfigIntent("desktop-a-b", {}))
    head = first.snapshot().head
    first.close()
    second = LedgerStore.open(tmp_path / "ledger.db")
    assert second.ledger_id == first.ledger_id
    assert second.snapshot().head == head
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600
    second.close()


@pytest.mark.covers("T18")
@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE events SET body = CAST(REPLACE(CAST(body AS TEXT), '-eng', '-ceo') AS BLOB) WHERE number = 1",
        "DELETE FROM events WHERE number = 1",
        "UPDATE events SET hash = 'f' || SUBSTR(hash, 2) WHERE number = 2",
    ],
)
def test_a_changed_event_breaks_the_chain(tmp_path: Path, tampering: str) -> None:
    store = LedgerStore.open(tmp_path / "ledger.db")
    for name in ("desktop-eng-prod", "desktop-ops-prod"):
        store.append(AT, ConfigIntent(name, {}))
    store.close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        assert db.execute(tampering).rowcount == 1
    db.close()
    with (
        pytest.raises(LedgerError, match="changed by something else"),
        LedgerStore.open(tmp_path / "ledger.db") as again,
    ):
        again.snapshot()


def test_a_ledger_of_another_schema_is_refused(tmp_path: Path) -> None:
    LedgerStore.open(tmp_path / "ledger.db").close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
    db.close()
    with pytest.raises(LedgerError, match="schema 99"):
        LedgerStore.open(tmp_path / "ledger.db")


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(LedgerError, match="can't be read"):
        LedgerStore.open(tmp_path / "ledger.db")


@pytest.mark.covers("T2", "T18")
def test_the_vault_opens_only_what_it_sealed_here(store: LedgerStore, tmp_path: Path) -> None:
    key = load_key(tmp_path / "config" / "vault.key", may_create=True)
    vault = Vault(key, store.ledger_id, store)
    secret = SecretStr("pk-live-0123456789abcdef")
    reference = vault.seal("n1", secret)
    assert vault.open("n1") == secret
    assert vault.open("n2") is None
    assert vault.reference("n1") == reference
    assert secret.get_secret_value().encode() not in store.path.read_bytes()
    assert "0123456789abcdef" not in repr(reference)
    with pytest.raises(VaultError, match="doesn't open"):
        Vault(bytes(32), store.ledger_id, store).open("n1")
    with pytest.raises(VaultError, match="doesn't open"):
        Vault(key, "another ledger", store).open("n1")


@pytest.mark.covers("T18")
def test_a_box_moved_to_another_id_does_not_open(store: LedgerStore) -> None:
    vault = Vault(bytes(32), store.ledger_id, store)
    vault.seal("n1", SecretStr("pk-one"))
    box = store.get_sealed("n1")
    assert box is not None
    store.put_sealed("n2", box)
    with pytest.raises(VaultError, match="doesn't open"):
        vault.open("n2")


def test_the_vault_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "config" / "provision" / "vault.key"
    key = load_key(path, may_create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_key(path, may_create=False) == key
    assert len(key) == 32


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda p: p.unlink(), "is missing"),
        (lambda p: p.chmod(0o644), "read by others"),
        (lambda p: p.write_bytes(b"short\n"), "damaged"),
        (lambda p: p.write_bytes(b"\xff" * 40), "damaged"),
    ],
)
def test_a_spoilt_vault_key_is_told(tmp_path: Path, spoil, told: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "vault.key"
    load_key(path, may_create=True)
    spoil(path)
    with pytest.raises(VaultError, match=told):
        load_key(path, may_create=False)

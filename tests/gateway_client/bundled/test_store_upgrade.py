"""A database of version 1 is brought up to date where it lies, and loses nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled import credentials
from gateway_client.bundled.errors import StoreUnusable
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store import migration, schema

ADMIN, KEY, BEFORE = "upgrade-admin-token-0123456789abcdef", "k" * 43, "b" * 43
NOW = "2026-11-19T08:00:00.000Z"
ROWS: dict[str, list[dict[str, Any]]] = {
    "identity": [{"schema_version": 1, "instance_id": "i-1", "organisation_id": "o-1", "created_at": NOW}],
    "workspaces": [
        {
            "id": "w-1",
            "slug": "ws-defaul-000001",
            "name": "Default",
            "is_default": 1,
            "created_at": NOW,
            "last_updated_at": NOW,
        }
    ],
    "configs": [
        {
            "id": "c-1",
            "slug": "pc-deskto-000001",
            "workspace_id": "w-1",
            "name": "desktop-eng-prod",
            "is_default": 0,
            "version_id": "v-1",
            "created_at": NOW,
            "last_updated_at": NOW,
        }
    ],
    "config_versions": [
        {
            "version_id": "v-1",
            "config_id": "c-1",
            "number": 1,
            "name": "desktop-eng-prod",
            "body": '{"provider":"@anthropic-prod"}',
            "created_at": NOW,
        }
    ],
    "api_keys": [
        {
            "id": "k-1",
            "workspace_id": "w-1",
            "type": "workspace-service",
            "name": "claude-desktop-eng-prod",
            "masked": "kk*****kkk",
            "scopes": '["completions.write"]',
            "defaults_metadata": '{"team":"eng"}',
            "config_id": "pc-deskto-000001",
            "allow_config_override": 0,
            "created_at": NOW,
            "last_updated_at": NOW,
        }
    ],
    "secrets": [
        {"digest": credentials.digest(SecretStr(KEY)), "key_id": "k-1", "ends_at": None},
        {
            "digest": credentials.digest(SecretStr(BEFORE)),
            "key_id": "k-1",
            "ends_at": "2099-01-01T00:00:00.000Z",
        },
    ],
    "request_log": [
        {
            "time": NOW,
            "trace_id": "t-1",
            "key_id": key,
            "key_name": "claude-desktop-eng-prod",
            "merged_metadata": '{"team":"eng","_user":"a@b.c","env":null}',
            "contradicted": "{}",
            "path": "/v1/messages",
            "stream": 0,
            "status": 200,
            "outcome": "answered",
            "latency_ms": 12,
        }
        for key in ("k-1", "k-revoked")
    ],
    "admin_log": [{"time": NOW, "method": "POST", "path": "/v1/configs", "status": 200}],
}


def settings(database: Path) -> GatewaySettings:
    return GatewaySettings(database, SecretStr(ADMIN), retention_days=None)


@pytest.fixture
def of_version_1(database: Path) -> Path:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as db:
        db.executescript((Path(__file__).parent / "schema_1.sql").read_text())
        for table, rows in ROWS.items():
            for row in rows:
                marks = ", ".join("?" * len(row))
                db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        db.commit()
    return database


def shape(database: Path) -> dict[str, Any]:
    """What a table's columns and indexes are, in no order; defaults are left aside."""
    found: dict[str, Any] = {}
    with closing(sqlite3.connect(database)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = {tuple(row[1:4]) for row in db.execute(f"PRAGMA table_info({table})")}
            indexes = {row[1] for row in db.execute(f"PRAGMA index_list({table})")}
            foreign = {tuple(row[2:]) for row in db.execute(f"PRAGMA foreign_key_list({table})")}
            found[table] = (columns, indexes, foreign)
    return found


def test_keys_configs_and_the_log_of_version_1_go_on(of_version_1: Path) -> None:
    with Embedded(settings(of_version_1)) as gateway:
        admin = {"x-portkey-api-key": ADMIN}
        body = {"model": "claude-opus-4-8", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
        for key in (KEY, BEFORE):
            reply = requests.post(
                f"{gateway.url}/v1/messages", json=body, headers={"x-portkey-api-key": key}, timeout=20
            )
            assert reply.status_code == 200, reply.text
        assert gateway.instance_id == "i-1"
        log = requests.get(f"{gateway.url}/v1/logs", headers=admin, timeout=20).json()["data"]
        assert [entry["id"] for entry in log] == [4, 3, 2, 1]
        revoked, old = log[2:]
        assert (old["team"], old["user"], old["env"], old["workspace_id"]) == ("eng", "a@b.c", None, "w-1")
        assert (old["attempts"], old["verdicts"], old["request_bytes"]) == (1, [], 0)
        assert revoked["workspace_id"] is None
        audit = requests.get(f"{gateway.url}/v1/audit", headers=admin, timeout=20).json()["data"]
        assert {"path": "/v1/configs", "caller": None}.items() <= audit[-1].items()


def test_what_was_upgraded_is_made_like_what_is_new(of_version_1: Path, tmp_path: Path) -> None:
    for database in (of_version_1, tmp_path / "new" / "gateway.db"):
        with Embedded(settings(database)):
            pass
    assert shape(of_version_1) == shape(tmp_path / "new" / "gateway.db")
    with closing(sqlite3.connect(of_version_1)) as db:
        assert db.execute("SELECT schema_version FROM identity").fetchall() == [(schema.VERSION,)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(
    of_version_1: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dump() -> list[str]:
        with closing(sqlite3.connect(of_version_1)) as db:
            return list(db.iterdump())

    before = dump()
    monkeypatch.setattr(migration, "_FROM_1", (*migration._FROM_1, "UPDATE nowhere SET x = 1"))
    with pytest.raises(StoreUnusable, match="no such table: nowhere"):
        Embedded(settings(of_version_1)).__enter__()
    assert dump() == before


@pytest.mark.parametrize("version", [0, schema.VERSION + 1])
def test_a_version_that_nobody_knows_is_not_touched(of_version_1: Path, version: int) -> None:
    with closing(sqlite3.connect(of_version_1)) as db:
        db.execute(f"UPDATE identity SET schema_version = {version}")
        db.commit()
    before = shape(of_version_1)
    with pytest.raises(StoreUnusable, match=f"is of schema {version}, this gateway needs {schema.VERSION}"):
        Embedded(settings(of_version_1)).__enter__()
    assert shape(of_version_1) == before

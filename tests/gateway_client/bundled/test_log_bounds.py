"""What clients choose of their log entries: bounded, and never a reason for an entry to be missing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_client.bundled.store import bodies, bounds, log_rows, records
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.logbook import Logbook
from gateway_client.bundled.store.meters import MeterRow
from gateway_client.bundled.store.records import Filters, Outcome, RequestRecord

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHARACTERS = st.characters() | st.sampled_from("\0\ud800\udfff\U0001f600\"'\\ü\n")
WORDS = st.text(CHARACTERS, max_size=20) | st.builds(str.__mul__, st.text(CHARACTERS), st.just(400))
NUMBERS = st.integers() | st.sampled_from([2**63 - 1, 2**63, -(2**63) - 1, 10**400])
PAIRS = st.dictionaries(WORDS, WORDS | st.none(), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
LOADED = st.binary(max_size=60) | st.builds(bytes.__add__, st.just(b"data: "), st.binary(max_size=60))
_TEXTS = ("config", "target", "provider", "model_asked", "model_served", "cache_status", "error")
_TEXTS += ("user_agent", "client_version", "session_id", "agent_id", "settings_checksum")
_TEXTS += ("tenant", "team", "user", "env")
_NUMBERS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_nano_usd")
RECORDS = st.builds(
    RequestRecord,
    time=st.just("2026-11-20T12:00:00.000Z"),
    **dict.fromkeys(("trace_id", "key_id", "key_name", "path"), WORDS),
    **{name: st.none() | WORDS for name in ("workspace_id", *_TEXTS)},
    **{name: st.none() | NUMBERS for name in ("first_byte_ms", *_NUMBERS)},
    **dict.fromkeys(("status", "latency_ms", "attempts", "request_bytes", "response_bytes"), NUMBERS),
    outcome=st.sampled_from(get_args(Outcome)),
    stream=st.booleans(),
    merged_metadata=PAIRS,
    contradicted=PAIRS,
    verdicts=st.lists(st.dictionaries(WORDS, JSON, max_size=4), max_size=4),
    bodies=st.none() | st.tuples(LOADED, LOADED),
    kept=st.none(),
)


class Nothing:
    """Nothing is counted."""

    def changed(self) -> Sequence[MeterRow]:
        return ()

    def put_back(self, rows: Sequence[MeterRow]) -> None:
        raise AssertionError(rows)


def record(**fields: Any) -> RequestRecord:
    fixed = {"time": "2026-11-20T12:00:00.000Z", "trace_id": "t", "workspace_id": None, "key_id": "k"}
    return RequestRecord(**{**fixed, "key_name": "key", "path": "/v1/messages", **fields})


def bounded(**fields: Any) -> RequestRecord:
    made = record(**fields)
    bounds.bound(made)
    return made


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(Path(folder) / "state" / "gateway.db", START)
        yield opened
        opened.close()


@pytest.mark.covers("S37", "S178")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(given=st.lists(RECORDS, min_size=1, max_size=6))
def test_any_record_is_written_and_read_back(store: Store, given: list[RequestRecord]) -> None:
    with store.logging() as db:
        db.exec_driver_sql("DELETE FROM request_log")
    book = Logbook(store, Nothing(), lambda: START, None)
    for entry in given:
        book.add(entry)
    book.start()
    book.close()
    with store.reading() as db:
        total, rows = records.requests(db, Filters(), offset=0, limit=10)
    assert total == len(given)
    for row, entry in zip(reversed(rows), given, strict=True):
        shown = dict(row)
        del shown["id"]
        assert shown == {name: getattr(entry, name) for name in shown}
        assert len(json.dumps(shown, ensure_ascii=False).encode()) < 64 * 1024
        assert {type(shown[name]) for name in _NUMBERS} <= {int, type(None)}


def test_what_is_plain_stays_as_it_is() -> None:
    fields: dict[str, Any] = {
        "merged_metadata": {"z": "1", "team": "ü", "user": None},
        "contradicted": {"team": "ceo"},
        "verdicts": [{"check": "pii", "verdict": False, "deny": True, "detail": "an e-mail"}],
        "model_asked": "claude-opus-4-8",
        "input_tokens": 10**9,
        "error": "x" * bounds.TEXT,
    }
    assert bounded(**fields) == record(**fields)
    assert list(bounded(**fields).merged_metadata) == ["z", "team", "user"]


def test_of_much_metadata_stays_what_pages_go_by() -> None:
    many = {f"k{number}": "v" for number in range(500)} | {"env": "prod", "user": "dev@acme.com"}
    kept = bounded(merged_metadata=many, contradicted=many).merged_metadata
    assert list(kept)[:2] == ["env", "user"]
    assert list(kept)[2:4] == ["k0", "k1"]
    assert len(kept) == bounds.PAIRS + 1
    assert kept[bounds.CUT] == f"{502 - bounds.PAIRS} more"
    large = bounded(contradicted={f"k{number}": "v" * 10_000 for number in range(60)}).contradicted
    assert bounds.IN_ALL - 2 * bounds.TEXT < len(json.dumps(large)) < bounds.IN_ALL + 2 * bounds.TEXT
    assert large[bounds.CUT] == f"{61 - len(large)} more"


def test_of_many_verdicts_the_rest_is_told() -> None:
    many = [
        {"check": "pii", "verdict": False, "deny": number == 499, "detail": "d" * 10_000}
        for number in range(500)
    ]
    verdicts = bounded(verdicts=many).verdicts
    assert len(json.dumps(verdicts)) < bounds.IN_ALL + 2 * bounds.TEXT
    assert verdicts[0] == {**many[0], "detail": "d" * bounds.TEXT}
    rest = f"{501 - len(verdicts)} more"
    assert verdicts[-1] == {"check": bounds.CUT, "verdict": False, "deny": True, "detail": rest}


def test_amounts_can_be_added_up(store: Store) -> None:
    rows = [bounded(input_tokens=10**30) for _ in range(1000)]
    with store.logging() as db:
        db.exec_driver_sql("DELETE FROM request_log")
        log_rows.write(db, log_rows.prepared(rows))
        assert (
            db.exec_driver_sql("SELECT sum(input_tokens) FROM request_log").scalar() == 1000 * bounds.NUMBER
        )


@pytest.mark.covers("T32")
@pytest.mark.parametrize(
    "model", ["x\ud800", "m" * 100_000, "x\0y", "\U0001f600" * 300], ids=["half", "long", "nul", "wide"]
)
def test_no_client_stays_out_of_the_log(start_gateway: Callable[..., Any], model: str) -> None:
    wire = start_gateway()
    key = wire.bound()["key"]
    body = json.dumps({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]})
    headers = {"authorization": f"Bearer {key}", "x-portkey-metadata": json.dumps({"a": "\0", "b": "\ud83d"})}
    wire.session.post(f"{wire.url}/v1/messages", data=body, headers=headers, timeout=20)
    (entry,) = wire.logs()
    assert entry["model_asked"] == bounds.text(model)
    assert len(entry["model_served"]) <= bounds.TEXT


@pytest.mark.parametrize(
    "body",
    [
        b"data: " + b"[" * 20_000,
        b'data: {"type":"message_start","message":' + b'{"a":' * 970 + b"1" + b"}" * 970 + b"}",
        b'data: {"type":"content_block_start","index":"a","content_block":{}}\n'
        b'data: {"type":"content_block_start","index":1,"content_block":{}}',
        b'data: {"type":"content_block_start","index":1e999,"content_block":{}}',
        b"data: " + b"1" * 10_000,
    ],
    ids=["deep", "deep message", "mixed", "infinite", "long number"],
)
def test_no_body_keeps_its_entry_out_of_the_log(body: bytes) -> None:
    assert bodies.keepable(body)


def test_an_entry_of_a_refused_key_is_shown_everywhere(
    start_gateway: Callable[..., Any], tmp_path: Path
) -> None:
    """It has nothing of what is known later: no provider, model, user, tokens or cost."""
    path = tmp_path / "state" / "gateway.db"
    wire = start_gateway(database=path, log_bodies=True)
    cut = {f"k{number}": None for number in range(100)}
    refused = record(status=401, outcome="refused")
    hostile = bounded(status=401, outcome="refused", merged_metadata=cut, verdicts=[{"\ud800": 10**30}] * 99)
    opened = open_store(path, START)
    with opened.logging() as db:
        refused.workspace_id = db.exec_driver_sql("SELECT id FROM workspaces").scalar()
        log_rows.write(db, log_rows.prepared([refused, hostile]))
    opened.close()
    assert [(entry["id"], entry["provider"]) for entry in wire.logs(status="401")] == [(2, None), (1, None)]
    assert wire.logs(status="401", provider="anthropic-prod") == []
    span = {
        "time_of_generation_min": "2026-11-20T00:00:00Z",
        "time_of_generation_max": "2026-11-21T00:00:00Z",
    }
    graphs = [f"/analytics/graphs/{name}" for name in ("requests", "latency", "errors/stacks", "users")]
    groups = [f"/analytics/groups/{name}" for name in ("users", "ai-models", "provider", "metadata/k1")]
    for admin in ("/logs/1", "/logs/2", *graphs, *groups):
        reply = wire.admin("GET", admin, params=span if "analytics" in admin else None)
        assert reply.status_code == 200, (admin, reply.text)
    wire.session.post(wire.url + "/sign-in", data={"token": ADMIN}, timeout=20)
    for page in ("/logs", "/logs?status=401", "/logs/1", "/logs/2", "/analytics", "/keys", "/revisions"):
        reply = wire.session.get(wire.url + page, timeout=20)
        assert reply.status_code == 200, (page, reply.text)
    wire.clock.forward(minutes=1)
    made = wire.admin("POST", "/logs/exports", json={"filters": {}}).json()["id"]
    assert wire.admin("POST", f"/logs/exports/{made}/start").status_code == 200
    signed = wire.admin("GET", f"/logs/exports/{made}/download").json()["signed_url"]
    assert len(wire.session.get(signed, timeout=20).text.splitlines()) == 1  # of the workspace

"""One line per event: readable, and nobody's to forge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from gateway_client.bundled import events
from gateway_client.bundled.store.records import AdminRecord, RequestRecord

NOON = "2026-11-20T12:03:04.567Z"


def record(path: str = "/v1/messages", **fields: Any) -> RequestRecord:
    values = {"user": "dev@acme.com", "provider": "anthropic-prod", "model_served": "claude-opus-4-8"}
    return RequestRecord(
        NOON,
        "t",
        None,
        "k",
        "claude-desktop-eng-prod",
        path,
        **{**values, "status": 200, "outcome": "answered", "latency_ms": 1234, **fields},
    )


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            record(cost_nano_usd=3_400_000),
            "12:03:04Z 200 claude-desktop-eng-prod dev@acme.com anthropic-prod claude-opus-4-8 1.2 s $0.0034",
        ),
        (
            record(status=412, outcome="refused", provider=None, model_served=None, model_asked="opus"),
            "12:03:04Z 412 claude-desktop-eng-prod dev@acme.com - opus 1.2 s - refused",
        ),
        (
            record(status=412, outcome="refused", error="model opus is not allowed for provider p"),
            "12:03:04Z 412 claude-desktop-eng-prod dev@acme.com anthropic-prod claude-opus-4-8 1.2 s - "
            "refused: model opus is not allowed for provider p",
        ),
        (
            record(status=412, outcome="refused", error="model x\n12:03:05Z 200 forged is not allowed"),
            "12:03:04Z 412 claude-desktop-eng-prod dev@acme.com anthropic-prod claude-opus-4-8 1.2 s - "
            'refused: "model x\\n12:03:05Z 200 forged is not allowed"',
        ),
        (
            record(user="x\n12:03:05Z 200 forged", model_served='a"b\u202e\x1b[2J'),
            '12:03:04Z 200 claude-desktop-eng-prod "x\\n12:03:05Z 200 forged" anthropic-prod '
            '"a\\"b\\u202e\\u001b[2J" 1.2 s -',
        ),
        (
            record(path="/mcp", target="docs/search", provider=None, model_served=None),
            "12:03:04Z 200 claude-desktop-eng-prod dev@acme.com mcp docs/search 1.2 s -",
        ),
        (
            record(path="/docs/mcp", target=None, provider=None, model_served=None, outcome="refused"),
            "12:03:04Z 200 claude-desktop-eng-prod dev@acme.com mcp - 1.2 s - refused",
        ),
        (
            AdminRecord(NOON, "POST", "/v1/configs", 200, "admin token"),
            "12:03:04Z 200 admin token: POST /v1/configs",
        ),
        (AdminRecord(NOON, "PUT", "/v1/\x07", 401), '12:03:04Z 401 unknown caller: PUT "/v1/\\u0007"'),
    ],
)
def test_lines(entry: RequestRecord | AdminRecord, line: str) -> None:
    assert events.line(entry) == line


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.name == events.LOG.name]


def test_a_flood_of_strangers_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    strangers = events.Strangers()
    with caplog.at_level(logging.INFO, logger=events.LOG.name):
        for _ in range(events.MOST_STRANGERS + 90):
            strangers.add(NOON, 401, "unknown key", "/v1/messages")
        strangers.tell(NOON)
        strangers.tell(NOON)
        assert told(caplog) == ["12:03:04Z 401 unknown key /v1/messages"] * events.MOST_STRANGERS
        caplog.clear()
        strangers.add("2026-11-20T12:03:05.000Z", 401, "unknown key", "/x\n/mcp")
        strangers.tell("2026-11-20T12:03:06.000Z")
        assert told(caplog) == [
            "12:03:04Z and 90 more whose key was not taken",
            '12:03:05Z 401 unknown key "/x\\n/mcp"',
        ]
        caplog.clear()
        for _ in range(events.MOST_STRANGERS + 1):
            strangers.add(NOON, 401, "no key", "/mcp")
        strangers.tell(None)
        strangers.tell(None)
        assert told(caplog)[events.MOST_STRANGERS :] == ["12:03:04Z and 1 more whose key was not taken"]


@pytest.mark.covers("S189", "T2")
def test_who_is_turned_away_is_told_and_not_written_down(
    run_gateway: Callable[..., Any], database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "pk-canary-not-a-key"
    with caplog.at_level(logging.INFO, logger=events.LOG.name), run_gateway(database=database) as wire:
        admin = wire.admin("GET", "/configs").request.headers["x-portkey-api-key"]
        statuses = [
            wire.ask(key, path=path).status_code
            for key, path in (
                (None, "/v1/messages"),
                (wrong, "/anthropic/v1/messages"),
                (wrong, "/docs/mcp"),
                (admin, "/v1/messages"),
            )
        ]
        assert statuses == [401, 401, 401, 403]
        wire.session.get(f"{wire.url}/v1/models", headers={"authorization": f"Bearer {wrong}"}, timeout=20)
        assert wire.logs() == []
    assert [line for line in told(caplog) if "admin token: " not in line] == [
        "12:00:00Z 401 no key /v1/messages",
        "12:00:00Z 401 unknown key /anthropic/v1/messages",
        "12:00:00Z 401 unknown key /docs/mcp",
        "12:00:00Z 403 admin token /v1/messages",
        "12:00:00Z 401 unknown key /v1/models",
    ]
    for secret in (wrong, admin):
        assert secret not in caplog.text


@pytest.mark.covers("S189", "T2")
def test_a_known_key_that_is_refused_is_told_and_written_down(
    run_gateway: Callable[..., Any], database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=events.LOG.name), run_gateway(database=database) as wire:
        expiring = wire.mint(expires_at="2026-11-20T12:30:00.000Z", defaults={"metadata": {"team": "eng"}})
        narrow = wire.mint(name="logs only", scopes=["logs.view"])["key"]
        models = {"authorization": f"Bearer {narrow}"}
        wire.clock.forward(hours=1)
        trace = {"x-portkey-trace-id": "of-this-test"}
        assert wire.ask(expiring["key"], headers=trace).status_code == 401
        assert wire.ask(narrow, path="/docs/mcp").status_code == 403
        assert wire.session.get(f"{wire.url}/v1/models", headers=models, timeout=20).status_code == 403
        (refused,) = wire.logs(status="401")
        assert refused["key"] == {"id": expiring["id"], "name": "claude-desktop-eng-prod"}
        assert (refused["outcome"], refused["error"]) == ("refused", "the key has expired")
        assert (refused["trace_id"], refused["team"]) == ("of-this-test", "eng")
        assert [(row["path"], row["error"]) for row in wire.logs(status="403")] == [
            ("/v1/models", "the key has none of the scopes completions.write, virtual_keys.list"),
            ("/docs/mcp", "the key has none of the scopes mcp.invoke, completions.write"),
        ]
    assert [line for line in told(caplog) if "admin token: " not in line] == [
        "13:00:00Z 401 claude-desktop-eng-prod - - - 0.0 s - refused: the key has expired",
        '13:00:00Z 403 "logs only" - mcp - 0.0 s - refused: '
        "the key has none of the scopes mcp.invoke, completions.write",
        '13:00:00Z 403 "logs only" - - - 0.0 s - refused: '
        "the key has none of the scopes completions.write, virtual_keys.list",
    ]
    for secret in (expiring["key"], narrow):
        assert secret not in caplog.text


@pytest.mark.covers("S189", "T2")
def test_requests_and_changes_are_told_and_nothing_else(
    start_gateway: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    wire = start_gateway(log_bodies=True)
    key = wire.bound()["key"]
    wire.logs()
    with caplog.at_level(logging.INFO, logger=events.LOG.name):
        wire.ask(key, "a prompt that nobody else may read")
        wire.admin("GET", "/configs")
        wire.admin("POST", "/configs", json={"name": "c"})
        wire.logs()
    assert [line.partition(" ")[2][:28] for line in told(caplog)] == [
        "200 claude-desktop-eng-prod ",
        "400 admin token: POST /v1/co",
    ]
    assert "nobody else" not in caplog.text
    assert key not in caplog.text

"""One line per event: readable, and nobody's to forge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from gateway_client.bundled import events
from gateway_client.bundled.store.records import AdminRecord, RequestRecord

NOON = "2026-11-20T12:03:04.567Z"


def record(**fields: Any) -> RequestRecord:
    values = {"user": "dev@acme.com", "provider": "anthropic-prod", "model_served": "claude-opus-4-8"}
    return RequestRecord(
        NOON,
        "t",
        None,
        "k",
        "claude-desktop-eng-prod",
        "/v1/messages",
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
            record(user="x\n12:03:05Z 200 forged", model_served='a"b\u202e\x1b[2J'),
            '12:03:04Z 200 claude-desktop-eng-prod "x\\n12:03:05Z 200 forged" anthropic-prod '
            '"a\\"b\\u202e\\u001b[2J" 1.2 s -',
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
    told = [entry.getMessage() for entry in caplog.records if entry.name == events.LOG.name]
    assert [line.partition(" ")[2][:28] for line in told] == [
        "200 claude-desktop-eng-prod ",
        "400 admin token: POST /v1/co",
    ]
    assert "nobody else" not in caplog.text
    assert key not in caplog.text

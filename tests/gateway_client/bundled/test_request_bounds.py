"""Requests that are too much in some way: nested, numerous, odd. None fails inside, each is written down."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled import json_objects
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream

DEPTHS = [1, 50, *range(190, 210), *range(300, 960, 60), *range(960, 1010, 2), 1100, 1200]
TEMPERATE = {"provider": "@anthropic-prod", "override_params": {"temperature": 0}}
MESSAGE = (
    b'{"type":"message","model":"claude-opus-4-8","content":[],"usage":{"input_tokens":1,"output_tokens":1}}'
)


def post(wire: Any, key: str, body: str | bytes) -> requests.Response:
    return wire.session.post(
        f"{wire.url}/v1/messages", data=body, headers={"authorization": f"Bearer {key}"}, timeout=30
    )


def body(model: str = "claude-opus-4-8", content: str = '"hi"', more: str = "") -> str:
    message = f'{{"role":"user","content":{content}}}'
    return f'{{"model":"{model}","max_tokens":9,"messages":[{message}]{more}}}'


def statuses_in_log(wire: Any) -> list[int]:
    reply = wire.admin("GET", "/logs", params={"page_size": 1000})
    return [row["status"] for row in reply.json()["data"]]


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize("config", [{"provider": "@anthropic-prod"}, TEMPERATE], ids=["raw", "override"])
@pytest.mark.parametrize("behind", ["echo", "http"])
def test_no_depth_is_too_deep(
    start_gateway: Callable[..., Any], fake_upstream: Any, config: dict[str, Any], behind: str
) -> None:
    fake_upstream.answer("claude-opus-4-8", 200, MESSAGE)
    http = {"anthropic-prod": HttpUpstream(fake_upstream.url, SecretStr("an-upstream-key"))}
    wire = start_gateway(upstreams=http if behind == "http" else {})
    key = wire.bound(config)["key"]
    found = {depth: post(wire, key, body(more=f',"x":{"[" * depth}1{"]" * depth}')) for depth in DEPTHS}
    statuses = {depth: reply.status_code for depth, reply in found.items()}
    assert statuses == {depth: 200 if depth < json_objects.DEEPEST else 400 for depth in DEPTHS}
    assert found[1200].json()["message"] == "request body: is nested too deeply"
    assert sorted(statuses_in_log(wire)) == sorted(statuses.values())


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize(
    "around",
    [
        ("", ""),
        ('[{"type":"tool_use","input":', "}]"),
        ('[{"type":"tool_result","content":', "}]"),
        ('["\\ud800",', "]"),
    ],
)
def test_nor_in_a_message_that_the_echo_and_a_guardrail_look_into(wire: Any, around: tuple[str, str]) -> None:
    checks = [{"id": "default.pii", "parameters": {}}]
    rail = wire.admin(
        "POST", "/guardrails", json={"name": "pii", "checks": checks, "actions": {"deny": True}}
    )
    key = wire.bound({"provider": "@anthropic-prod", "input_guardrails": [rail.json()["slug"]]})["key"]
    nested = ["[" * depth + '"bob@example.com"' + "]" * depth for depth in DEPTHS]
    statuses = {post(wire, key, body(content=around[0] + one + around[1])).status_code for one in nested}
    assert statuses == ({446, 400} if "tool_use" in around[0] else {200, 400})


@pytest.mark.covers("T27", "T32")
def test_a_tool_s_marker_may_hold_anything(wire: Any) -> None:
    key = wire.bound()["key"]
    for depth in DEPTHS:
        text = f'[[tool:t {{"a":{"[" * depth}1{"]" * depth}}}]]'
        reply = wire.ask(key, text, tools=[{"name": "t"}])
        assert reply.status_code == 200
        assert (reply.json()["stop_reason"] == "tool_use") is (depth < json_objects.DEEPEST), depth
    assert wire.ask(key, '[[tool:t {"a":' * 100_000, tools=[{"name": "t"}]).status_code == 200


@pytest.mark.covers("T27")
@pytest.mark.parametrize("start", [b"", b'"\\ud800",'], ids=["plain", "half a character"])
@pytest.mark.parametrize("value", [b"[],", b"{},", b"1,", b'{"a":{}},'])
def test_a_body_holds_only_so_many_values(wire: Any, start: bytes, value: bytes) -> None:
    key = wire.bound()["key"]
    many = b'{"model":"m","messages":[' + start + value * json_objects.MOST + b"1]}"
    refused = post(wire, key, many)
    assert refused.status_code == 400
    assert refused.json()["message"] == "request body: holds more than 500000 values"
    assert wire.logs()[0]["error"] == "request body: holds more than 500000 values"


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize("model", ["m\\ud800", "\\udfff", "@anthropic-prod/\\ud800", "@\\ud800/m"])
def test_half_a_character_and_a_provider_that_fails(
    start_gateway: Callable[..., Any], fake_upstream: Any, model: str
) -> None:
    def busy(handler: Any, params: Any) -> None:
        handler.send_response(529)
        handler.send_header("content-length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    def mute(handler: Any, params: Any) -> None:
        handler.close_connection = True

    def half(handler: Any, params: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.close_connection = True

    wire = start_gateway(
        upstreams={
            "anthropic-prod": HttpUpstream(fake_upstream.url, SecretStr("an-upstream-key")),
            "bedrock-prod": HttpUpstream("http://127.0.0.1:9", SecretStr("an-upstream-key")),
        }
    )
    keys = [wire.bound({"provider": f"@{slug}"})["key"] for slug in ("anthropic-prod", "bedrock-prod")]
    found: list[int] = []
    for behaviour in (busy, mute, half):
        named = json.loads(f'"{model}"')
        fake_upstream.behaviours = dict.fromkeys((named, named.rpartition("/")[2]), behaviour)
        for key in keys:
            found.append(post(wire, key, body(model)).status_code)
    assert set(found) <= {400, 502, 529}
    assert sorted(statuses_in_log(wire)) == sorted(found)


def test_the_limit_is_what_the_provider_has() -> None:
    assert GatewaySettings(Path("x"), SecretStr("x")).max_body == 32 * 1024 * 1024


@pytest.fixture
def locked(database: Path, start_gateway: Callable[..., Any]) -> Iterator[Any]:
    """A gateway with 45 admin calls that wait for the database."""
    wire = start_gateway(database=database)
    wire.key = wire.bound()["key"]
    wire.ask(wire.key)
    wire.logs()
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [threading.Thread(target=save, args=(wire, number)) for number in range(45)]
    for thread in waiting:
        thread.start()
    yield wire
    other.execute("ROLLBACK")
    for thread in waiting:
        thread.join()


def save(wire: Any, number: int) -> None:
    sent = {"name": f"c{number}", "config": {"provider": "@anthropic-prod"}}
    headers = {"x-portkey-api-key": "test-admin-token-0123456789abcdefghijklmnopqrstuv"}
    requests.post(f"{wire.url}/v1/configs", json=sent, headers=headers, timeout=60)


@pytest.mark.covers("T27")
def test_admin_calls_that_wait_hold_up_nobody_else(locked: Any) -> None:
    slowest = 0.0
    for _ in range(10):
        for path in ("/v1/health", "/v1/ready", "/", "/v1/models", "/sign-in"):
            began = time.monotonic()
            locked.session.get(
                locked.url + path, headers={"authorization": f"Bearer {locked.key}"}, timeout=30
            )
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2.0, "seconds; it was until the calls had given up"

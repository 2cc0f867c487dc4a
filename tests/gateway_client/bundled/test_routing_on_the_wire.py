"""Routing over sockets: tried again, moved on, adapted to its provider, given up with the client."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.settings import HttpUpstream

SOON = {"attempts": 2, "use_retry_after_headers": True}


@pytest.fixture
def behind(start_gateway: Callable[..., Any], fake_upstream: Any) -> Any:
    """A gateway whose `anthropic-prod` is the fake service; the other providers stay with the echo."""
    upstream = HttpUpstream(fake_upstream.url, SecretStr("upstream-key"))
    return start_gateway(upstreams={"anthropic-prod": upstream})


def busy(fake_upstream: Any, times: int) -> None:
    """Make the model `m` answer 529 so many times, and then 200."""
    left = [times]

    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
        handler.send_response(529 if left[0] else 200)
        handler.send_header("content-type", "application/json")
        handler.send_header("retry-after", "0.01")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        left[0] = max(0, left[0] - 1)

    fake_upstream.behaviours["m"] = behave


@pytest.mark.parametrize(
    ("failures", "status", "told", "calls"), [(0, 200, "0", 1), (2, 200, "2", 3), (3, 529, "-1", 3)]
)
def test_it_is_tried_again(
    behind: Any, fake_upstream: Any, failures: int, status: int, told: str, calls: int
) -> None:
    busy(fake_upstream, failures)
    reply = behind.ask(behind.bound({"provider": "@anthropic-prod", "retry": SOON})["key"], model="m")
    assert (reply.status_code, reply.headers["x-portkey-retry-attempt-count"]) == (status, told)
    assert len(fake_upstream.seen) == calls
    assert len({body for _path, _headers, body in fake_upstream.seen}) == 1
    assert behind.logs()[0]["attempts"] == calls


@pytest.mark.covers("S158")
def test_then_another_provider_is(behind: Any, fake_upstream: Any) -> None:
    busy(fake_upstream, 9)
    targets = [{"provider": "@anthropic-prod", "retry": SOON}, {"provider": "@bedrock-prod"}]
    config = {"strategy": {"mode": "fallback", "on_status_codes": [529]}, "targets": targets}
    reply = behind.ask(behind.bound(config)["key"], model="m", stream=True)
    assert (reply.status_code, reply.headers["x-portkey-last-used-option-index"]) == (
        200,
        "config.targets[1]",
    )
    assert b"message_stop" in reply.content
    assert (len(fake_upstream.seen), behind.logs()[0]["attempts"]) == (3, 4)


def limit(wire: Any, key: dict[str, str], kind: str, **fields: Any) -> None:
    """Make a policy for the requests of one key, apart for each provider and model."""
    body = {
        "conditions": [{"key": "api_key", "value": key["id"]}],
        "group_by": [{"key": "provider"}, {"key": "model"}],
        **fields,
    }
    reply = wire.admin("POST", f"/policies/{kind}", json=body)
    assert reply.status_code == 200, reply.text


@pytest.mark.covers("S158", "S162")
def test_a_limit_of_one_target_leaves_the_next_open(behind: Any, fake_upstream: Any) -> None:
    """Each target lets two requests start; the third goes on to the second target, the fifth nowhere."""
    fake_upstream.answer("m", 200, b"{}")
    targets = [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}]
    key = behind.bound({"strategy": {"mode": "fallback", "on_status_codes": [429]}, "targets": targets})
    limit(behind, key, "rate-limits", type="requests", unit="rpm", value=2)
    replies = [behind.ask(key["key"], model="m") for _ in range(5)]
    told = [
        (reply.status_code, reply.headers.get("x-portkey-last-used-option-index", "")[-2:-1])
        for reply in replies
    ]
    assert told == [(200, "0"), (200, "0"), (200, "1"), (200, "1"), (429, "")]
    assert replies[4].json()["error"]["type"] == "rate_limits_policy_exhaust_error"
    last = behind.logs()[0]
    assert (last["status"], last["outcome"], last["attempts"]) == (429, "refused", 0)


@pytest.mark.covers("S162")
def test_a_fallback_is_asked_for_its_own_budget(behind: Any, fake_upstream: Any) -> None:
    busy(fake_upstream, 99)
    targets = [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}]
    key = behind.bound({"strategy": {"mode": "fallback", "on_status_codes": [529]}, "targets": targets})
    limit(behind, key, "usage-limits", type="tokens", credit_limit=1)
    first, second = (behind.ask(key["key"], model="m") for _ in range(2))
    assert (first.status_code, first.headers["x-portkey-provider"]) == (200, "bedrock-prod")
    assert first.json()["usage"]["output_tokens"] > 0
    assert second.status_code == 412
    assert "value key provider:bedrock-prod-model:m" in second.json()["error"]["message"]


def test_a_keys_own_limit_is_no_targets(behind: Any, fake_upstream: Any) -> None:
    targets = [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}]
    slug = behind.config({"strategy": {"mode": "fallback"}, "targets": targets})
    limits = [{"type": "requests", "unit": "rpm", "value": 0}]
    key = behind.mint(defaults={"config_id": slug}, rate_limits=limits)["key"]
    assert behind.ask(key, model="m").status_code == 429
    assert behind.logs()[0]["target"] == "config.targets[0]"


@pytest.mark.parametrize(
    ("asked", "configured", "status"),
    [
        ("50", {}, 408),
        ("50", {"request_timeout": 60_000}, 200),
        ("60000", {"request_timeout": 50}, 408),
        *((bad, {}, 200) for bad in ("", "0", "-50", "5e1", "50ms", "86400001", "9" * 4000)),
    ],
)
def test_a_client_may_say_how_long_it_waits_where_the_config_does_not(
    behind: Any, fake_upstream: Any, asked: str, configured: dict[str, Any], status: int
) -> None:
    hurry = threading.Event()

    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        hurry.wait(0.5)
        handler.send_response(200)
        handler.send_header("content-length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    fake_upstream.behaviours["m"] = behave
    key = behind.bound({"provider": "@anthropic-prod", **configured})["key"]
    reply = behind.ask(key, model="m", headers={"x-portkey-request-timeout": asked})
    hurry.set()
    assert reply.status_code == status
    if status == 408:
        assert reply.json()["error"]["type"] == "timeout_error"


def test_a_client_that_goes_away_is_not_tried_for_again(behind: Any, fake_upstream: Any) -> None:
    answered = threading.Event()

    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        handler.send_response(529)
        handler.send_header("retry-after", "30")
        handler.send_header("content-length", "0")
        handler.end_headers()
        answered.set()

    fake_upstream.behaviours["m"] = behave
    key = behind.bound({"provider": "@anthropic-prod", "retry": SOON})["key"]
    data = json.dumps({"model": "m", "max_tokens": 1, "messages": []}).encode()
    host, port = behind.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/messages HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {key}\r\n"
        connection.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        assert answered.wait(10)
    deadline = time.monotonic() + 10
    while not (entries := behind.logs()):
        assert time.monotonic() < deadline, "the gateway waits on although nobody listens"
        time.sleep(0.02)
    assert (entries[0]["outcome"], entries[0]["attempts"]) == ("client gone", 1)
    assert len(fake_upstream.seen) == 1


def test_parameters_are_fitted_to_a_provider(behind: Any, fake_upstream: Any) -> None:
    fake_upstream.answer("m", 200, b"{}")
    config = {
        "provider": "@anthropic-prod",
        "drop_params": ["context_management", "speed"],
        "default_params": {"temperature": 0.5, "top_k": 3},
        "override_params": {"service_tier": "auto"},
    }
    key = behind.bound(config)["key"]
    behind.ask(key, model="m", context_management={"edits": []}, top_k=9)
    sent = json.loads(fake_upstream.seen[0][2])
    assert {
        name: value for name, value in sent.items() if name not in ("messages", "max_tokens", "model")
    } == {
        "temperature": 0.5,
        "top_k": 9,
        "service_tier": "auto",
    }


@pytest.mark.covers("S180")
@pytest.mark.parametrize(
    ("metadata", "provider"),
    [
        ({"tier": "gold"}, "bedrock-prod"),
        ({"tier": "silver"}, "vertex-prod"),
        ({}, "azure-prod"),
        ("{broken", "azure-prod"),
        ({"tier": None}, "azure-prod"),
        (["tier", "gold"], "azure-prod"),
    ],
)
def test_a_condition_chooses_the_provider(wire: Any, metadata: Any, provider: str) -> None:
    strategy = {
        "mode": "conditional",
        "conditions": [
            {"query": {"metadata.tier": {"$in": ["gold", "platinum"]}}, "then": "best"},
            {"query": {"metadata.tier": {"$regex": "^s"}, "params.model": {"$ne": "x"}}, "then": "good"},
        ],
        "default": "rest",
    }
    targets = [
        {"name": "best", "provider": "@bedrock-prod"},
        {"name": "good", "provider": "@vertex-prod"},
        {"name": "rest", "provider": "@azure-prod"},
    ]
    key = wire.bound({"strategy": strategy, "targets": targets})["key"]
    told = metadata if isinstance(metadata, str) else json.dumps(metadata)
    reply = wire.ask(key, headers={"x-portkey-metadata": told})
    assert (reply.status_code, reply.headers["x-portkey-provider"]) == (200, provider)

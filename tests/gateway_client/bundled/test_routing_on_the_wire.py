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

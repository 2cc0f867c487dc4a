"""An Anthropic-compatible upstream: what reaches it, what comes back, and how it may fail."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.settings import GatewaySettings, HttpUpstream, McpServer
from gateway_client.bundled.upstreams.http import HttpClient
from gateway_client.bundled.upstreams.port import Outgoing

KEY = "upstream-secret-key"
EVENT = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n'


@pytest.fixture
def behind(start_gateway: Callable[..., Any], fake_upstream: Any) -> Any:
    """A gateway whose `anthropic-prod` is the fake service; the other providers stay with the echo."""
    wire = start_gateway(
        upstreams={"anthropic-prod": HttpUpstream(fake_upstream.url + "/base", SecretStr(KEY))}
    )
    note = wire.admin("GET", "/providers/anthropic-prod").json()["note"]
    assert note == "served by an upstream service"
    return wire


def test_the_request_passes_with_the_upstreams_key_only(behind: Any, fake_upstream: Any) -> None:
    reply_body = b'{"model":"claude-served","usage":{"input_tokens":5,"output_tokens":6},"future":[1]}'
    fake_upstream.answer("claude-x", 200, reply_body, request_id="req_1", set_cookie="a=b")
    key = behind.bound()["key"]
    headers = {"anthropic-beta": "b1,b2", "x-api-key": "users-own", "x-portkey-metadata": "{}"}
    reply = behind.ask(key, path="/v1/messages?beta=true", model="claude-x", headers=headers, future={"a": 1})
    assert (reply.status_code, reply.content) == (200, reply_body)
    assert reply.headers["request-id"] == "req_1"
    assert "set-cookie" not in reply.headers
    ((path, seen, body),) = fake_upstream.seen
    assert path == "/base/v1/messages?beta=true"
    assert json.loads(body)["future"] == {"a": 1}
    assert (seen["x-api-key"], seen["anthropic-beta"]) == (KEY, "b1,b2")
    assert (seen["anthropic-version"], seen["accept-encoding"]) == ("2023-06-01", "identity")
    assert not {"authorization", "x-portkey-metadata", "x-portkey-api-key", "cookie"} & set(seen)
    assert key not in str(seen)
    entry = behind.logs()[0]
    assert (entry["model_asked"], entry["model_served"]) == ("claude-x", "claude-served")
    assert (entry["input_tokens"], entry["output_tokens"]) == (5, 6)


def test_connections_are_reused(behind: Any, fake_upstream: Any) -> None:
    fake_upstream.answer("m", 200, b"{}")
    key = behind.bound()["key"]
    for _ in range(5):
        assert behind.ask(key, model="m").status_code == 200
    assert len(fake_upstream.connections) == 1


def test_bearer_upstreams(start_gateway: Callable[..., Any], fake_upstream: Any) -> None:
    upstream = HttpUpstream(fake_upstream.url, SecretStr(KEY), "bearer")
    wire = start_gateway(upstreams={"bedrock-prod": upstream})
    fake_upstream.answer("m", 200, b"{}")
    wire.ask(wire.bound({"provider": "@bedrock-prod"})["key"], model="m")
    assert fake_upstream.seen[0][1]["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in fake_upstream.seen[0][1]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 529])
def test_an_upstreams_error_passes_unmodified(behind: Any, fake_upstream: Any, status: int) -> None:
    body = b'{"type":"error",  "error":{"type":"overloaded_error","message":"Overloaded"}}'
    fake_upstream.answer("m", status, body, retry_after="0.5", x_should_retry="false")
    reply = behind.ask(behind.bound()["key"], model="m")
    assert (reply.status_code, reply.content) == (status, body)
    assert (reply.headers["retry-after"], reply.headers["x-should-retry"]) == ("0.5", "false")
    entry = behind.logs()[0]
    assert (entry["status"], entry["outcome"], entry["cost_usd"]) == (status, "answered", None)


@pytest.mark.covers("T2", "T27")
def test_an_upstreams_error_is_looked_through_only_so_far(behind: Any, fake_upstream: Any) -> None:
    fake_upstream.answer("claude-x", 529, b"x" * 1024 * 1024)
    fake_upstream.answer("claude-y", 529, b"x" * (1024 * 1024 - 4) + KEY.encode())
    key = behind.bound()["key"]
    assert behind.ask(key, model="claude-x").status_code == 529
    reply = behind.ask(key, model="claude-y")
    assert reply.status_code == 502
    assert "xxxx" not in reply.text
    assert [row["status"] for row in behind.logs()[:2]] == [502, 529]


def test_a_redirect_is_not_followed(behind: Any, fake_upstream: Any) -> None:
    fake_upstream.answer("m", 307, b"", location=fake_upstream.url + "/elsewhere")
    assert behind.ask(behind.bound()["key"], model="m").status_code == 307
    assert len(fake_upstream.seen) == 1


def test_events_pass_as_they_come(behind: Any, fake_upstream: Any) -> None:
    """The first event arrives while the upstream still holds the second one back."""
    go_on = threading.Event()

    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        _start_stream(handler)
        _chunk(handler, EVENT)
        assert go_on.wait(10)
        _chunk(handler, b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
        _chunk(handler, b"")

    fake_upstream.behaviours["m"] = behave
    with behind.ask(behind.bound()["key"], model="m", stream=True) as reply:
        chunks = reply.iter_content(None)
        assert next(chunks) == EVENT
        go_on.set()
        assert b"message_stop" in b"".join(chunks)
    assert behind.logs()[0]["input_tokens"] == 3


def test_a_stream_that_breaks_off_ends_with_an_error_event(
    behind: Any, fake_upstream: Any, read_events: Callable[..., Any]
) -> None:
    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        _start_stream(handler)
        _chunk(handler, EVENT)
        handler.connection.shutdown(socket.SHUT_RDWR)

    fake_upstream.behaviours["m"] = behave
    found = read_events(behind.ask(behind.bound()["key"], model="m", stream=True))
    assert [event for event, _ in found] == ["message_start", "error"]
    assert found[1][1]["error"]["type"] == "api_error"
    entry = behind.logs()[0]
    assert (entry["status"], entry["outcome"], entry["input_tokens"]) == (200, "upstream failed", 3)


def test_a_whole_answer_that_breaks_off_is_a_502(behind: Any, fake_upstream: Any) -> None:
    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"model":')
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    fake_upstream.behaviours["m"] = behave
    reply = behind.ask(behind.bound()["key"], model="m")
    assert reply.status_code == 502
    assert reply.json()["error"]["type"] == "upstream_broken"
    assert behind.logs()[0]["outcome"] == "upstream failed"


def test_an_unreachable_upstream_is_a_502_that_names_no_address(start_gateway: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    upstream = HttpUpstream(f"http://127.0.0.1:{port}", SecretStr(KEY))
    wire = start_gateway(upstreams={"anthropic-prod": upstream})
    reply = wire.ask(wire.bound()["key"])
    assert reply.status_code == 502
    assert reply.json()["provider"] == "anthropic-prod"
    assert str(port) not in reply.text
    assert KEY not in reply.text
    fallback = {
        "strategy": {"mode": "fallback", "on_status_codes": [429]},
        "targets": [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}],
    }
    reply = wire.ask(wire.bound(fallback)["key"])
    assert (reply.status_code, reply.headers["x-portkey-provider"]) == (200, "bedrock-prod")


def test_a_fallback_that_leads_nowhere_is_a_400(behind: Any, fake_upstream: Any) -> None:
    fake_upstream.answer("m", 500, b"x" * 1_000_000)
    conditions = [{"query": {"metadata.env": "prod"}, "then": "prod"}]
    nowhere = {
        "strategy": {"mode": "conditional", "conditions": conditions},
        "targets": [{"name": "prod", "provider": "@bedrock-prod"}],
    }
    config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@anthropic-prod"}, nowhere]}
    reply = behind.ask(behind.bound(config)["key"], model="m")
    assert reply.status_code == 400
    assert reply.json()["message"] == "Query router did not resolve to any valid target"
    assert len(fake_upstream.seen) == 1


def test_a_request_timeout_is_a_408(behind: Any, fake_upstream: Any) -> None:
    released = threading.Event()
    fake_upstream.behaviours["m"] = lambda handler, params: released.wait(10) and None
    reply = behind.ask(behind.bound({"provider": "@anthropic-prod", "request_timeout": 50})["key"], model="m")
    released.set()
    assert reply.status_code == 408
    message = "anthropic-prod error: Request exceeded the timeout sent in the request: 50ms"
    assert (reply.json()["error"]["message"], reply.json()["error"]["type"]) == (message, "timeout_error")


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_cancels_the_upstream_call(
    behind: Any, fake_upstream: Any, stream: bool
) -> None:
    arrived, cancelled = threading.Event(), threading.Event()

    def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        if stream:
            _start_stream(handler)
            _chunk(handler, EVENT)
        arrived.set()
        handler.connection.settimeout(10)
        if handler.connection.recv(1) == b"":
            cancelled.set()
        handler.close_connection = True

    fake_upstream.behaviours["m"] = behave
    body = {"model": "m", "max_tokens": 1, "stream": stream, "messages": []}
    _send_and_leave(behind, body, arrived)
    assert cancelled.wait(10), "the upstream call goes on although nobody listens"
    entry = _logged(behind)
    assert entry["outcome"] == "client gone"
    assert entry["status"] == (200 if stream else 499)


def _send_and_leave(wire: Any, body: dict[str, Any], arrived: threading.Event) -> None:
    key, data = wire.bound()["key"], json.dumps(body).encode()
    host, port = wire.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (
            f"POST /v1/messages HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n"
            f"content-length: {len(data)}\r\n\r\n"
        )
        connection.sendall(head.encode() + data)
        assert arrived.wait(10)


def _logged(wire: Any) -> dict[str, Any]:
    """Return the newest entry; the gateway notices a client's leaving in its own time."""
    deadline = time.monotonic() + 10
    while not (entries := wire.logs()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return dict(entries[0])


def _start_stream(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()


def _chunk(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.flush()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://127.0.0.1", "needs http or https and a host"),
        ("https://", "needs http or https and a host"),
        ("https://user:pw@h", "takes no user, query or fragment"),
        ("https://h/?k=v", "takes no user, query or fragment"),
        ("http://gateway.example", "http is for loopback only"),
        ("https://h/v1", "write https://h"),
        ("https://h/a b", "has a space or line break"),
    ],
)
def test_an_upstream_url_is_checked(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        HttpUpstream(url, SecretStr(KEY))


def test_an_upstream_needs_a_declared_provider(tmp_path: Any) -> None:
    upstreams = {"nobody": HttpUpstream("https://h", SecretStr(KEY))}
    with pytest.raises(ValueError, match="not declared: nobody"):
        GatewaySettings(tmp_path / "x", SecretStr("t"), upstreams=upstreams)


@pytest.mark.covers("T2")
@pytest.mark.parametrize("key", ["", "a\nx-evil: b", "a\rb", "a b", "a\x00", "ü", "a\n"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    for made in (HttpUpstream, McpServer):
        with pytest.raises(ValueError, match="no header can carry") as caught:
            made("https://h", SecretStr(key))
        assert "evil" not in str(caught.value)


@pytest.mark.parametrize("auth", ["x-api-key", "bearer"])
@pytest.mark.parametrize("key", ["a\r\nx-evil: b", "a\nb", "a\rb"])
def test_a_line_break_in_a_key_never_leaves(key: str, auth: Any) -> None:
    upstream = HttpUpstream("http://127.0.0.1:9", SecretStr(KEY), auth)
    object.__setattr__(upstream, "key", SecretStr(key))  # past the check of the value itself
    request = Outgoing("/v1/messages", {"anthropic-version": "2023-06-01"}, b"{}")
    with pytest.raises(ValueError, match="holds a line break"):
        asyncio.run(HttpClient(upstream).call(request))

"""The short way in: what it adds to answers, what it reads of headers, and how ready it says it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway_client.bundled import json_objects
from gateway_client.bundled.data_plane.exchange import Exchange
from gateway_client.bundled.data_plane.front import read_headers
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.store.logbook import Logbook


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages/count_tokens"])
def test_every_answer_has_a_trace_id(wire: Any, path: str) -> None:
    """Also refusals and bugs: without it the SDK would repeat the call (facts/portkey.md 11.3)."""
    key = wire.bound()["key"]
    for credential, status in ((key, 200), ("unknown", 401), (None, 401)):
        reply = wire.ask(credential, path=path, headers={"x-portkey-trace-id": "mine-1"})
        assert (reply.status_code, reply.headers["x-portkey-trace-id"]) == (status, "mine-1")
    made = {wire.ask(key, path=path).headers["x-portkey-trace-id"] for _ in range(3)}
    assert len(made) == 3
    for insane in ("with space", "x" * 129, "é".encode().decode("latin-1")):
        reply = wire.ask(key, path=path, headers={"x-portkey-trace-id": insane})
        assert reply.headers["x-portkey-trace-id"] != insane


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(wire: Any, method: str) -> None:
    reply = wire.session.request(method, wire.url + "/v1/messages", timeout=20)
    assert reply.status_code == 405
    assert reply.headers["x-portkey-trace-id"]
    assert wire.ask(wire.bound()["key"]).status_code == 200


def test_a_bug_is_a_500_that_says_nothing(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = wire.bound()["key"]

    def fail(*_: object) -> None:
        raise RuntimeError("a prompt, or a key")

    monkeypatch.setattr(Exchange, "_read", fail)
    reply = wire.ask(key)
    assert reply.status_code == 500
    assert reply.json() == {
        "success": False,
        "data": {"message": "Something went wrong", "errorCode": "AB04"},
    }
    assert reply.headers["x-portkey-trace-id"]
    monkeypatch.undo()
    entry = wire.logs()[0]
    assert (entry["status"], entry["outcome"]) == (500, "gateway failed")


def test_a_header_given_twice_is_one_list() -> None:
    raw = [(b"anthropic-beta", b"a"), (b"x", b"1"), (b"anthropic-beta", b"b,c")]
    assert read_headers(raw) == {"anthropic-beta": "a, b,c", "x": "1"}


def test_of_two_credentials_none_counts(wire: Any) -> None:
    key = wire.bound()["key"]
    assert wire.ask(None, headers={"x-portkey-api-key": f"{key}, {key}"}).status_code == 401


@pytest.mark.covers("T32")
def test_ready_while_the_log_is_written(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wire.session.get(wire.url + "/v1/ready").status_code == 200
    monkeypatch.setattr(Logbook, "ready", lambda self: False)
    reply = wire.session.get(wire.url + "/v1/ready")
    assert (reply.status_code, reply.json()["status"]) == (503, "failure")
    assert wire.session.get(wire.url + "/v1/health").status_code == 200


@pytest.mark.covers("S178", "S179")
def test_what_the_log_learns_on_the_way(start_gateway: Callable[..., Any], fake_upstream: Any) -> None:
    upstream = HttpUpstream(fake_upstream.url, SecretStr("upstream-secret-key"))
    wire = start_gateway(upstreams={"anthropic-prod": upstream})
    overloaded = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    fake_upstream.answer("busy", 529, overloaded)
    fake_upstream.answer("fine", 200, b'{"model":"fine"}')
    key = wire.bound()["key"]
    client = {"user-agent": "claude-cli/2.1.329 (external, cli)", "x-claude-code-agent-id": "agent-7"}
    sent = wire.ask(key, model="fine", headers=client)
    wire.ask(key, model="busy")
    wire.ask(key, model="")
    refused, busy, fine = wire.logs()
    assert (fine["client_version"], fine["agent_id"], fine["error"]) == ("2.1.329", "agent-7", None)
    assert fine["request_bytes"] == len(sent.request.body)
    assert fine["response_bytes"] == len(sent.content)
    assert fine["first_byte_ms"] <= fine["latency_ms"]
    assert busy["error"] == "the upstream answered 529, overloaded_error"
    assert busy["client_version"] is None
    assert (refused["error"], refused["first_byte_ms"]) == ("model: Field required", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5), st.booleans())
def test_an_object_is_read_as_json_reads_it(value: dict[str, Any], ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert repr(json_objects.read(data)) == repr(json.loads(data))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '{"a":-0}',
        '{"a":1e400}',
        '{"a":"\\ud800"}',
        '{"a":' + "[" * 199 + "1" + "]" * 199 + "}",
        '{"a":' + "[" * 200 + "1" + "]" * 200 + "}",
        '{"a":' + "[" * 200 + "]" * 200 + "}",
        '{"b":"\\ud800","a":' + "[" * 199 + "]" * 199 + "}",
        '{"b":"\\ud800","a":' + "[" * 200 + "]" * 200 + "}",
        '{"b":"\\ud800","a":' + "[" * 200 + "1" + "]" * 200 + "}",
        '{"b":"\\ud800","a":' + "[" * 201 + "]" * 201 + "}",
        '{"a":' + "[" * 201 + "]" * 201 + "}",
        '{"a":01}',
        '{"a":1}x',
        '{"a"}',
        "[]",
        "7",
        "",
        '{"a":"\x01"}',
        '\ufeff{"a":1}',
        '{"a":' + "9" * 5000 + "}",
    ],
)
def test_odd_objects_too(text: str) -> None:
    data = text.encode()
    try:
        expected = json.loads(data)
    except ValueError:
        expected = None
    if json_objects.deep(expected):
        expected = None
    assert repr(json_objects.read(data)) == repr(expected if isinstance(expected, dict) else None)

"""Bytes that no client library would send: the gateway answers or hangs up, and is there afterwards."""

from __future__ import annotations

import json
import re
import socket
from collections import deque
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_client.bundled import protocol, request_body
from tests.support import leaks

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
PATIENCE = 5.0
PATHS = [
    *("/v1/messages", "/v1/messages/count_tokens", "/anthropic/v1/messages", "/v1/models", "/", "/mcp"),
    *("/v1/configs", "/v1/api-keys", "/v1/logs", "/v1/openapi.json", "/logs", "/sign-in", "/v1/health"),
]


@pytest.fixture(scope="module")
def keyed(wire: Any) -> Any:
    wire.key = wire.bound()["key"]
    return wire


def send(wire: Any, data: bytes, *, half_close: bool = True, patience: float = PATIENCE) -> bytes:
    """Send bytes and return all that comes back until the gateway hangs up; fails when it does not."""
    host, port = wire.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it hung up before it had all of it, which is an answer too
        got = bytearray()
        try:
            while piece := connection.recv(65536):
                got += piece
        except ConnectionError:
            pass
        return bytes(got)


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def unharmed(wire: Any, answer: bytes) -> None:
    secrets = {"admin": ADMIN, "key": wire.key}
    assert leaks.found(answer, secrets) == []
    assert all(status < 500 for status in statuses(answer)), answer[:300]
    assert wire.session.get(f"{wire.url}/v1/health", timeout=PATIENCE).json()["status"] == "success"


quick = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
token = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
junk = st.binary(max_size=200)
header_lines = st.lists(st.tuples(token.map(str.encode), junk).map(b": ".join), max_size=6)
named = st.sampled_from(
    [
        *("content-length", "transfer-encoding", "content-type", "host", "expect", "upgrade", "cookie"),
        *("x-portkey-metadata", "x-portkey-config", "x-portkey-provider", "x-portkey-trace-id"),
        *("x-portkey-virtual-key", "anthropic-beta", "anthropic-version", "authorization", "user-agent"),
    ]
)


@pytest.mark.covers("T27", "T32")
@quick
@given(junk)
def test_any_bytes(keyed: Any, data: bytes) -> None:
    unharmed(keyed, send(keyed, data))


@pytest.mark.covers("T27", "T32")
@quick
@given(
    st.one_of(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]), token),
    st.one_of(st.sampled_from(PATHS), token),
    header_lines,
    junk,
)
def test_any_request(keyed: Any, method: str, path: str, lines: list[bytes], body: bytes) -> None:
    head = [f"{method} {path} HTTP/1.1".encode(), b"host: x", f"x-portkey-api-key: {keyed.key}".encode()]
    length = b"content-length: %d" % len(body)
    data = b"\r\n".join([*head, *lines, length, b"connection: close", b"", body])
    unharmed(keyed, send(keyed, data))


@pytest.mark.covers("T27", "T32")
@quick
@given(
    st.sampled_from(PATHS[:3]),
    st.dictionaries(named, st.one_of(token, junk.map(lambda b: b.decode("latin-1"))), max_size=4),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["model", "messages", "stream", "max_tokens", "content"]), inner),
        ),
        max_leaves=8,
    ),
)
def test_any_message_in_any_company(keyed: Any, path: str, headers: dict[str, str], body: Any) -> None:
    text = json.dumps(body if isinstance(body, dict) else {"model": "claude-opus-4-8", "messages": body})
    lines = [f"POST {path} HTTP/1.1", "host: x", f"x-portkey-api-key: {keyed.key}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not {"content-length", "transfer-encoding"} & headers.keys():
        lines.append(f"content-length: {len(text.encode())}")
    data = "\r\n".join([*lines, "", ""]).encode("latin-1") + text.encode()
    unharmed(keyed, send(keyed, data))


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize(
    ("piece", "said"),
    [(b"x" * 4096, b""), (b"x: y\r\n" * 700, b"GET / HTTP/1.1\r\n"), (b"x" * 4096, b"GET / HTTP/1.1\r\nx: ")],
    ids=["request line", "headers", "one header"],
)
def test_a_head_has_an_end(keyed: Any, piece: bytes, said: bytes) -> None:
    host, port = keyed.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(said or b"GET /")
        with pytest.raises(ConnectionError):
            deque(map(connection.sendall, repeat(piece, 100 * protocol.HEAD_BYTES // len(piece))), 0)
    unharmed(keyed, b"")


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_never_ends_is_waited_for_only_so_long(
    keyed: Any, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    assert statuses(send(keyed, said, half_close=False)) == [408]


@pytest.mark.covers("T27", "T32")
def test_a_second_head_has_its_own_time(keyed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    first = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n"
    assert statuses(send(keyed, first + b"GET / HTTP/1.1\r\n", half_close=False)) == [200, 408]


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/configs"])
def test_a_body_that_trickles_is_waited_for_only_so_long(
    keyed: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(request_body, "GRACE_SECONDS", 0.3)
    secret = ADMIN if path == "/v1/configs" else keyed.key
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: {secret}\r\ncontent-length: 1000\r\n\r\n{{"
    assert statuses(send(keyed, head.encode(), half_close=False, patience=10)) == [408]


@pytest.mark.covers("T27", "T32")
@pytest.mark.parametrize(("path", "limit"), [("/v1/messages", 2000), ("/v1/configs", 1024 * 1024)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_an_end(start_gateway: Callable[..., Any], path: str, limit: int, chunked: bool) -> None:
    small = start_gateway(max_body=2000)
    secret = ADMIN if path == "/v1/configs" else small.bound()["key"]
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: {secret}\r\nconnection: close\r\n"
    if chunked:
        body = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        data = f"{head}transfer-encoding: chunked\r\n\r\n".encode() + body * (limit // 0x10000 + 2)
    else:
        data = f"{head}content-length: {limit + 1}\r\n\r\n".encode()
    assert statuses(send(small, data, half_close=False)) == [413]

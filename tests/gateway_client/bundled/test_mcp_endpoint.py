"""`/mcp` on the wire: who is admitted, what each method answers, and that nothing a client sends is a 500."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings, McpServer
from tests.support.mcp_upstream import McpUpstream

MODERN, LEGACY = "2026-07-28", "2025-11-25"
ACCEPT = {"accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "claude-code", "version": "2.1.197"},
    },
}
WHOAMI = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.329"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER = {"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {"_meta": META}}


def post(wire: Any, key: str | None, body: Any, path: str = "/mcp", **headers: str) -> requests.Response:
    sent = {**ACCEPT, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    if isinstance(body, bytes):
        sent.setdefault("content-type", "application/json")
        return requests.post(wire.url + path, data=body, headers=sent, timeout=20)
    return requests.post(wire.url + path, json=body, headers=sent, timeout=20)


@pytest.fixture(scope="module")
def key(wire: Any) -> str:
    return str(wire.mint()["key"])


def test_the_older_handshake_without_a_session(wire: Any, key: str) -> None:
    reply = post(wire, key, INITIALIZE)
    result = reply.json()["result"]
    assert (reply.status_code, result["protocolVersion"]) == (200, LEGACY)
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert result["serverInfo"]["name"] == "provision-bundled-gateway"
    assert "mcp-session-id" not in reply.headers
    assert "x-portkey-trace-id" in reply.headers
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    reply = post(wire, key, done, mcp_protocol_version=LEGACY)
    assert (reply.status_code, reply.content) == (202, b"")
    listed = post(wire, key, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, mcp_protocol_version=LEGACY)
    assert [tool["name"] for tool in listed.json()["result"]["tools"]] == ["ping", "whoami"]


def test_the_newer_client_discovers_and_calls(wire: Any, key: str) -> None:
    modern = {"mcp_protocol_version": MODERN, "mcp_method": "server/discover"}
    result = post(wire, key, DISCOVER, **modern).json()["result"]
    assert result["supportedVersions"] == [MODERN]
    call = {**WHOAMI, "params": {**WHOAMI["params"], "_meta": META}}  # type: ignore[dict-item]
    modern |= {"mcp_method": "tools/call", "mcp_name": "whoami"}
    reply = post(wire, key, call, **modern)
    assert reply.json()["result"]["structuredContent"]["key"] == "claude-desktop-eng-prod"


def test_a_version_of_the_future_is_told_what_there_is(wire: Any, key: str) -> None:
    version = "2030-01-01"
    asked = json.loads(json.dumps(DISCOVER).replace(MODERN, version))
    reply = post(wire, key, asked, mcp_protocol_version=version, mcp_method="server/discover")
    assert reply.status_code == 400
    assert MODERN in reply.json()["error"]["data"]["supported"]


@pytest.mark.covers("S98")
def test_both_portkey_headers_are_taken(wire: Any, key: str) -> None:
    assert post(wire, key, WHOAMI).status_code == 200
    assert post(wire, None, WHOAMI, x_portkey_api_key=key).status_code == 200


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/mcp", "/nobody/mcp"])
def test_without_a_key_that_works_nothing_is_told(wire: Any, key: str, method: str, path: str) -> None:
    old, expired = wire.mint(), wire.mint(expires_at="2026-11-20T12:30:00.000Z")
    wire.admin("DELETE", f"/api-keys/{old['id']}")
    wire.clock.forward(hours=1)
    for headers, code in (
        ({}, "03"),
        ({"x-api-key": key}, "03"),
        ({"authorization": "Bearer nobody"}, "03"),
        ({"authorization": f"Bearer {old['key']}"}, "03"),
        ({"authorization": f"Bearer {expired['key']}"}, "01"),
    ):
        reply = requests.request(method, wire.url + path, headers={**ACCEPT, **headers}, timeout=20)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, code)
    wire.clock.forward(hours=-1)


@pytest.mark.parametrize(
    ("scopes", "here", "models"),
    [
        (["mcp.invoke"], 200, 403),
        (["completions.write"], 200, 200),
        (["logs.view"], 403, 403),
    ],
)
def test_either_scope_is_enough(wire: Any, scopes: list[str], here: int, models: int) -> None:
    key = wire.mint(scopes=scopes, defaults={"config_id": wire.config()})["key"]
    assert post(wire, key, WHOAMI).status_code == here
    assert wire.ask(key).status_code == models


def test_admin_credentials_use_no_tools(wire: Any) -> None:
    body = {"name": "org", "scopes": ["completions.write", "mcp.invoke"]}
    organisation = wire.admin("POST", "/api-keys/organisation/service", json=body).json()["key"]
    (admin,) = {wire.admin("GET", "/api-keys").request.headers["x-portkey-api-key"]}
    for credential in (organisation, admin):
        assert post(wire, credential, WHOAMI).status_code == 403


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_is_no_stream_and_no_session(wire: Any, key: str, method: str) -> None:
    headers = {**ACCEPT, "authorization": f"Bearer {key}", "mcp-session-id": "x"}
    reply = requests.request(method, f"{wire.url}/mcp", headers=headers, timeout=20)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_a_session_id_lends_nobody_anothers_rights(wire: Any, key: str) -> None:
    other = wire.mint(name="other")["key"]
    for session in ("x", "0" * 32):
        told = post(wire, other, WHOAMI, mcp_session_id=session, mcp_protocol_version=LEGACY)
        assert told.json()["result"]["structuredContent"]["key"] == "other"
        assert post(wire, None, WHOAMI, mcp_session_id=session).status_code == 401


def test_a_revoked_key_is_refused_at_its_next_request(wire: Any) -> None:
    minted = wire.mint()
    assert post(wire, minted["key"], INITIALIZE).status_code == 200
    wire.admin("DELETE", f"/api-keys/{minted['id']}")
    reply = post(wire, minted["key"], WHOAMI, mcp_protocol_version=LEGACY)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "03")


@pytest.mark.covers("S163")
def test_a_call_of_a_tool_counts_as_a_request(wire: Any) -> None:
    limits = [{"type": "requests", "unit": "rpm", "value": 2}]
    minted = wire.mint(rate_limits=limits, defaults={"config_id": wire.config()})
    replies = [post(wire, minted["key"], WHOAMI, mcp_protocol_version=LEGACY).json() for _ in range(3)]
    assert ["result" in reply for reply in replies] == [True, True, False]
    message = f"Portkey Error: apikey {minted['id']} rate limit exceded. Error Code: 05"
    assert replies[2]["error"] == {"code": -32_003, "message": message, "data": {"status": 429}}
    assert wire.ask(minted["key"]).status_code == 429
    assert post(wire, minted["key"], INITIALIZE).status_code == 200  # what calls no tool is not counted
    _, refused, *_ = wire.logs()
    assert (refused["target"], refused["outcome"], refused["error"]) == ("whoami", "refused", message)


@pytest.mark.covers("S162")
def test_no_tool_is_called_when_the_budget_is_used_up(wire: Any) -> None:
    budget = {"type": "tokens", "credit_limit": 1}
    key = wire.mint(usage_limits=budget, defaults={"config_id": wire.config()})["key"]
    assert "result" in post(wire, key, WHOAMI, mcp_protocol_version=LEGACY).json()
    assert wire.ask(key).status_code == 200
    error = post(wire, key, WHOAMI, mcp_protocol_version=LEGACY).json()["error"]
    assert (error["code"], error["data"]) == (-32_003, {"status": 412})


def test_a_policy_sees_the_provider_mcp_and_the_tool(wire: Any) -> None:
    minted = wire.mint(name="of a policy")
    conditions = [
        {"key": "api_key", "value": minted["id"]},
        {"key": "provider", "value": "mcp"},
        {"key": "model", "value": "whoami"},
    ]
    body = {"conditions": conditions, "group_by": [{"key": "metadata._user"}]}
    limit = {"type": "requests", "unit": "rpm", "value": 0}
    assert wire.admin("POST", "/policies/rate-limits", json={**body, **limit}).status_code == 200
    refused = post(wire, minted["key"], WHOAMI, mcp_protocol_version=LEGACY).json()
    assert refused["error"]["data"] == {"status": 429}
    ping = {**WHOAMI, "params": {"name": "ping", "arguments": {}}}
    assert "result" in post(wire, minted["key"], ping, mcp_protocol_version=LEGACY).json()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8080", 200),
        ("http://localhost:3000", 200),
        ("http://[::1]:3000", 200),
        ("app://claude", 200),
        ("http://evil.example", 403),
        ("https://evil.example:8080", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://[", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_hosts_are_refused(wire: Any, key: str, origin: str, status: int) -> None:
    assert post(wire, key, WHOAMI, origin=origin).status_code == status


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe",
    b'"\\ud800"',
    b"[" * 100_000,
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\\ud800","arguments":{}}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"calc__\\ud800"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ping","arguments":[]}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"zzz"}}',
    b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1e400,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}',
    b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}',
    b'{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":7}}',
    b'{"jsonrpc":"2.0","id":1,"result":{}}',
    b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]',
]


@pytest.mark.parametrize("version", [None, LEGACY, MODERN, "", "x" * 200])
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_a_client_sends_breaks_it(wire: Any, key: str, body: bytes, version: str | None) -> None:
    headers = {} if version is None else {"mcp_protocol_version": version}
    reply = post(wire, key, body, **headers)
    assert reply.status_code in (200, 202, 400, 404, 406), reply.text
    assert key not in reply.text
    assert post(wire, key, WHOAMI).status_code == 200


METHODS = [
    "initialize",
    "server/discover",
    "tools/list",
    "tools/call",
    "ping",
    "notifications/cancelled",
    "x",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ping", "whoami"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "2", None]),
        "id": VALUES,
        "method": st.sampled_from(METHODS) | VALUES,
        "params": st.fixed_dictionaries({}, optional={"name": VALUES, "arguments": VALUES, "_meta": VALUES})
        | VALUES,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES | st.binary(max_size=60), version=st.sampled_from([LEGACY, MODERN, "1"]))
def test_fuzzed_bodies_are_answered(wire: Any, key: str, body: Any, version: str) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert post(wire, key, sent, mcp_protocol_version=version).status_code < 500


@pytest.mark.parametrize("headers", [{"accept": "text/html"}, {"content_type": "text/plain"}])
def test_what_is_not_json_is_refused(wire: Any, key: str, headers: dict[str, str]) -> None:
    assert post(wire, key, json.dumps(WHOAMI).encode(), **headers).status_code in (400, 406)


@pytest.mark.covers("T27")
def test_a_body_has_an_end(wire: Any, key: str) -> None:
    reply = post(wire, key, b" " * (4 * 1024 * 1024 + 1))
    assert (reply.status_code, reply.json()["status"]) == (413, "failure")


def test_a_stop_ends_a_call_under_way(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STOP_SECONDS", 1)
    begun, patience = threading.Event(), threading.Event()

    def wait() -> str:
        begun.set()
        patience.wait(20)
        return "waited"

    admin = SecretStr("admin-token-of-this-test")
    answers: list[int] = []
    with McpUpstream(wait) as slow:
        settings = GatewaySettings(database, admin, mcp_servers={"slow": McpServer(slow.url)})
        with Embedded(settings) as gateway:
            headers = {"x-portkey-api-key": admin.get_secret_value()}
            body = {"name": "k", "scopes": ["mcp.invoke"]}
            url = f"{gateway.url}/v1/api-keys/workspace/service"
            key = requests.post(url, json=body, headers=headers, timeout=20).json()["key"]

            def ask() -> None:
                call = {**WHOAMI, "params": {"name": "slow__wait"}}
                answers.append(post(gateway, key, call).status_code)

            asking = threading.Thread(target=ask)
            asking.start()
            assert begun.wait(10)
        asking.join(10)
        assert answers == [503]
        with Embedded(settings) as gateway:
            url = f"{gateway.url}/v1/logs"
            (logged,) = requests.get(url, headers=headers, timeout=20).json()["data"]
            assert (logged["target"], logged["outcome"]) == ("slow/wait", "gateway stopped")
            assert logged["status"] == 503
        patience.set()


def test_the_sdk_is_imported_by_the_first_request_only() -> None:
    program = (
        "import sys, gateway_client.bundled.server as _; "
        "print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'mcp_types', 'httpx2')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == "[]\n"

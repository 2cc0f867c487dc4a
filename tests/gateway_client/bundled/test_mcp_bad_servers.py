"""MCP servers that answer anything but what they should: the gateway says which, and why, and no key."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.settings import GatewaySettings, McpServer
from tests.support.mcp_upstream import McpUser

KEY = "canary-mcp-key-6f1ed002ab5595859014ebf0951522d9"
BASE64 = base64.b64encode(KEY.encode()).decode()
TOOL = {"name": "it", "inputSchema": {"type": "object"}}
DISCOVERED = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "public",
}


class Wicked:
    """A server that knows the protocol up to one method, for which it has an answer of its own."""

    def __init__(self) -> None:
        self.method = ""
        self.reply: tuple[int, dict[str, str], bytes] | dict[str, Any] = {}
        wicked = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, headers, body = wicked.answer(asked, str(self.headers["authorization"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/mcp"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def answer(self, asked: dict[str, Any], credential: str) -> tuple[int, dict[str, str], bytes]:
        known = {
            "server/discover": DISCOVERED,
            "tools/list": {"tools": [TOOL], "ttlMs": 0, "cacheScope": "public", "resultType": "complete"},
        }
        if asked["method"] == self.method:
            if isinstance(self.reply, tuple):
                status, headers, body = self.reply
                return status, headers, body.replace(b"$KEY", credential.encode())
            said: dict[str, Any] = json.loads(json.dumps(self.reply).replace("$KEY", credential))
        else:
            unknown = {"error": {"code": -32601, "message": "Method not found"}}
            said = {"result": known[asked["method"]]} if asked["method"] in known else unknown
        body = json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), **said}).encode()
        return 200, {"content-type": "application/json"}, body


@pytest.fixture(scope="module")
def wicked() -> Iterator[Wicked]:
    made = Wicked()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Any], wicked: Wicked) -> Any:
    return start_gateway(mcp_servers={"bad": McpServer(wicked.url, SecretStr(KEY), timeout=3)})


@pytest.fixture(scope="module")
def user(gateway: Any) -> McpUser:
    return McpUser(f"{gateway.url}/mcp", gateway.mint()["key"])


HTML, JSON, SSE = (
    {"content-type": f"{kind}"} for kind in ("text/html", "application/json", "text/event-stream")
)
REPLIES: dict[str, Any] = {
    "an error of its own": {"error": {"code": -32000, "message": "no: $KEY"}},
    "an error in base64": {"error": {"code": -32000, "message": BASE64}},
    "no result": {"result": {}},
    "a result of another kind": {"result": {"tools": 5, "content": 5}},
    "a list": {"result": []},
    "neither": {},
    "html": (200, HTML, b"<h1>$KEY</h1>"),
    "an error page": (500, HTML, b"<h1>$KEY</h1>"),
    "unauthorised": (401, HTML, b"$KEY"),
    "forbidden": (403, SSE, b""),
    "not found": (404, HTML, b""),
    "no json": (200, JSON, b"{$KEY"),
    "half characters": (200, JSON, b'{"jsonrpc":"2.0","id":1,"result":"\\ud800"}'),
    "nothing": (200, JSON, b""),
    "accepted": (202, JSON, b""),
    "an empty stream": (200, SSE, b""),
    "a stream of rubbish": (200, SSE, b"event: message\ndata: {$KEY\n\n"),
    "compressed": (200, {**JSON, "content-encoding": "gzip"}, gzip.compress(b" " * 9000)),
    "another host": (307, {"location": "http://localhost:9/$KEY"}, b""),
    "itself": (307, {"location": "/mcp"}, b""),
}  # fmt: skip


@pytest.mark.covers("T2")
@pytest.mark.parametrize("method", ["server/discover", "tools/list", "tools/call"])
@pytest.mark.parametrize("name", REPLIES)
def test_its_own_fault_is_told_without_the_key(
    gateway: Any, user: McpUser, wicked: Wicked, method: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.clock.forward(seconds=61)
    wicked.method, wicked.reply = method, REPLIES[name]
    listed = user.names()
    assert listed == ["ping", "whoami"] + ["bad__it"] * (method == "tools/call")
    failure = user.failure("bad__it")
    assert failure.startswith("the MCP server bad failed: ")
    (logged,) = [entry for entry in gateway.logs()[:1] if entry["outcome"] == "upstream failed"]
    assert logged["error"] == failure
    assert len(failure.splitlines()) == 1
    told = user.call("whoami")
    for text in (failure, repr(told), json.dumps(gateway.logs()[0]), caplog.text):
        assert KEY not in text
        assert KEY[-8:] not in text
        assert KEY[:12] not in text
        assert BASE64[:20] not in text
    assert user.text("ping").startswith("pong")


def test_a_list_without_end_is_not_read_for_ever(gateway: Any, user: McpUser, wicked: Wicked) -> None:
    gateway.clock.forward(seconds=61)
    page = {"tools": [TOOL], "nextCursor": "more", "ttlMs": 0, "cacheScope": "public"}
    wicked.method, wicked.reply = "tools/list", {"result": {**page, "resultType": "complete"}}
    assert user.names() == ["ping", "whoami"]
    assert "its list of tools does not end" in user.failure("bad__it")


def test_a_name_twice_in_one_list_is_offered_once(gateway: Any, user: McpUser, wicked: Wicked) -> None:
    gateway.clock.forward(seconds=61)
    page = {"tools": [{**TOOL, "title": "first"}, {**TOOL, "title": "second"}], "ttlMs": 0}
    wicked.method = "tools/list"
    wicked.reply = {"result": {**page, "cacheScope": "public", "resultType": "complete"}}
    assert [tool.title for tool in user.tools() if tool.name == "bad__it"] == ["first"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": "ftp://tools.acme.com/mcp"}, "needs http or https"),
        ({"url": "https:///mcp"}, "and a host"),
        ({"url": "http://tools.acme.com/mcp"}, "http is for loopback only"),
        ({"url": "https://me:secret@tools.acme.com/mcp"}, "takes no user"),
        ({"url": "https://tools.acme.com/mcp?key=1"}, "takes no user, query or fragment"),
        ({"url": "https://tools.acme.com/mcp", "header": "x key"}, "needs a header's name"),
        ({"url": "https://tools.acme.com/mcp", "header": ""}, "needs a header's name"),
        ({"url": "https://tools.acme.com/mcp", "timeout": 0}, "needs a number of seconds"),
        ({"url": "https://tools.acme.com/mcp", "timeout": 601}, "600 at most"),
    ],
)
def test_a_server_that_cannot_be_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        McpServer(**fields)


@pytest.mark.parametrize("slug", ["", "A", "a b", "a__b", "a_b", "-a", "a-", "a--b", "ä", "x" * 21, "a\n"])
def test_a_slug_that_would_not_fit_a_name_is_refused(tmp_path: Any, slug: str) -> None:
    server = McpServer("https://tools.acme.com/mcp")
    with pytest.raises(ValueError, match="a slug is lower-case letters, digits and single dashes"):
        GatewaySettings(tmp_path / "g.db", SecretStr("x"), mcp_servers={slug: server})


def test_a_key_that_no_header_can_carry_is_told_as_such(start_gateway: Callable[..., Any]) -> None:
    server = McpServer("http://127.0.0.1:9/mcp", SecretStr(KEY))
    object.__setattr__(server, "key", SecretStr("日本\r\nx: y"))  # past the check of the value itself
    wire = start_gateway(mcp_servers={"odd": server})
    user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
    state = user.call("whoami").structured_content["mcp_servers"]["odd"]
    assert state == "its key can't be sent in a header"

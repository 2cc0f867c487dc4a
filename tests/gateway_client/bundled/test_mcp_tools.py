"""The tools behind `/mcp`, with the official client and real servers on real sockets."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from pydantic import SecretStr

from gateway_client.bundled.mcp import upstream
from gateway_client.bundled.settings import McpServer
from tests.support.mcp_upstream import McpUpstream, McpUser

KEY = "upstream-key-1a79a4d60de6718e8e5b326e338ae533"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def seen(value: object = "nothing") -> str:
    """Say what came."""
    return repr(value)


def refuse() -> str:
    """Refuse everything."""
    raise ValueError("not today")


@pytest.fixture(scope="module")
def calc() -> Iterator[McpUpstream]:
    with McpUpstream(add, seen) as running:
        yield running


@pytest.fixture(scope="module")
def other() -> Iterator[McpUpstream]:
    def add(a: str, b: str) -> str:
        return f"{a} and {b}"

    with McpUpstream(add, refuse) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Any], calc: McpUpstream, other: McpUpstream) -> Any:
    servers = {
        "calc": McpServer(calc.url, SecretStr(KEY)),
        "words": McpServer(other.url, SecretStr(KEY), header="x-words-key", tools=("a*",)),
        "eng": McpServer(other.url, keys=("*-eng-*", "root")),
    }
    return start_gateway(mcp_servers=servers)


@pytest.fixture(scope="module")
def eng(gateway: Any) -> McpUser:
    defaults = {"metadata": {"tenant": "acme", "team": "eng", "env": "prod"}}
    return McpUser(f"{gateway.url}/mcp", gateway.mint(defaults=defaults)["key"])


@pytest.fixture(scope="module")
def support(gateway: Any) -> McpUser:
    return McpUser(f"{gateway.url}/mcp", gateway.mint(name="claude-desktop-support-prod")["key"])


@pytest.mark.covers("S7", "S28", "S98")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_pilot_sees_it_work(gateway: Any, mode: str) -> None:
    user = McpUser(f"{gateway.url}/mcp", gateway.mint()["key"], mode=mode)
    assert user.names()[:2] == ["ping", "whoami"]
    assert user.text("ping").startswith("pong from provision-bundled-gateway ")
    assert user.text("calc__add", a=40, b=2) == "42"


def test_both_protocols_are_spoken(gateway: Any) -> None:
    async def version(client: Any) -> str:
        return str(client.protocol_version)

    key = gateway.mint()["key"]
    assert McpUser(f"{gateway.url}/mcp", key).ask(version) == "2026-07-28"
    assert McpUser(f"{gateway.url}/mcp", key, mode="legacy").ask(version) == "2025-11-25"


def test_whoami_tells_what_the_gateway_goes_by(gateway: Any) -> None:
    defaults = {"metadata": {"tenant": "acme", "team": "eng", "env": "prod"}}
    minted = gateway.mint(defaults=defaults, scopes=["completions.write", "mcp.invoke"])
    claim = {"team": "ceo", "user": "alice@acme.com"}
    user = McpUser(f"{gateway.url}/mcp", minted["key"], headers={"x-portkey-metadata": json.dumps(claim)})
    result = user.call("whoami")
    told = result.structured_content
    assert told == json.loads(result.content[0].text)
    assert told == {
        "key": "claude-desktop-eng-prod",
        "tenant": "acme",
        "team": "eng",
        "env": "prod",
        "user": "alice@acme.com",
        "workspace": "Default",
        "scopes": ["completions.write", "mcp.invoke"],
        "expires_at": None,
        "mcp_servers": {"calc": "2 tools", "words": "1 tool", "eng": "2 tools"},
    }
    assert minted["key"] not in repr(result)
    assert gateway.logs()[0]["contradicted"] == {"team": "ceo"}


def test_whoami_says_what_portkey_would_miss(eng: McpUser) -> None:
    assert "mcp.invoke, which this key has not" in eng.call("whoami").structured_content["note"]


def test_each_key_has_its_own_tools(eng: McpUser, support: McpUser) -> None:
    both = ["ping", "whoami", "calc__add", "calc__seen", "words__add"]
    assert support.names() == both
    assert eng.names() == [*both, "eng__add", "eng__refuse"]
    assert list(support.call("whoami").structured_content["mcp_servers"]) == ["calc", "words"]


@pytest.mark.parametrize(
    "tool",
    ["eng__add", "words__refuse", "calc__nothing", "nobody__add", "add", "__add", "", "calc__", "ping__x"],
)
def test_what_is_not_listed_cannot_be_called(gateway: Any, support: McpUser, tool: str) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        support.call(tool, a="1", b="2")
    assert caught.group_contains(Exception, match="there is no such tool for this key")
    logged = gateway.logs()[0]
    assert (logged["outcome"], logged["error"]) == (
        "refused",
        f"there is no such tool for this key: {tool}",
    )


def test_two_servers_may_have_a_tool_of_one_name(eng: McpUser) -> None:
    assert eng.text("calc__add", a=1, b=2) == "3"
    assert eng.text("words__add", a="1", b="2") == "1 and 2"


def test_a_tool_comes_as_its_server_describes_it(eng: McpUser) -> None:
    tool = next(tool for tool in eng.tools() if tool.name == "calc__add")
    assert tool.description == "Add two numbers."
    assert tool.input_schema["required"] == ["a", "b"]
    assert tool.output_schema is not None
    assert eng.call("calc__add", a=1, b=2).structured_content == {"result": 3}


@pytest.mark.parametrize("value", [None, "", {"deep": [None, {"a": None}]}, "日本", 1.5])
def test_arguments_arrive_as_they_were_sent(eng: McpUser, value: object) -> None:
    assert eng.text("calc__seen", value=value) == repr(value)


def test_that_a_tool_fails_is_passed_on(gateway: Any, eng: McpUser) -> None:
    assert "refuse" in eng.failure("eng__refuse")
    assert gateway.logs()[0]["outcome"] == "answered"


def test_one_server_can_be_addressed_alone(gateway: Any) -> None:
    key = gateway.mint(name="claude-desktop-support-prod")["key"]
    alone = McpUser(f"{gateway.url}/calc/mcp", key)
    assert alone.names() == ["add", "seen"]
    assert alone.text("add", a=1, b=2) == "3"
    assert gateway.logs()[0]["path"] == "/calc/mcp"
    for slug in ("eng", "nobody"):
        reply = gateway.session.post(
            f"{gateway.url}/{slug}/mcp", json={}, headers={"authorization": f"Bearer {key}"}, timeout=20
        )
        assert (reply.status_code, reply.json()["message"]) == (
            404,
            "there is no such MCP server for this key",
        )


def test_the_servers_key_goes_out_as_it_is_set(eng: McpUser, calc: McpUpstream, other: McpUpstream) -> None:
    calc.seen.clear()
    other.seen.clear()
    eng.call("calc__add", a=1, b=2)
    eng.call("words__add", a="1", b="2")
    eng.call("eng__add", a="1", b="2")
    assert {headers.get("authorization") for headers in calc.seen} == {f"Bearer {KEY}"}
    assert {headers.get("authorization") for headers in other.seen} == {None}
    assert {headers.get("x-words-key") for headers in other.seen} == {KEY, None}


def test_a_call_is_logged_with_who_made_it(gateway: Any, eng: McpUser) -> None:
    eng.call("calc__add", a=1, b=2)
    logged = gateway.logs()[0]
    assert logged["key"]["name"] == "claude-desktop-eng-prod"
    assert logged["metadata"] == {"tenant": "acme", "team": "eng", "env": "prod"}
    assert (logged["path"], logged["target"]) == ("/mcp", "calc/add")
    assert (logged["status"], logged["outcome"], logged["model_asked"]) == (200, "answered", None)


def test_only_calls_are_logged(gateway: Any, eng: McpUser) -> None:
    before = len(gateway.logs(page_size="1000"))
    eng.names()
    assert len(gateway.logs(page_size="1000")) == before


def test_a_server_that_is_down_leaves_the_others(
    start_gateway: Callable[..., Any], calc: McpUpstream
) -> None:
    with McpUpstream(add) as shaky:
        wire = start_gateway(mcp_servers={"shaky": McpServer(shaky.url), "calc": McpServer(calc.url)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        whole = ["ping", "whoami", "shaky__add", "calc__add", "calc__seen"]
        assert user.names() == whole
        shaky.stop()
        failure = "the MCP server shaky failed: it could not be reached (ConnectError)"
        assert user.failure("shaky__add", a=1, b=2) == failure  # its list is still known
        wire.clock.forward(seconds=61)
        assert user.names() == ["ping", "whoami", "calc__add", "calc__seen"]
        assert user.failure("shaky__add", a=1, b=2) == failure
        assert user.text("calc__add", a=1, b=2) == "3"
        assert user.call("whoami").structured_content["mcp_servers"] == {
            "shaky": "it could not be reached (ConnectError)",
            "calc": "2 tools",
        }
        (logged, *_) = [entry for entry in wire.logs() if entry["target"] == "shaky/shaky__add"]
        assert (logged["status"], logged["outcome"], logged["error"]) == (200, "upstream failed", failure)
        shaky.start()
        wire.clock.forward(seconds=11)
        assert user.names() == whole


def test_a_server_of_the_older_protocol_serves_too(start_gateway: Callable[..., Any]) -> None:
    with McpUpstream(add, old=True) as old:
        wire = start_gateway(mcp_servers={"old": McpServer(old.url)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        assert user.names() == ["ping", "whoami", "old__add"]
        assert user.text("old__add", a=1, b=2) == "3"
    assert "mcp-session-id" in old.seen[-1]


class Waiting:
    """A tool that waits until it is let go, or given up."""

    def __init__(self) -> None:
        self.begun, self.given_up = threading.Event(), threading.Event()

    async def wait(self) -> str:
        self.begun.set()
        try:
            await anyio.sleep(60)
        except anyio.get_cancelled_exc_class():
            self.given_up.set()
            raise
        return "waited"


def test_a_silent_server_is_given_up(start_gateway: Callable[..., Any]) -> None:
    waiting = Waiting()
    with McpUpstream(waiting.wait, add) as slow:
        wire = start_gateway(mcp_servers={"slow": McpServer(slow.url, timeout=0.5)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        assert user.text("slow__add", a=1, b=2) == "3"
        failure = user.failure("slow__wait")
        assert failure == "the MCP server slow failed: it gave no answer within 0.5 seconds"
        assert waiting.given_up.wait(10)
        assert wire.logs()[0]["outcome"] == "upstream failed"


def test_a_client_that_leaves_ends_the_call(start_gateway: Callable[..., Any]) -> None:
    waiting = Waiting()
    with McpUpstream(waiting.wait) as slow:
        wire = start_gateway(mcp_servers={"slow": McpServer(slow.url)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])

        async def leave(client: Any) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "slow__wait")
                await anyio.to_thread.run_sync(waiting.begun.wait)
                group.cancel_scope.cancel()

        user.ask(leave)
        assert waiting.given_up.wait(10)
        deadline = time.monotonic() + 10
        while not wire.logs() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [(entry["status"], entry["outcome"]) for entry in wire.logs()] == [(499, "client gone")]


def test_an_answer_without_end_is_broken_off(
    start_gateway: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def long() -> str:
        return "x" * 100_000

    with McpUpstream(long) as big:
        wire = start_gateway(mcp_servers={"big": McpServer(big.url)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        assert user.text("big__long") == "x" * 100_000
        monkeypatch.setattr(upstream, "MAX_ANSWER", 90_000)
        failure = "the MCP server big failed: its answer is longer than 90000 bytes"
        assert user.failure("big__long") == failure
        assert user.text("ping").startswith("pong")


def test_many_who_ask_at_once_share_one_question(start_gateway: Callable[..., Any]) -> None:
    with McpUpstream(add) as asked:
        wire = start_gateway(mcp_servers={"asked": McpServer(asked.url)})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        with ThreadPoolExecutor(8) as pool:
            listed = list(pool.map(lambda _: user.names(), range(8)))
        assert listed == [["ping", "whoami", "asked__add"]] * 8
        questions = [headers for headers in asked.seen if headers.get("mcp-method") == "tools/list"]
        assert len(questions) == 1


@pytest.mark.covers("T32")
def test_a_server_must_show_a_certificate_that_is_trusted(
    start_gateway: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    with McpUpstream(add, tls=(chain, key)) as secure:
        wire = start_gateway(mcp_servers={"secure": McpServer(secure.url, SecretStr(KEY))})
        user = McpUser(f"{wire.url}/mcp", wire.mint()["key"])
        assert "could not be reached" in user.failure("secure__add", a=1, b=2)
        assert secure.seen == []
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        monkeypatch.setattr(upstream, "_trust", lambda: trusting)
        wire.clock.forward(seconds=11)
        assert user.text("secure__add", a=1, b=2) == "3"

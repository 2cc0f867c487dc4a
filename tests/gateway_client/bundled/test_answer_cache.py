"""The simple cache: what is kept, for whom, for how long, and what a hit costs (S160)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.data_plane import cache
from gateway_client.bundled.data_plane.cache import AnswerCache, Kept
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.upstreams.port import Broken, Reply

pytestmark = pytest.mark.covers("S160")

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
SIMPLE = {"provider": "@anthropic-prod", "cache": {"mode": "simple"}}
STATUS = "x-portkey-cache-status"


@pytest.mark.parametrize("stream", [False, True])
def test_the_second_answer_comes_from_the_cache_and_costs_nothing(wire: Any, stream: bool) -> None:
    key = wire.bound(SIMPLE)["key"]
    replies = [wire.ask(key, f"the same, {stream}", stream=stream) for _ in range(2)]
    first, second = [(reply.status_code, reply.content) for reply in replies]
    assert first == second
    assert [reply.headers[STATUS] for reply in replies] == ["MISS", "HIT"]
    assert replies[0].headers["content-type"] == replies[1].headers["content-type"]
    hit, miss = wire.logs()[:2]
    assert (miss["cache_status"], hit["cache_status"]) == ("MISS", "HIT")
    assert miss["cost_usd"] > 0
    assert (hit["cost_usd"], hit["attempts"], miss["attempts"]) == (0, 0, 1)
    assert hit["output_tokens"] == miss["output_tokens"]


def test_without_a_cache_it_is_disabled(wire: Any) -> None:
    key = wire.bound()["key"]
    assert [wire.ask(key, "same").headers[STATUS] for _ in range(2)] == ["DISABLED"] * 2


def test_an_answer_ends_and_can_be_refreshed(start_gateway: Callable[..., Any], fake_upstream: Any) -> None:
    upstream = HttpUpstream(fake_upstream.url, SecretStr("upstream-key"))
    wire = start_gateway(upstreams={"anthropic-prod": upstream})
    key = wire.bound({**SIMPLE, "cache": {"mode": "simple", "max_age": 60}})["key"]

    def ask(answer: bytes, **headers: str) -> tuple[str, bytes]:
        fake_upstream.answer("m", 200, answer)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = wire.ask(key, model="m", headers=sent)
        return reply.headers[STATUS], reply.content

    assert ask(b'{"n":1}') == ("MISS", b'{"n":1}')
    assert ask(b'{"n":2}') == ("HIT", b'{"n":1}')
    assert ask(b'{"n":3}', x_portkey_cache_force_refresh="true") == ("REFRESH", b'{"n":3}')
    assert ask(b'{"n":4}') == ("HIT", b'{"n":3}')
    assert ask(b'{"n":5}', x_portkey_cache_namespace="other") == ("MISS", b'{"n":5}')
    assert ask(b'{"n":6}', anthropic_beta="another") == ("MISS", b'{"n":6}')
    wire.clock.forward(seconds=59)
    assert ask(b'{"n":7}')[0] == "HIT"
    wire.clock.forward(seconds=1)
    assert ask(b'{"n":8}') == ("MISS", b'{"n":8}')


def test_failures_are_not_kept(start_gateway: Callable[..., Any], fake_upstream: Any) -> None:
    upstream = HttpUpstream(fake_upstream.url, SecretStr("upstream-key"))
    wire = start_gateway(upstreams={"anthropic-prod": upstream})
    key = wire.bound(SIMPLE)["key"]
    fake_upstream.answer("m", 529, b'{"type":"error"}')
    assert [wire.ask(key, model="m").headers[STATUS] for _ in range(2)] == ["MISS"] * 2
    fake_upstream.answer("m", 200, b"<html>", content_type="text/html")
    assert [wire.ask(key, model="m").headers[STATUS] for _ in range(2)] == ["MISS"] * 2


def test_nobody_sees_an_answer_to_somebody_else(wire: Any) -> None:
    """Neither another person's, told by metadata, nor another workspace's."""
    key = wire.bound(SIMPLE)["key"]

    def asked_by(user: str) -> str:
        metadata = json.dumps({"_user": user})
        return str(wire.ask(key, "who am I", headers={"x-portkey-metadata": metadata}).headers[STATUS])

    assert [asked_by(user) for user in ("alice", "bob", "alice", "bob")] == ["MISS", "MISS", "HIT", "HIT"]
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()["id"]
    sent = {"name": "c", "config": SIMPLE, "workspace_id": other}
    slug = wire.admin("POST", "/configs", json=sent).json()["slug"]
    stranger = wire.mint(workspace_id=other, defaults={"config_id": slug})["key"]
    assert wire.ask(key, "shared?").headers[STATUS] == "MISS"
    assert wire.ask(stranger, "shared?").headers[STATUS] == "MISS"
    assert wire.ask(stranger, "shared?").headers[STATUS] == "HIT"


def test_a_fallback_finds_the_answer_of_the_target_that_gave_it(wire: Any) -> None:
    targets = [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}]
    config = {"strategy": {"mode": "fallback"}, "cache": {"mode": "simple"}, "targets": targets}
    key = wire.bound(config)["key"]
    replies = [wire.ask(key, "[[echo:529 @anthropic-prod]]") for _ in range(2)]
    told = [(r.status_code, r.headers["x-portkey-provider"], r.headers[STATUS]) for r in replies]
    assert told == [(200, "bedrock-prod", "MISS"), (200, "bedrock-prod", "HIT")]


def kept(body: bytes) -> Kept:
    return Kept(200, {"content-type": "application/json"}, body, NOW + timedelta(hours=1))


def test_memory_is_bounded_and_what_was_used_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 30)
    answers = AnswerCache()
    for name in "abc":
        answers.put(name, kept(b"x" * 10))
    assert answers.get("a", NOW) is not None
    answers.put("d", kept(b"x" * 10))
    assert [name for name in "abcd" if answers.get(name, NOW)] == ["a", "c", "d"]
    answers.put("a", kept(b"x" * 25))
    assert [name for name in "abcd" if answers.get(name, NOW)] == ["a"]


STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
START = b'event: message_start\ndata: {"type":"message_start"}\n\n'


@pytest.mark.parametrize(
    ("kind", "chunks", "is_kept"),
    [
        ("text/event-stream; charset=utf-8", [START, STOP], True),
        ("text/event-stream", [START + STOP[:9], STOP[9:]], True),
        ("text/event-stream", [START], False),
        ("text/event-stream", [START, STOP[:-1]], False),
        ("text/event-stream", [START, STOP, Broken("late")], True),
        ("text/event-stream", [START, Broken("early")], False),
        ("text/event-stream", [], False),
        ("application/json", [b"{", b"}"], True),
        ("application/json", [b"{", Broken("early")], False),
        ("application/json", [b"x" * 60, b"x" * 60], False),
    ],
)
def test_only_whole_answers_are_kept(
    monkeypatch: pytest.MonkeyPatch, kind: str, chunks: list[Any], is_kept: bool
) -> None:
    monkeypatch.setattr(cache, "LONGEST_BYTES", 110)
    answers = AnswerCache()

    async def come() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Broken):
                raise chunk
            yield chunk

    async def pass_on() -> list[bytes]:
        passed = []
        reply = answers.keeping("k", Reply(200, {"content-type": kind, "set-cookie": "no"}, come()), NOW, 60)
        try:
            async for chunk in reply.chunks:
                passed.append(chunk)
        except Broken:
            passed.append(b"broken")
        return passed

    passed = asyncio.run(pass_on())
    assert len(passed) == len(chunks), "what is kept passes all the same"
    found = answers.get("k", NOW)
    assert (found is not None) is is_kept
    if found is not None:
        assert found.headers == {"content-type": kind}
        assert answers.get("k", NOW + timedelta(seconds=60)) is None

"""A request's way to its providers: tried again, from the cache, or not at all; no socket, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.data_plane.binding import Binding
from gateway_client.bundled.data_plane.cache import AnswerCache
from gateway_client.bundled.data_plane.calling import Answered, Calling
from gateway_client.bundled.data_plane.dispatch import Incoming
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.governance.governor import Governor
from gateway_client.bundled.routing.language import read
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store.database import open_store
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import RequestRecord
from gateway_client.bundled.upstreams.catalog import Catalog
from gateway_client.bundled.upstreams.port import Outgoing, Reply, Unreachable

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@dataclass
class Scripted:
    """An upstream that answers with these statuses in turn; None is no answer."""

    answers: list[int | None]
    headers: dict[str, str] = field(default_factory=dict)
    closed: int = 0

    async def call(self, request: Outgoing) -> Reply:
        status = self.answers.pop(0)
        if status is None:
            raise Unreachable("no answer")

        async def body() -> AsyncIterator[bytes]:
            yield json.dumps({"status": status}).encode()

        async def close() -> None:
            self.closed += 1

        return Reply(status, {"content-type": "application/json", **self.headers}, body(), close)

    async def close(self) -> None:
        pass


@dataclass
class Lists:
    """Model lists by which some providers allow nothing."""

    closed: tuple[str, ...] = ()

    def allows(self, provider: str, model: str) -> bool:
        return provider not in self.closed


@dataclass
class Bench:
    """What calling needs of a gateway: providers are scripted, pauses written down."""

    gateway: Any
    pauses: list[float]

    def call(self, config: dict[str, Any], **headers: str) -> tuple[Answered | Refusal, RequestRecord]:
        return asyncio.run(self.calling(config, **headers))

    async def calling(
        self, config: dict[str, Any], **headers: str
    ) -> tuple[Answered | Refusal, RequestRecord]:
        record = RequestRecord(str(NOW), "t", "ws", "k", "key", "/v1/messages")
        params = {"model": "claude-x", "max_tokens": 5, "messages": []}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        incoming = Incoming("/v1/messages", "", sent, json.dumps(params).encode(), params, {})
        bound = Binding(read(json.dumps(config)), None, None)
        try:
            return await Calling(self.gateway, caller(), record).call(incoming, bound), record
        except Refusal as refusal:
            return refusal, record


def caller() -> Caller:
    """Return a caller without limits, whatever else is known of callers."""
    nothing: dict[str, Any] = dict.fromkeys(Caller.__dataclass_fields__)
    lists = {name: () for name in nothing if name.endswith("limits")}
    moments = {"created_at": "2026-11-20T12:00:00.000Z", "workspace_created_at": "2026-11-20T12:00:00.000Z"}
    known = {"key_id": "k", "key_name": "key", "workspace_id": "ws", "type": "workspace-service"}
    return Caller(**{**nothing, **lists, **moments, **known, "metadata": {}, "workspace_metadata": {}})


@pytest.fixture
def bench(database: Path) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def made(**upstreams: Scripted) -> Bench:
            store = stack.enter_context(contextlib.closing(open_store(database, NOW)))
            named = {name.replace("_", "-"): upstream for name, upstream in upstreams.items()}
            settings = GatewaySettings(database, SecretStr("t"))
            pauses: list[float] = []

            async def pause(seconds: float) -> None:
                pauses.append(seconds)

            return Bench(
                SimpleNamespace(
                    chance=Random(1),
                    catalog=Catalog(settings, store, named),
                    governor=Governor(store),
                    model_lists=Lists(),
                    cache=AnswerCache(),
                    clock=lambda: NOW,
                    pause=pause,
                ),
                pauses,
            )

        yield made


RETRY = {"provider": "@anthropic-prod", "retry": {"attempts": 3}}


def test_a_call_is_tried_again_after_a_while(bench: Any) -> None:
    upstream = Scripted([529, None, 200])
    desk = bench(anthropic_prod=upstream)
    answered, record = desk.call(RETRY)
    assert answered.reply.status == 200
    assert desk.pauses == [1, 2]
    assert answered.headers()["x-portkey-retry-attempt-count"] == "2"
    assert record.attempts == 3
    assert upstream.closed == 1  # the answer that was given up; the other belongs to the caller


def test_retries_come_to_an_end(bench: Any) -> None:
    desk = bench(anthropic_prod=Scripted([500] * 4))
    answered, record = desk.call(RETRY)
    assert (answered.reply.status, desk.pauses, record.attempts) == (500, [1, 2, 4], 4)
    assert answered.headers()["x-portkey-retry-attempt-count"] == "-1"


def test_what_the_provider_asks_is_waited_for(bench: Any) -> None:
    config = {**RETRY, "retry": {"attempts": 2, "use_retry_after_headers": True}}
    desk = bench(anthropic_prod=Scripted([429, 200], {"retry-after": "7"}))
    answered, _ = desk.call(config)
    assert (answered.reply.status, desk.pauses) == (200, [7])
    desk = bench(anthropic_prod=Scripted([429], {"retry-after": "3600"}))
    answered, _ = desk.call(config)
    assert (answered.reply.status, desk.pauses) == (429, [])
    assert answered.headers()["x-portkey-retry-attempt-count"] == "0"


@pytest.mark.covers("S158")
def test_a_fallback_moves_on_when_retries_are_in_vain(bench: Any) -> None:
    first, second = Scripted([None, None]), Scripted([529, 200])
    desk = bench(anthropic_prod=first, bedrock_prod=second)
    config = {
        "retry": {"attempts": 1},
        "strategy": {"mode": "fallback"},
        "targets": [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}],
    }
    answered, record = desk.call(config)
    assert answered.headers() == {
        "x-portkey-provider": "bedrock-prod",
        "x-portkey-last-used-option-index": "config.targets[1]",
        "x-portkey-cache-status": "DISABLED",
        "x-portkey-retry-attempt-count": "1",
    }
    assert (record.attempts, record.target, desk.pauses) == (4, "config.targets[1]", [1, 1])


def test_a_provider_out_of_reach_is_a_502(bench: Any) -> None:
    desk = bench(anthropic_prod=Scripted([None]))
    refusal, record = desk.call({"provider": "@anthropic-prod"})
    assert (refusal.status, record.attempts) == (502, 1)


def test_waiting_ends_with_the_client(bench: Any) -> None:
    upstream = Scripted([529, 200])
    desk = bench(anthropic_prod=upstream)

    async def leave() -> None:
        waiting = asyncio.Event()

        async def pause(_seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        desk.gateway.pause = pause
        work = asyncio.create_task(desk.calling(RETRY))
        await waiting.wait()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        assert work.cancelled()

    asyncio.run(leave())
    assert upstream.answers == [200], "no second call after the client left"


def test_a_model_that_is_not_listed_is_that_targets_412(bench: Any) -> None:
    first, second = Scripted([]), Scripted([200])
    desk = bench(anthropic_prod=first, bedrock_prod=second)
    desk.gateway.model_lists = Lists(closed=("anthropic-prod",))
    refusal, record = desk.call({"provider": "@anthropic-prod"})
    assert (refusal.status, record.attempts) == (412, 0)
    assert refusal.body["error"]["type"] == "model_not_allowed_error"
    targets = [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}]
    answered, record = desk.call({"strategy": {"mode": "fallback"}, "targets": targets})
    assert (answered.reply.status, record.attempts) == (200, 1)

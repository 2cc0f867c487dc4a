"""Limits over real sockets: exact under concurrency, over a restart, and after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from gateway_client.bundled.governance.governor import Governor
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.store.database import open_store
from gateway_client.bundled.store.logbook import FLUSH_SECONDS
from gateway_client.bundled.store.schema import request_log

ROOT = Path(__file__).parents[3]
Run = Callable[..., AbstractContextManager[Any]]
BODY = {"model": "claude-opus-4-8", "max_tokens": 128_000, "messages": [{"role": "user", "content": "hi"}]}
DOLLAR = {"input_tokens": 0, "output_tokens": 40_000}
"""The usage that costs a dollar at 25 dollars per million tokens."""
BUDGET = {"type": "cost", "credit_limit": 10}


def limited(wire: Any, **limits: Any) -> dict[str, str]:
    """Mint a key that is bound to a config, with limits."""
    return dict(wire.mint(defaults={"config_id": wire.config()}, **limits))


def at_once(url: str, key: str, clients: int) -> Counter[int]:
    """Send one request from each of so many connections, all of them open before the first is sent."""

    async def ask() -> Counter[int]:
        headers = {"authorization": f"Bearer {key}"}
        connector = aiohttp.TCPConnector(limit=clients)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            greetings = [session.get(f"{url}/") for _ in range(clients)]
            for reply in await asyncio.gather(*greetings):
                await reply.read()

            async def one() -> int:
                async with session.post(f"{url}/v1/messages", json=BODY) as reply:
                    await reply.read()
                    return reply.status

            return Counter(await asyncio.gather(*(one() for _ in range(clients))))

    return asyncio.run(ask())


@pytest.mark.covers("S163")
def test_of_64_clients_a_rate_of_50_lets_exactly_50_start(run_gateway: Run, database: Path) -> None:
    with run_gateway(database=database) as wire:
        key = limited(wire, rate_limits=[{"type": "requests", "unit": "rpm", "value": 50}])
        assert at_once(wire.url, key["key"], 64) == {200: 50, 429: 14}
        refused = wire.ask(key["key"])
        message = f"Portkey Error: apikey {key['id']} rate limit exceded. Error Code: 05"
        assert refused.json()["error"] == {"message": message, "code": "05"}
        assert "retry-after" not in refused.headers
        wire.clock.forward(seconds=60)
        assert at_once(wire.url, key["key"], 64) == {200: 50, 429: 14}


@pytest.mark.covers("S163")
def test_a_rate_goes_on_after_a_restart_in_the_same_window(run_gateway: Run, database: Path) -> None:
    with run_gateway(database=database) as wire:
        key = limited(wire, rate_limits=[{"type": "requests", "unit": "rpm", "value": 50}])["key"]
        assert at_once(wire.url, key, 32) == {200: 32}
    wire.clock.forward(seconds=59)
    with run_gateway(wire.clock, database=database) as wire:
        assert at_once(wire.url, key, 32) == {200: 18, 429: 14}
    wire.clock.forward(seconds=1)
    with run_gateway(wire.clock, database=database) as wire:
        assert at_once(wire.url, key, 64) == {200: 50, 429: 14}


def priced(fake: Any) -> dict[str, Any]:
    """Return settings for a gateway before an upstream whose answers cost a dollar each."""
    reply = {"id": "m", "type": "message", "role": "assistant", "model": "claude-opus-4-8", "content": []}
    fake.answer("claude-opus-4-8", 200, json.dumps({**reply, "usage": DOLLAR}).encode())
    return {"upstreams": {"anthropic-prod": HttpUpstream(fake.url, SecretStr("k"))}}


@pytest.mark.covers("S162")
def test_a_budget_lets_finish_what_runs_and_start_nothing_more(
    run_gateway: Run, database: Path, fake_upstream: Any
) -> None:
    """Requests ask for 128,000 tokens, which is never reserved: what is used is what counts."""
    fields, release = priced(fake_upstream), threading.Event()
    answer = fake_upstream.behaviours["claude-opus-4-8"]

    def held(handler: Any, params: dict[str, Any]) -> None:
        assert release.wait(20)
        answer(handler, params)

    fake_upstream.behaviours["claude-opus-4-8-held"] = held
    with run_gateway(database=database, **fields) as wire, ThreadPoolExecutor(5) as pool:
        key = limited(wire, usage_limits=BUDGET)
        running = [
            pool.submit(wire.ask, key["key"], model="claude-opus-4-8-held", max_tokens=128_000)
            for _ in range(5)
        ]
        wait_for(lambda: len(fake_upstream.seen) == 5)
        assert [wire.ask(key["key"]).status_code for _ in range(12)] == [200] * 10 + [412] * 2
        release.set()
        assert [reply.result().status_code for reply in running] == [200] * 5
        assert len(fake_upstream.seen) == 15
        assert wire.ask(key["key"]).status_code == 412
    with run_gateway(wire.clock, database=database, **fields) as wire:
        assert wire.ask(key["key"]).status_code == 412
        assert wire.admin("GET", f"/api-keys/{key['id']}").json()["status"] == "exhausted"
        wire.admin("PUT", f"/api-keys/{key['id']}", json={"usage_limits": {**BUDGET, "credit_limit": 16}})
        assert [wire.ask(key["key"]).status_code for _ in range(2)] == [200, 412]  # 15 were counted
        assert len(fake_upstream.seen) == 16


@pytest.mark.covers("S162")
def test_nothing_starts_after_the_recorded_usage_reached_the_budget(
    run_gateway: Run, database: Path, fake_upstream: Any
) -> None:
    """An answer that has arrived is recorded; what is sent after ten of them must be refused."""
    fields, clients = priced(fake_upstream), 8
    answered: list[tuple[int, int]] = []
    with run_gateway(database=database, **fields) as wire, ThreadPoolExecutor(clients) as pool:
        key = limited(wire, usage_limits=BUDGET)["key"]

        def ask_until_refused(_client: int) -> None:
            status = 200
            while status == 200:
                arrived = sum(earlier == 200 for _, earlier in answered)
                status = wire.ask(key).status_code
                answered.append((arrived, status))

        list(pool.map(ask_until_refused, range(clients)))
        answered.append((10, wire.ask(key).status_code))
    assert {status for arrived, status in answered if arrived >= 10} == {412}
    assert 10 <= sum(status == 200 for _, status in answered) == len(fake_upstream.seen) < 10 + clients


@pytest.mark.covers("S162", "S163")
def test_after_a_kill_what_was_used_is_at_most_one_flush_behind(run_gateway: Run, database: Path) -> None:
    with run_gateway(database=database) as wire:
        rate = {"type": "requests", "unit": "rpw", "value": 1_000_000}
        key = limited(wire, usage_limits={"type": "tokens", "credit_limit": 10**9}, rate_limits=[rate])
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("serve_gateway.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin
    assert process.stdout
    with process:
        process.stdin.write(json.dumps({"database": str(database), "admin_token": "t" * 40}) + "\n")
        process.stdin.flush()
        url = process.stdout.readline().strip()
        killed, done = threading.Event(), []
        clients = [threading.Thread(target=ask_until, args=(url, key["key"], killed, done)) for _ in range(4)]
        try:
            for client in clients:
                client.start()
            wait_for(lambda: len(done) > 20 and time.monotonic() - done[0] > 6 * FLUSH_SECONDS)
        finally:
            process.kill()
            moment = time.monotonic()
            killed.set()
        for client in clients:
            client.join()
    store = open_store(database, datetime.now(UTC))
    now = datetime.now(UTC)
    with store.reading() as db:
        logged, tokens = db.execute(
            select(func.count(), func.sum(request_log.c.input_tokens + request_log.c.output_tokens))
        ).one()
    governor = Governor(store)
    used = governor.used(key["id"], now)["budget tokens ever"]
    store.close()
    # The log and the meters are of one moment, and what was answered long enough before the kill is in
    # them: one interval, and as much again twice for a busy machine's disk.
    assert used == tokens
    assert logged >= sum(answered < moment - 3 * FLUSH_SECONDS for answered in done)
    assert logged <= len(done) + len(clients)


def ask_until(url: str, key: str, over: threading.Event, done: list[float]) -> None:
    """Ask again and again, and note when each answer was there."""

    async def asking() -> None:
        headers = {"authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while not over.is_set():
                async with session.post(f"{url}/v1/messages", json=BODY) as reply:
                    assert reply.status == 200
                    await reply.read()
                done.append(time.monotonic())

    try:
        asyncio.run(asking())
    except aiohttp.ClientError:
        assert over.wait(5), "the gateway went away before it was killed"


def wait_for(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds; fail after 20 seconds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)

"""Stopped in the middle of everything, by SIGKILL or SIGTERM: what was acknowledged is there afterwards."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store.logbook import FLUSH_SECONDS

ADMIN = {"x-portkey-api-key": "killed-admin-token-0123456789abcdefghij"}
COMMIT_SECONDS = 0.75
"""What a commit may take on a busy machine, after the flush interval."""
BODY = {"model": "claude-opus-4-8", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def process(database: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("serve_gateway.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdin
    started.stdin.write(
        json.dumps({"database": str(database), "admin_token": ADMIN["x-portkey-api-key"]}) + "\n"
    )
    started.stdin.flush()
    with started:
        yield started
        started.kill()


class Load:
    """Calls a gateway from some threads, and writes down what it acknowledged and when."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.configs: list[str] = []
        self.keys: list[str] = []
        self.revoked: list[str] = []
        self.asked: list[tuple[float, str]] = []
        self.enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._until_it_is_gone, args=(work,))
            for work in (self._change, self._change, self._ask, self._ask)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _until_it_is_gone(self, work: Callable[[requests.Session, int], None]) -> None:
        with requests.Session() as session, suppress(requests.RequestException):
            for number in itertools.count():
                work(session, number)

    def _change(self, session: requests.Session, number: int) -> None:
        config = {"name": f"c-{number}", "config": {"provider": "@anthropic-prod"}}
        slug = self._admin(session, "POST", "/configs", config)["slug"]
        self.configs.append(slug)
        body = {"name": "k", "scopes": ["completions.write"], "defaults": {"config_id": slug}}
        key = self._admin(session, "POST", "/api-keys/workspace/service", body)
        if number % 2:
            self.keys.append(key["key"])
        else:
            self._admin(session, "DELETE", f"/api-keys/{key['id']}")
            self.revoked.append(key["key"])
        if len(self.revoked) > 5 and len(self.asked) > 50:
            self.enough.set()

    def _ask(self, session: requests.Session, number: int) -> None:
        if not self.keys:
            time.sleep(0.01)
            return
        trace = f"{threading.get_ident()}-{number}"
        reply = ask(session, self.url, self.keys[0], trace)
        assert reply.status_code == 200, reply.text
        self.asked.append((time.monotonic(), trace))

    def _admin(self, session: requests.Session, method: str, path: str, body: Any = None) -> dict[str, Any]:
        reply = session.request(method, f"{self.url}/v1{path}", json=body, headers=ADMIN, timeout=20)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())


def ask(session: requests.Session, url: str, key: str, trace: str = "after") -> requests.Response:
    headers = {"authorization": f"Bearer {key}", "x-portkey-trace-id": trace}
    return session.post(f"{url}/v1/messages", json=BODY, headers=headers, timeout=20)


def everything(url: str, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in itertools.count():
        params = {"page_size": 1000, "current_page": page}
        reply = requests.get(f"{url}/v1{path}", headers=ADMIN, params=params, timeout=20).json()
        found += reply["data"]
        if len(found) >= reply["total"]:
            return found
    raise AssertionError


@pytest.mark.covers("S178")
@pytest.mark.parametrize(
    ("number", "behind"), [(signal.SIGKILL, FLUSH_SECONDS + COMMIT_SECONDS), (signal.SIGTERM, 0)]
)
def test_nothing_acknowledged_is_lost_and_the_log_is_one_flush_behind_at_most(
    process: subprocess.Popen[str], database: Path, number: int, behind: float
) -> None:
    assert process.stdout
    load = Load(process.stdout.readline().strip())
    load.start()
    assert load.enough.wait(60)
    time.sleep(2 * (FLUSH_SECONDS + COMMIT_SECONDS))
    killed = time.monotonic()
    process.send_signal(number)
    process.wait(20)
    load.join()
    settings = GatewaySettings(database, SecretStr(ADMIN["x-portkey-api-key"]))
    with Embedded(settings) as gateway, requests.Session() as session:
        logged = {entry["trace_id"] for entry in everything(gateway.url, "/logs")}
        assert set(load.configs) <= {config["slug"] for config in everything(gateway.url, "/configs")}
        assert {ask(session, gateway.url, key).status_code for key in load.keys} == {200}
        assert {ask(session, gateway.url, key).status_code for key in load.revoked} == {401}
    due = {trace for moment, trace in load.asked if not behind or moment < killed - behind}
    assert len(due) > 50
    assert due - logged == set()

"""A real gateway on a real socket, a clock that tests can move, and an upstream that misbehaves on demand."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: int) -> None:
        self.now += timedelta(**amount)


@dataclass
class Wire:
    """Speaks to one gateway as an admin and as a client."""

    url: str
    clock: MovableClock = field(default_factory=MovableClock)
    session: requests.Session = field(default_factory=requests.Session)

    def admin(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"x-portkey-api-key": ADMIN, **options.pop("headers", {})}
        return self.session.request(method, f"{self.url}/v1{path}", headers=headers, timeout=20, **options)

    def config(self, body: dict[str, Any] | None = None, name: str = "desktop-eng-prod") -> str:
        """Save a config and return its slug."""
        sent = {"name": name, "config": body or {"provider": "@anthropic-prod"}}
        reply = self.admin("POST", "/configs", json=sent)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["slug"])

    def mint(self, **fields: Any) -> dict[str, str]:
        """Mint a workspace key; returns its id and secret (`key`)."""
        body = {"name": "claude-desktop-eng-prod", "scopes": ["completions.write"], **fields}
        reply = self.admin("POST", "/api-keys/workspace/service", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def bound(self, config: dict[str, Any] | None = None, **defaults: Any) -> dict[str, str]:
        """Mint a key as the tool does: bound to a new config that no header can change."""
        slug = self.config(config)
        return self.mint(defaults={"config_id": slug, "allow_config_override": False, **defaults})

    def ask(
        self,
        key: str | None,
        text: str = "hi",
        *,
        path: str = "/v1/messages",
        headers: dict[str, str] | None = None,
        stream: bool = False,
        **params: Any,
    ) -> requests.Response:
        """Send one message as Claude Code does, with the key as bearer."""
        body = {
            "model": "claude-opus-4-8",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": text}],
            **params,
        }
        if stream:
            body["stream"] = True
        credential = {"authorization": f"Bearer {key}"} if key else {}
        return self.session.post(
            self.url + path, json=body, headers={**credential, **(headers or {})}, stream=stream, timeout=20
        )

    def logs(self, **filters: str) -> list[dict[str, Any]]:
        """Return the request log, newest first."""
        reply = self.admin("GET", "/logs", params=filters)
        assert reply.status_code == 200, reply.text
        return list(reply.json()["data"])


def events(reply: requests.Response) -> list[tuple[str, dict[str, Any]]]:
    """Read an event stream whole: (event, data) pairs; fails on a block that has not both."""
    found = []
    for block in reply.content.decode().strip().split("\n\n"):
        event, data = block.split("\n")
        assert event.startswith("event: ")
        assert data.startswith("data: ")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.fixture(scope="session")
def read_events() -> Callable[[requests.Response], list[tuple[str, dict[str, Any]]]]:
    return events


@pytest.fixture(scope="module")
def start_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Wire]]:
    """Start gateways that live until the module ends; takes fields of `GatewaySettings`."""
    running: list[Embedded] = []

    def start(**fields: Any) -> Wire:
        clock = MovableClock()
        fields.setdefault("database", tmp_path_factory.mktemp("gateway") / "state" / "gateway.db")
        settings = GatewaySettings(admin_token=SecretStr(ADMIN), **fields)
        embedded = Embedded(settings, clock=clock)
        running.append(embedded.__enter__())
        return Wire(embedded.url, clock)

    yield start
    for embedded in running:
        embedded.__exit__(None, None, None)


@pytest.fixture(scope="session")
def run_gateway() -> Callable[..., contextlib.AbstractContextManager[Wire]]:
    """Run a gateway for a `with` block, as often as wanted on one database and with one clock."""

    @contextlib.contextmanager
    def run(clock: MovableClock | None = None, **fields: Any) -> Iterator[Wire]:
        clock = clock or MovableClock()
        settings = GatewaySettings(admin_token=SecretStr(ADMIN), **fields)
        with Embedded(settings, clock=clock) as embedded:
            yield Wire(embedded.url, clock)

    return run


@pytest.fixture(scope="module")
def wire(start_gateway: Callable[..., Wire]) -> Wire:
    """One gateway with the shipped settings, shared by a module's tests."""
    return start_gateway()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "gateway.db"


Behaviour = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class UpstreamServer(ThreadingHTTPServer):
    """Says nothing of a gateway that hangs up, which is what some tests are about."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), BrokenPipeError | ConnectionResetError):
            super().handle_error(request, client_address)


class FakeUpstream:
    """An Anthropic-compatible service whose behaviour is chosen by the model's name."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.behaviours: dict[str, Behaviour] = {}
        self.connections: set[tuple[str, int]] = set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.seen.append((self.path, headers, body))
                fake.connections.add(self.client_address)
                params = json.loads(body)
                fake.behaviours[params["model"]](self, params)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = UpstreamServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def answer(
        self, model: str, status: int, body: bytes, content_type: str = "application/json", **headers: str
    ) -> None:
        """Make a model answer with these bytes."""

        def behave(handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
            handler.send_response(status)
            handler.send_header("content-type", content_type)
            handler.send_header("content-length", str(len(body)))
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.behaviours[model] = behave

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake_upstream() -> Iterator[FakeUpstream]:
    fake = FakeUpstream()
    yield fake
    fake.close()

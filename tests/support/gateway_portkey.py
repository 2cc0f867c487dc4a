"""A stand-in for Portkey's admin API: real sockets, state, and a switch for each quirk in facts/portkey.md.

`PortkeySimulator` answers; tests turn its `quirks`, queue `faults`, and read `requests` and `keys`.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

ADMIN_KEY = "admin-key-of-the-simulator-0123456789"
WORKSPACE = "6e5a9f93-0000-4000-8000-000000000001"
WORKSPACE_SLUG = "ws-engine-6e5a9f"
NOW = "2026-11-20T10:00:00.000Z"


@dataclass
class Quirks:
    """How this gateway differs from the next one."""

    page_size: int = 100
    """Pages are never longer, whatever is asked for."""
    ignores_paging: bool = False
    endless: bool = False
    total: Callable[[int, int], int | None] = lambda count, page: count
    """(true count, page) to the total that is told; None leaves it out."""
    lists: Literal["list", "success", "nested"] = "list"
    errors: Literal["data", "error", "flat"] = "data"
    created_config: Literal["flat", "wrapped"] = "flat"
    read_config: Literal["string", "object", "wrapped"] = "string"
    hides_missing: bool = False
    """403 AB03 instead of 404 AB08."""
    denied: frozenset[str] = frozenset()
    """Methods that the admin key lacks the scope for."""
    listing_lag: int = 0
    """Listings of configs that still miss the newest one."""
    key_fields: dict[str, Any] = field(default_factory=dict)
    """Overrides in every key that is read."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Fault:
    """Something that goes wrong with the next matching requests, before or after they did their work."""

    method: str
    path: str
    act: Callable[[_Handler], None]
    after: bool
    times: int


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class PortkeySimulator:
    """State and behaviour; `url` once it is running."""

    def __init__(self) -> None:
        self.quirks = Quirks()
        self.keys: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.in_transition: set[str] = set()
        self.requests: list[Request] = []
        self.connections = 0
        self.faults: list[Fault] = []
        self.url = ""
        self._made = 0

    def fault(
        self, method: str, path: str, act: Callable[[_Handler], None], *, after: bool = False, times: int = 1
    ) -> None:
        """Queue a fault for requests whose path starts with `path`."""
        self.faults.append(Fault(method, path, act, after, times))

    def take_fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and path.startswith(fault.path):
                fault.times -= 1
                return fault
        return None

    def count(self, method: str, path: str) -> int:
        return sum(1 for one in self.requests if one.method == method and one.path.startswith(path))

    def answer(self, request: Request) -> dict[str, Any]:
        """Do what a request asks; raise `Refusal` for a refusal."""
        parts = [part for part in request.path.split("/") if part]
        if parts == ["v1", "messages"]:
            return self._message(request)
        if request.headers.get("x-portkey-api-key") != ADMIN_KEY:
            raise Refusal(401, "AB05", "Unauthorized")
        if request.method in self.quirks.denied:
            raise Refusal(403, "AB03", "You do not have enough permissions to execute this request")
        match request.method, parts:
            case "GET", ["v1", "api-keys"]:
                return self._list([self._shown_key(key) for key in self.keys.values()], request)
            case "POST", ["v1", "api-keys", "workspace", "service"]:
                return self._create_key(request.body)
            case "PUT", ["v1", "api-keys", key_id]:
                return self._update_key(self._found(self.keys, key_id), request.body)
            case "DELETE", ["v1", "api-keys", key_id]:
                self._found(self.keys, key_id)
                del self.keys[key_id]
                self.secrets.pop(key_id, None)
                return {}
            case "POST", ["v1", "api-keys", key_id, "rotate"]:
                return self._rotate(self._found(self.keys, key_id))
            case "GET", ["v1", "configs"]:
                return self._list(self._listed_configs(), request)
            case "POST", ["v1", "configs"]:
                return self._create_config(request.body)
            case "GET", ["v1", "configs", slug]:
                return self._read_config(self._found(self.configs, slug))
            case "PUT", ["v1", "configs", slug]:
                config = self._found(self.configs, slug)
                config |= {"name": request.body["name"], "config": request.body["config"]}
                return {"success": True, "data": {"version_id": self._id()}}
            case "GET", ["v1", "admin", "workspaces", name] if name in {WORKSPACE, WORKSPACE_SLUG}:
                return {"id": WORKSPACE, "slug": WORKSPACE_SLUG, "name": "engineering", "object": "workspace"}
        raise Refusal(404, "AB08", "Resource not found")

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        match self.quirks.errors:
            case "data":
                return {"success": False, "data": {"message": refusal.message, "errorCode": refusal.code}}
            case "error":
                return {
                    "error": {"message": refusal.message, "code": refusal.code, "param": None, "type": "x"}
                }
            case "flat":
                return {"errorCode": refusal.code, "message": refusal.message}

    def add_keys(self, count: int) -> None:
        for number in range(count):
            self._create_key({"name": f"key-{number}", "scopes": ["completions.write"]})

    def add_config(self, name: str, body: dict[str, Any]) -> str:
        self._create_config({"name": name, "config": body})
        return next(reversed(self.configs))

    def _id(self) -> str:
        self._made += 1
        return str(uuid.UUID(int=(0x4000_8000 << 48) + self._made))

    def _found(self, things: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
        if name in things:
            return things[name]
        if self.quirks.hides_missing:
            raise Refusal(403, "AB03", "You do not have enough permissions to execute this request")
        raise Refusal(404, "AB08", "Resource not found")

    def _list(self, items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        page = int(request.query.get("current_page", "0"))
        size = min(int(request.query.get("page_size", "50")), self.quirks.page_size)
        total = self.quirks.total(len(items), page)
        if self.quirks.endless:
            items = [{**items[0], "id": self._id()}]
        elif not self.quirks.ignores_paging:
            items = items[page * size : (page + 1) * size]
        told = {"object": "list", "data": items} | ({} if total is None else {"total": total})
        match self.quirks.lists:
            case "list":
                return told
            case "success":
                return {"success": True, "data": items}
            case "nested":
                return {"success": True, "data": told}

    def _create_key(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body.get("name") or not body.get("scopes"):
            raise Refusal(400, "AB01", "Invalid request. Please check and try again.")
        key_id = self._id()
        self.keys[key_id] = {"id": key_id, **body}
        return {"id": key_id, "key": self._secret(key_id), "object": "api-key"}

    def _update_key(self, key: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        key |= body
        return {}

    def _rotate(self, key: dict[str, Any]) -> dict[str, Any]:
        if key["id"] in self.in_transition:
            raise Refusal(400, "AB01", "API key rotation is not allowed while a key transition is active")
        self.in_transition.add(key["id"])
        return {"id": key["id"], "key": self._secret(key["id"]), "key_transition_expires_at": NOW}

    def _secret(self, key_id: str) -> str:
        self.secrets[key_id] = f"secret-{key_id}-{len(self.secrets)}"
        return self.secrets[key_id]

    def _shown_key(self, key: dict[str, Any]) -> dict[str, Any]:
        """Return a key as the real API lists it (facts/portkey.md 4.2)."""
        defaults = key.get("defaults") or {}
        return {
            "id": key["id"],
            "key": "z1*****3AX",
            "name": key["name"],
            "description": key.get("description"),
            "type": "workspace-service",
            "workspace_id": WORKSPACE,
            "status": "active",
            "created_at": NOW,
            "creation_mode": "api",
            "rate_limits": key.get("rate_limits") or [],
            "usage_limits": key.get("usage_limits") or {"is_expired_alerts_sent": True},
            "expires_at": key.get("expires_at"),
            "expiry_enforced": 0,
            "scopes": key["scopes"],
            "defaults": {
                "metadata": defaults.get("metadata"),
                "config_id": defaults.get("config_id"),
                "allow_config_override": False,
            },
            "object": "api-key",
        } | self.quirks.key_fields

    def _create_config(self, body: dict[str, Any]) -> dict[str, Any]:
        config_id = self._id()
        slug = f"pc-{body['name'][:6].lower()}-{config_id[-6:]}"
        self.configs[slug] = {
            "id": config_id,
            "slug": slug,
            "name": body["name"],
            "workspace_id": WORKSPACE,
            "is_default": 0,
            "status": "active",
            "config": body["config"],
            "object": "config",
        }
        version = self._id()
        if self.quirks.created_config == "wrapped":
            return {"success": True, "data": {"id": config_id, "version_id": version}}
        return {"id": config_id, "slug": slug, "version_id": version, "object": "config"}

    def _listed_configs(self) -> list[dict[str, Any]]:
        shown = [{k: v for k, v in one.items() if k != "config"} for one in self.configs.values()]
        if self.quirks.listing_lag:
            self.quirks.listing_lag -= 1
            return shown[:-1]
        return shown

    def _read_config(self, config: dict[str, Any]) -> dict[str, Any]:
        match self.quirks.read_config:
            case "string":
                text = json.dumps(config["config"])
                return {**config, "config": text, "format": "json", "type": "ORG_CONFIG"}
            case "object":
                return config
            case "wrapped":
                return {"success": True, "data": {"config": config["config"]}}

    def _message(self, request: Request) -> dict[str, Any]:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.secrets.values():
            message = f"Portkey Error: Invalid API Key {bearer}. Error Code: 03"
            raise Refusal(401, "03", message)
        return {"id": "msg_1", "type": "message", "model": request.body["model"], "content": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    disable_nagle_algorithm = True
    simulator: PortkeySimulator

    def setup(self) -> None:
        super().setup()
        self.simulator.connections += 1

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ssl.SSLError):
            self.close_connection = True  # the client hung up: what many of these tests make it do

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        body = json.loads(raw) if raw else None
        request = Request(self.command, url.path, query, dict(self.headers.items()), body)
        self.simulator.requests.append(request)
        fault = self.simulator.take_fault(self.command, url.path)
        if fault and not fault.after:
            fault.act(self)
            return
        try:
            status, answer = 200, self.simulator.answer(request)
        except Refusal as refusal:
            status, answer = refusal.status, self.simulator.refusal(refusal)
        if fault:
            fault.act(self)
            return
        self.reply(status, json.dumps(answer).encode())

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def reply(
        self,
        status: int,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        length: int | None = None,
    ) -> None:
        self.send_response_only(status)
        told = {
            "Date": self.date_time_string(),
            "Content-Type": "application/json",
            "Content-Length": str(length or len(content)),
        }
        for name, value in (told | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        self.close_connection = True
        # Close for real: a TLS socket keeps the connection open until its last reference goes.
        socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


def answering(
    status: int, content: bytes = b"{}", headers: Mapping[str, str] | None = None
) -> Callable[[_Handler], None]:
    """A fault that gives this answer."""
    return lambda handler: handler.reply(status, content, headers)


def hanging_up(handler: _Handler) -> None:
    """A fault: the connection ends without an answer."""
    handler.hang_up()


def truncating(handler: _Handler) -> None:
    """A fault: the answer ends in its middle."""
    handler.reply(200, b'{"object": "list", "da', length=500)
    handler.hang_up()


def garbling(handler: _Handler) -> None:
    """A fault: bytes that are no TLS in the midst of a TLS connection."""
    socket.socket.send(handler.connection, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    handler.hang_up()


def silent(seconds: float) -> Callable[[_Handler], None]:
    """A fault: no answer for so long."""

    def act(handler: _Handler) -> None:
        time.sleep(seconds)
        handler.hang_up()

    return act


def dripping(part: Literal["head", "body"], every: float, times: int) -> Callable[[_Handler], None]:
    """A fault: one byte now and then, so that no socket timeout ever ends it."""

    def act(handler: _Handler) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        handler.wfile.write(head + (b"X-Slow: " if part == "head" else b"Content-Length: 9999\r\n\r\n"))
        for _ in range(times):
            time.sleep(every)
            handler.wfile.write(b"x")
        handler.hang_up()

    return act


@contextmanager
def simulating(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[PortkeySimulator]:
    """Run a simulator on a free port of loopback."""
    simulator = PortkeySimulator()
    handler = type("Handler", (_Handler,), {"simulator": simulator})
    server = _Server6((host, 0), handler) if ":" in host else _Server((host, 0), handler)
    server.tls = tls
    shown = f"[{host}]" if ":" in host else host
    simulator.url = f"{'https' if tls else 'http'}://{shown}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield simulator
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the TLS handshake in the connection's own thread."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            wrapped = self.tls.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return  # the client refused us: what the TLS tests make it do
        with wrapped:
            super().finish_request(wrapped, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class Listener:
    """Takes connections and keeps what they send: for places that must receive nothing."""

    def __init__(self, sock: socket.socket) -> None:
        self.port: int = sock.getsockname()[1]
        self.connections = 0
        self.received = b""


@contextmanager
def listening(host: str = "127.0.0.1") -> Iterator[Listener]:
    """Run a listener on a free port of loopback; on leaving, all that came has been counted."""
    with socket.create_server((host, 0)) as server:
        server.settimeout(0.02)
        listener = Listener(server)
        done = threading.Event()

        def take() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                listener.connections += 1
                connection.settimeout(0.02)
                with connection:
                    _keep(connection, listener, done)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            done.set()
            thread.join()


def _keep(connection: socket.socket, listener: Listener, done: threading.Event) -> None:
    """Keep what comes, answer nothing, and hold the line until the other side or the test ends it."""
    while True:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            if done.is_set():
                return
            continue
        except ConnectionError:
            return
        if not data:
            return
        listener.received += data

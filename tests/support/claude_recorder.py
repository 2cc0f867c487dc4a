"""A listener on loopback that keeps every request: a trap that answers 403, or a stop before a gateway."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSAL = b'{"type":"error","error":{"type":"permission_error","message":"caught"}}'
NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came over the wire; `headers` keeps repeated ones."""

    line: str
    headers: Message
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return every value of a header, in any case of its name."""
        return self.headers.get_all(name, [])

    def holds(self, text: str) -> bool:
        """Tell whether a text stands anywhere in the request."""
        return any(
            text in part for part in (self.line, str(self.headers), self.body.decode(errors="replace"))
        )


class Recorder(ThreadingHTTPServer):
    """Keeps requests in `seen`, from before they are answered. `onward` is the gateway's host and port."""

    def __init__(self, port: int, onward: str | None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{port}"
        self.onward = onward
        self.seen: list[Seen] = []


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _record(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append(Seen(f"{self.command} {self.path}", self.headers, body))
        if self.server.onward is None:
            self._answer(403, [("content-type", "application/json")], REFUSAL)
            return
        gateway = http.client.HTTPConnection(self.server.onward, timeout=30)
        try:
            gateway.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                gateway.putheader(name, value)
            gateway.endheaders(body)
            reply = gateway.getresponse()
            self._answer(reply.status, reply.getheaders(), reply.read())
        finally:
            gateway.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing on stderr."""

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_CONNECT = _record


@contextmanager
def listening(port: int, *, onward: str | None = None) -> Iterator[Recorder]:
    """Listen until the block ends."""
    with Recorder(port, onward) as recorder:
        thread = threading.Thread(target=recorder.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield recorder
        finally:
            recorder.shutdown()
            thread.join()

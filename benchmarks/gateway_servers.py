"""The processes of `gateway.py`: the upstream, the bare pass-through, and the bundled gateway.

Each listens on a free port of the loopback, prints it in one line, and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

ANSWER = json.dumps(
    {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [{"type": "text", "text": "All work and no play. " * 25}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 150, "cache_read_input_tokens": 0},
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENTS = 5
GAP_SECONDS = 0.01


class Upstream(asyncio.Protocol):
    """Answers each POST with the same message; a streamed one with events that tell when they left.

    No parser and no framework, so that it is never what is measured.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._due = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= self._due:
            if not self._due:
                end = self._received.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = bytes(self._received[:end]).lower()
                self._due = end + 4 + int(head.partition(b"\r\ncontent-length:")[2].split(b"\r", 1)[0])
                continue
            streamed = self._received.find(b'"stream":true', 0, self._due) >= 0
            del self._received[: self._due]
            self._due = 0
            if streamed:
                asyncio.get_running_loop().create_task(self._stream())
            else:
                self._transport.write(WHOLE)

    async def _stream(self) -> None:
        self._transport.write(STREAM_HEAD)
        for number in range(EVENTS):
            if number:
                await asyncio.sleep(GAP_SECONDS)
            event = (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                b'"delta":{"type":"text_delta","text":"@%d@"}}\n\n' % time.monotonic_ns()
            )
            self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        self._transport.write(b"0\r\n\r\n")


async def upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def bare(target: str) -> None:
    """Serve the bare pass-through: what uvicorn and aiohttp cost, without a gateway between them."""
    import aiohttp
    import uvicorn

    session: aiohttp.ClientSession | None = None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal session
        if session is None:
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        passed = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "k"}
        async with session.post(target + scope["path"], data=body, headers=passed) as reply:
            headers = [(b"content-type", reply.headers["content-type"].encode())]
            if "content-length" in reply.headers:
                headers.append((b"content-length", reply.headers["content-length"].encode()))
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            async for chunk in reply.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    import socket

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False,
    )  # fmt: skip
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def bundled(target: str, database: str) -> None:
    """Serve the bundled gateway as a user does; its admin token comes on standard input."""
    from pydantic import SecretStr

    from gateway_client.bundled.server import serve
    from gateway_client.bundled.settings import GatewaySettings, HttpUpstream

    logging.basicConfig(level=logging.WARNING)
    settings = GatewaySettings(
        Path(database),
        SecretStr(sys.stdin.readline().strip()),
        upstreams={"anthropic-prod": HttpUpstream(target, SecretStr("upstream-key"))},
    )
    serve(settings, port=0, on_ready=lambda url, _: print(url.rpartition(":")[2], flush=True))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    match sys.argv[1:]:
        case ["upstream"]:
            uvloop.run(upstream())
        case ["bare", target]:
            bare(target)
        case ["bundled", target, database]:
            bundled(target, database)

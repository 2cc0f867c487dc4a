"""HTTP/1.1 connections to one service, kept for the next request; parsed by llhttp, as Node does.

Written for this gateway because the call was most of what a small request costs: in the place of
aiohttp's client it takes some 100 of 285 microseconds off (measured). It does no more than a data
plane needs: POST with a whole body, no redirects, no cookies, no proxy, no decompression.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httptools

from gateway_client.bundled.upstreams.port import Broken, Unreachable

CONNECT_SECONDS = 10
SILENCE_SECONDS = 600  # what real clients wait for themselves (facts/claude-code.md 4: API_TIMEOUT_MS)
IDLE_SECONDS = 15
"""How long an unused connection is kept: services and what stands before them close theirs after a minute."""
SWEEP_SECONDS = 5
HELD_BYTES = 256 * 1024
"""Bytes of an answer that wait for a slow client, before the service has to wait as well."""
HEAD_BYTES = 64 * 1024


class Pool:
    """The connections to one host and port; as many as there are requests under way."""

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        self._host = host
        self._port = port
        self._tls = ssl.create_default_context() if tls else None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def post(self, head: bytes, body: bytes) -> Connection:
        """Send a request, and return its connection when the head of the answer is there.

        `head` ends with the empty line. The connection must be closed. Raises `Unreachable`.
        """
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            await connection.ask(head, body)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Break every connection off."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._open):
            connection.abort()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, loop),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except (TimeoutError, OSError) as exc:  # what `ssl` raises is one, too
            raise Unreachable(f"the upstream could not be reached ({type(exc).__name__})") from exc
        if self._sweep is None:
            self._sweep = loop.call_later(SWEEP_SECONDS, self._look, loop)
        return connection

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is silent for too long. One timer for all costs a request nothing."""
        now = loop.time()
        for connection in tuple(self._open):
            if now - connection.active > (IDLE_SECONDS if connection in self._idle else SILENCE_SECONDS):
                connection.abort()
        self._sweep = loop.call_later(SWEEP_SECONDS, self._look, loop) if self._open else None

    def opened(self, connection: Connection) -> None:
        """Take a connection that was made."""
        self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def freed(self, connection: Connection) -> None:
        """Keep a connection whose answer is read."""
        self._idle.append(connection)


class Connection(asyncio.Protocol):
    """One connection, and the answer that is under way on it.

    `status` and `headers` (names in lower case) are of the answer's head; `active` is the loop's time
    of the last byte in either direction.
    """

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.active = loop.time()
        self._pool = pool
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._head: asyncio.Future[None] | None = None
        self._more: asyncio.Future[None] | None = None
        self._received: list[bytes] = []
        self._held = 0
        self._head_length = 0
        self._paused = self._complete = self._reusable = self._lost = self._in_use = False

    async def ask(self, head: bytes, body: bytes) -> None:
        """Send a request and wait for the head of its answer."""
        self.status, self.headers, self._head_length = 0, {}, 0
        self._complete, self._reusable, self._in_use = False, False, True
        self._head = self._loop.create_future()
        self.active = self._loop.time()
        self._transport.writelines((head, body))
        await self._head

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the answer's bytes as they come. Raises `Broken`."""
        while True:
            if self._received:
                data = self._received[0] if len(self._received) == 1 else b"".join(self._received)
                self._received.clear()
                self._held = 0
                if self._paused:
                    self._paused = False
                    self._transport.resume_reading()
                yield data
            elif self._complete:
                return
            elif self._lost:
                raise Broken("the upstream's answer broke off")
            else:
                self._more = self._loop.create_future()
                await self._more

    def close(self) -> None:
        """Give the connection back, or up where the answer was not read to its end."""
        if not self._in_use:
            return
        self._in_use = False
        if self._reusable and not self._lost and not self._received:
            self._pool.freed(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Break the connection off."""
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's is none by class
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the service."""
        self.active = self._loop.time()
        if not self._in_use:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
            return
        if not self.status:
            self._head_length += len(data)
            if self._head_length > HEAD_BYTES:
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; an answer without a length ends with its connection (RFC 9112, 6.3)."""
        self._lost = True
        self._pool.lost(self)
        if self._head is not None and not self._head.done():
            self._head.set_exception(Unreachable("the upstream closed the connection without an answer"))
        elif not {"content-length", "transfer-encoding"} & self.headers.keys() and exc is None:
            self._complete = True
        self._wake()

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those of one name are one list."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """Take the end of a head; one of 1xx is followed by another."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = {}
            return
        self.status = status
        if self._head is not None and not self._head.done():
            self._head.set_result(None)

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._received.append(data)
        self._held += len(data)
        if self._held > HELD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """Take the end of the answer."""
        if self.status:
            self._complete = True
            self._reusable = self._parser.should_keep_alive()  # only known until the next answer begins
            self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

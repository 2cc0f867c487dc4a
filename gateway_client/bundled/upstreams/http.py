"""An Anthropic-compatible service over HTTP: connections are reused, bytes pass as they come.

No redirects are followed and no proxy of the environment is used: the key goes to the address that
was set and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.upstreams.connections import Pool
from gateway_client.bundled.upstreams.port import Broken, Outgoing, Reply
from gateway_client.redaction import redacted

LONGEST_REFUSAL = 1024 * 1024
"""Bytes of an answer with an error's status, which is looked through as a whole."""


class HttpClient:
    """Implements `port.Upstream` for one service."""

    def __init__(self, upstream: HttpUpstream) -> None:
        self._upstream = upstream
        parts = urlsplit(upstream.base_url)
        tls = parts.scheme == "https"
        host = (parts.hostname or "").encode("idna").decode("ascii")
        self._pool = Pool(host, parts.port or (443 if tls else 80), tls=tls)
        self._path = parts.path.rstrip("/")
        name = f"[{host}]" if ":" in host else host
        # identity: compressed events would wait for one another in the compressor.
        self._headers = (
            f"host: {name}:{parts.port}\r\n" if parts.port else f"host: {name}\r\n"
        ) + f"user-agent: {PRODUCT}\r\naccept: */*\r\naccept-encoding: identity\r\n"

    async def call(self, request: Outgoing) -> Reply:
        """Post the request to the service; see `port.Upstream`."""
        connection = await self._pool.post(self._head(request), request.body)

        async def close() -> None:
            connection.close()

        if connection.status < 400:
            return Reply(connection.status, connection.headers, connection.chunks(), close)
        # A refusal may quote what was sent, and no client must see the upstream's key.
        key = self._upstream.key.get_secret_value()
        headers = {name: redacted(value, key) for name, value in connection.headers.items()}
        return Reply(connection.status, headers, _without(key, connection.chunks()), close)

    async def close(self) -> None:
        """Break every connection off."""
        self._pool.close()
        await asyncio.sleep(0)  # lets the transports see it before the loop ends

    def _head(self, request: Outgoing) -> bytes:
        key = self._upstream.key.get_secret_value()
        credential = (
            f"x-api-key: {key}" if self._upstream.auth == "x-api-key" else f"authorization: Bearer {key}"
        )
        own = f"{self._headers}content-length: {len(request.body)}\r\n{credential}\r\n"
        passed = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
        head = f"POST {self._path}{request.path} HTTP/1.1\r\n{own}{passed}\r\n"
        # Request line, length, credential, the empty line: none of them, the key neither, may hold more.
        breaks = self._headers.count("\n") + 4 + len(request.headers)
        if not breaks == head.count("\r\n") == head.count("\n") == head.count("\r"):
            raise ValueError("a header or path holds a line break")  # nothing that a server's parser lets in
        return head.encode("latin-1")


async def _without(key: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    parts, length = [], 0
    async for chunk in chunks:
        parts.append(chunk)
        length += len(chunk)
        if length > LONGEST_REFUSAL:  # cut, it could end within the key, which would not be recognised
            raise Broken(f"the upstream's error is longer than {LONGEST_REFUSAL} bytes")
    whole = b"".join(parts)
    yield redacted(whole.decode("latin-1"), key).encode("latin-1")

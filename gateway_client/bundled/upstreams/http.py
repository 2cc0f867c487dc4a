"""An Anthropic-compatible service over HTTP: connections are reused, bytes pass as they come.

No redirects are followed and no proxy of the environment is used: the key goes to the address that
was set and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.upstreams.port import Broken, Outgoing, Reply, Unreachable
from gateway_client.redaction import redacted

CONNECT_SECONDS = 10
SILENCE_SECONDS = 600  # what real clients wait for themselves (facts/claude-code.md 4: API_TIMEOUT_MS)


class HttpClient:
    """Implements `port.Upstream` for one service. The session is made by the first call."""

    def __init__(self, upstream: HttpUpstream) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def call(self, request: Outgoing) -> Reply:
        """Post the request to the service; see `port.Upstream`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
                ),
                headers={"user-agent": PRODUCT},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        url = URL(self._upstream.base_url.rstrip("/") + request.path, encoded=True)
        # identity: compressed events would wait for one another in the compressor.
        headers = {**request.headers, "accept-encoding": "identity", **self._credential()}
        try:
            response = await self._session.post(
                url, data=request.body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unreachable(f"the upstream could not be reached ({type(exc).__name__})") from exc

        async def close() -> None:
            response.close()

        reply_headers = {name.lower(): value for name, value in response.headers.items()}
        chunks = _chunks(response)
        if response.status >= 400:
            # A refusal may quote what was sent, and no client must see the upstream's key.
            key = self._upstream.key.get_secret_value()
            reply_headers = {name: redacted(value, key) for name, value in reply_headers.items()}
            chunks = _without(key, chunks)
        return Reply(response.status, reply_headers, chunks, close)

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the transports see it before the loop ends

    def _credential(self) -> dict[str, str]:
        key = self._upstream.key.get_secret_value()
        return (
            {"x-api-key": key} if self._upstream.auth == "x-api-key" else {"authorization": f"Bearer {key}"}
        )


async def _without(key: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    whole = b"".join([chunk async for chunk in chunks])
    yield redacted(whole.decode("latin-1"), key).encode("latin-1")


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Broken(f"the upstream's answer broke off ({type(exc).__name__})") from exc

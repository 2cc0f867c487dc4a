"""One MCP server behind the gateway: asked for its tools, and called, over streamable HTTP.

Every question is a session of its own, begun and ended in the task of the request that needs it:
nothing runs in between, and what a server keeps in a session is nobody else's. No redirects to
other hosts and no proxy of the environment: the key goes to the address that was set.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

import httpx2
from mcp import Client, ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    HEADER_MISMATCH,
    PARSE_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    PaginatedRequestParams,
    Tool,
)
from pydantic import ValidationError

from gateway_client import frames
from gateway_client.bundled import PRODUCT
from gateway_client.bundled.settings import McpServer
from gateway_client.redaction import redacted

CONNECT_SECONDS = 5
LISTING_SECONDS = 10
MAX_ANSWER = 16 * 1024 * 1024
MAX_PAGES = 50
_log = logging.getLogger(__name__)


class Failed(Exception):
    """A server gave no usable answer; safe to show."""


async def tools(server: McpServer) -> tuple[Tool, ...]:
    """Return the tools of a server, all pages of them. Raises `Failed`."""
    with _translated(server, LISTING_SECONDS):
        async with asyncio.timeout(LISTING_SECONDS), _session(server) as session:
            found: list[Tool] = []
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
                found += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    return tuple(found)
    raise Failed(f"its list of tools does not end after {MAX_PAGES} pages")


async def call(server: McpServer, tool: str, arguments: Mapping[str, Any] | None) -> CallToolResult:
    """Call a tool by the server's own name for it. Raises `Failed`."""
    params = CallToolRequestParams(name=tool, arguments=dict(arguments or {}))
    request = CallToolRequest(params=params)
    with _translated(server, server.timeout):
        async with asyncio.timeout(server.timeout), _session(server) as session:
            try:
                return await session.send_request(request, CallToolResult)
            except MCPError as exc:
                if exc.code != HEADER_MISMATCH:
                    raise
            # Some tools want arguments in headers, too; which ones stands in the list.
            await session.list_tools()
            return await session.send_request(request, CallToolResult)


@contextlib.asynccontextmanager
async def _session(server: McpServer) -> AsyncIterator[ClientSession]:
    async with httpx2.AsyncClient(
        headers={"user-agent": PRODUCT, "accept-encoding": "identity", **_credential(server)},
        timeout=httpx2.Timeout(server.timeout, connect=CONNECT_SECONDS),
        transport=_Bounded(verify=_trust()),
        trust_env=False,
    ) as http:
        transport = streamable_http_client(server.url, http_client=http, max_sse_event_size=MAX_ANSWER)
        async with Client(transport, client_info=Implementation(name=PRODUCT, version="1")) as client:
            yield client.session


def _credential(server: McpServer) -> dict[str, str]:
    if server.key is None:
        return {}
    key = server.key.get_secret_value()
    if not key.isascii() or not key.isprintable():
        raise Failed("its key can't be sent in a header")
    return {server.header: f"Bearer {key}" if server.header.lower() == "authorization" else key}


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return what certificates are checked against; once, for reading them takes 20 ms."""
    return httpx2.create_ssl_context()


@contextlib.contextmanager
def _translated(server: McpServer, seconds: float) -> Iterator[None]:
    """Turn whatever goes wrong into `Failed`, in words that hold no key."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001  # the SDK documents no closed set, and groups what it raises
        raise Failed(_words(exc, server, seconds)) from None


def _words(exc: BaseException, server: McpServer, seconds: float) -> str:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    match exc:
        case TimeoutError() | httpx2.ReadTimeout():
            return f"it gave no answer within {seconds:g} seconds"
        case Failed():
            return str(exc)
        case MCPError(code=code) if code != PARSE_ERROR:
            key = server.key.get_secret_value() if server.key else ""
            message = " ".join(redacted(exc.message, key).split())[:300]
            return f"it answered with an error: {message} ({code})"
        case httpx2.HTTPError() | OSError():
            return f"it could not be reached ({type(exc).__name__})"
        case MCPError() | ValidationError():
            return "its answer is not what the protocol says"
        case _:
            _log.error("an MCP server was asked in vain:\n%s", "\n".join(frames.lines(exc)))
            return f"it could not be asked ({type(exc).__name__})"


class _Bounded(httpx2.AsyncHTTPTransport):
    """Takes no answer of more than `MAX_ANSWER` bytes, nor a compressed one, whose size nobody knows.

    Where the credential is refused, it says so: of the status the SDK would keep nothing.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.status_code in (401, 403):
            await response.aclose()
            raise Failed(f"it does not take the gateway's credential ({response.status_code})")
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise Failed("its answer is compressed, which it was not asked for")
        response.stream = _BoundedStream(cast(httpx2.AsyncByteStream, response.stream))
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._stream:
            length += len(chunk)
            if length > MAX_ANSWER:
                raise Failed(f"its answer is longer than {MAX_ANSWER} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()

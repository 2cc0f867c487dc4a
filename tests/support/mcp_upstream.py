"""MCP servers for a gateway to stand before, made with the official SDK on real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class McpUpstream:
    """A server with some functions as its tools; may be stopped, and started again at its address.

    `old` makes it one that does not know the protocol of 2026-07-28. `tls` are PEM files, chain and key.
    """

    def __init__(
        self, *tools: Callable[..., Any], old: bool = False, tls: tuple[Path, Path] | None = None
    ) -> None:
        self._tools = tools
        self._old = old
        self._tls = {} if tls is None else {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
        self.seen: list[Headers] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._port}/mcp"
        self.start()

    def start(self) -> None:
        made = MCPServer("upstream", log_level="CRITICAL")
        for tool in self._tools:
            made.add_tool(tool)
        listener = socket.create_server(("127.0.0.1", self._port))
        app = self._watched(made.streamable_http_app())
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, **self._tls)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watched(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = Headers(scope=scope)
                self.seen.append(headers)
                if self._old and headers.get("mcp-protocol-version", "") > "2026":
                    await JSONResponse({"message": "what?"}, 400)(scope, receive, send)
                    return
            await app(scope, receive, send)

        return watched


class McpUser:
    """Uses one gateway's MCP endpoint with the official client, one connection for each question."""

    def __init__(
        self, url: str, key: str, *, mode: str = "auto", headers: Mapping[str, str] | None = None
    ) -> None:
        self._url = url
        self._mode = mode
        self._headers = {"authorization": f"Bearer {key}", **(headers or {})}

    def names(self) -> list[str]:
        """Return the names of the tools."""
        return [tool.name for tool in self.tools()]

    def tools(self) -> list[Any]:
        async def ask(client: Client) -> list[Any]:
            return list((await client.list_tools()).tools)

        return self.ask(ask)

    def call(self, tool: str, **arguments: Any) -> Any:
        async def ask(client: Client) -> Any:
            return await client.call_tool(tool, arguments)

        return self.ask(ask)

    def text(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must answer, with one text."""
        result = self.call(tool, **arguments)
        (content,) = result.content
        assert not result.is_error, content.text
        return str(content.text)

    def failure(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must say that it failed."""
        result = self.call(tool, **arguments)
        (content,) = result.content
        assert result.is_error
        return str(content.text)

    def ask(self, question: Callable[[Client], Any]) -> Any:
        async def connected() -> Any:
            async with (
                httpx2.AsyncClient(headers=self._headers, trust_env=False) as http,
                Client(streamable_http_client(self._url, http_client=http), mode=self._mode) as client,
            ):
                return await question(client)

        return asyncio.run(connected())

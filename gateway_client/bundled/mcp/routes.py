"""The paths of the MCP endpoint: `/mcp` for all servers, `/{slug}/mcp` for one, as Portkey has it.

The protocol's SDK costs a third of a second to import. It is imported by the first request, beside
the event loop, so that a gateway that serves no MCP never pays for it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.data_plane.admission import admit
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.settings import is_loopback
from gateway_client.bundled.store.keys import Caller

Visiting = Callable[[Caller, Request, str | None], ASGIApp]
"""Takes a request that was admitted, with the slug of the one server that it is for, or None for all."""

SCOPES = ("mcp.invoke", "completions.write")
"""One of them is enough. Portkey asks for the first; a virtual key of Bifrost serves both planes, and
the keys that the tool mints carry the second."""


def routes() -> list[BaseRoute]:
    """Return the routes of the MCP endpoint of one gateway."""
    endpoint = Endpoint().answer
    return [Route(path, endpoint, methods=["GET", "POST", "DELETE"]) for path in ("/mcp", "/{slug}/mcp")]


class Endpoint:
    """The door to MCP. Every request is admitted by its own key: there are no sessions to take over."""

    def __init__(self) -> None:
        self._visiting: Visiting | None = None
        self._arranging = asyncio.Lock()

    async def answer(self, request: Request) -> ASGIApp:
        """Admit a request, and return what answers it. Raises `Refusal`."""
        gateway: Gateway = request.app.state.gateway
        caller = admit(gateway, request.headers, request.scope["path"], request.state.trace_id, SCOPES)
        if _from_a_page(request.headers.get("origin", "")):
            raise refusals.plain("web pages of other hosts may not use this endpoint", 403)
        slug = request.path_params.get("slug")
        if slug is not None:
            server = gateway.settings.mcp_servers.get(slug)
            if server is None or not server.open_to(caller.key_name):
                raise refusals.plain("there is no such MCP server for this key", 404)
        if request.method != "POST":
            # There is no stream on which the server speaks first, and no session to end.
            body = {"status": "failure", "message": "this endpoint takes POST only"}
            return JSONResponse(body, 405, {"allow": "POST"})
        async with self._arranging:
            if self._visiting is None:
                self._visiting = await run_in_threadpool(_visiting, gateway)
        return self._visiting(caller, request, slug)


def _visiting(gateway: Gateway) -> Visiting:
    from gateway_client.bundled.mcp.catalogue import Catalogue
    from gateway_client.bundled.mcp.visit import Visit

    # The SDK's log quotes what it can't read, which may be a prompt or a key (T2). What a person needs
    # to know of it, the gateway says itself.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    return functools.partial(Visit, gateway, Catalogue(gateway.settings.mcp_servers, gateway.clock))


def _from_a_page(origin: str) -> bool:
    """Tell whether a browser sent the request for a page that is not of this machine (DNS rebinding)."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return True
    return origin == "null" or (parts.scheme in ("http", "https") and not is_loopback(parts.hostname or ""))

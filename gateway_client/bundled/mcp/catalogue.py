"""Which tools the MCP servers have, asked for when somebody wants to know, and kept for a while.

The answer is the same for every key, because a server is asked with the gateway's own credential;
who may use what is decided where the list is shown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mcp_types import Tool

from gateway_client.bundled.mcp import upstream
from gateway_client.bundled.settings import McpServer
from gateway_client.bundled.timestamps import Clock

FRESH = timedelta(seconds=60)
FAILURE_FRESH = timedelta(seconds=10)
"""How long a server that gave no answer is left alone, so that not every request waits for it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's tools that are offered, by the server's own names; or why there are none."""

    tools: tuple[Tool, ...]
    failure: str | None
    until: datetime


class Catalogue:
    """The listings of one gateway's MCP servers."""

    def __init__(self, servers: Mapping[str, McpServer], clock: Clock) -> None:
        self._servers = servers
        self._clock = clock
        self._listings: dict[str, Listing] = {}
        self._asking = {slug: asyncio.Lock() for slug in servers}

    async def listing(self, slug: str) -> Listing:
        """Return what one server has; those who ask at the same time share one question."""
        async with self._asking[slug]:
            known = self._listings.get(slug)
            if known is None or known.until <= self._clock():
                self._listings[slug] = known = await self._ask(slug)
            return known

    async def listings(self, slugs: list[str]) -> dict[str, Listing]:
        """Return what several servers have, asked at once."""
        return dict(zip(slugs, await asyncio.gather(*map(self.listing, slugs)), strict=True))

    async def _ask(self, slug: str) -> Listing:
        server = self._servers[slug]
        try:
            found = await upstream.tools(server)
        except upstream.Failed as exc:
            _log.warning("the MCP server %s has no tools to offer: %s", slug, exc)
            return Listing((), str(exc), self._clock() + FAILURE_FRESH)
        offered = {tool.name: tool for tool in reversed(found) if server.offers(tool.name)}
        return Listing(tuple(reversed(offered.values())), None, self._clock() + FRESH)

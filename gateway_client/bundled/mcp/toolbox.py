"""The tools that one caller has: the servers' under their names here, and the gateway's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import CallToolResult, Tool
from starlette.concurrency import run_in_threadpool

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.mcp import builtin, names, upstream
from gateway_client.bundled.mcp.catalogue import Catalogue
from gateway_client.bundled.mcp.upstream import Failed
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import RequestRecord


class UnknownTool(Exception):
    """The caller has no tool of this name; safe to show."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no such tool for this key: {bounded(name)}")


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What a caller may use: all servers that are open to its key, or the one of a slug.

    With one server only, its tools keep their own names, and the gateway's are not among them.
    """

    gateway: Gateway
    catalogue: Catalogue
    caller: Caller
    only: str | None

    async def tools(self) -> list[Tool]:
        """List the tools; a server that gives no answer has none, and the others' are there."""
        listings = await self.catalogue.listings(self._slugs())
        offered = [
            tool.model_copy(update={"name": self._name(slug, tool)})
            for slug, listing in listings.items()
            for tool in listing.tools
        ]
        return [*builtin.TOOLS, *offered] if self.only is None else offered

    async def call(
        self, name: str, arguments: Mapping[str, Any] | None, record: RequestRecord
    ) -> CallToolResult:
        """Call a tool, and note in the record which one. Raises `UnknownTool`, `Failed`."""
        if self.only is None and name in (builtin.PING, builtin.WHOAMI):
            record.target = name
            return await self._builtin(name, record.merged_metadata)
        slug = self._slug(name)
        listing = await self.catalogue.listing(slug)
        tool = next((tool.name for tool in listing.tools if self._name(slug, tool) == name), None)
        if tool is None and listing.failure is None:
            raise UnknownTool(name)
        record.target, record.attempts = f"{slug}/{bounded(tool or name)}", 1
        try:
            if tool is None:
                raise Failed(listing.failure)
            return await upstream.call(self.gateway.settings.mcp_servers[slug], tool, arguments)
        except Failed as exc:
            raise Failed(f"the MCP server {slug} failed: {exc}") from None

    async def _builtin(self, name: str, metadata: Mapping[str, str | None]) -> CallToolResult:
        if name == builtin.PING:
            return builtin.ping(self.gateway)
        listings = await self.catalogue.listings(self._slugs())
        return await run_in_threadpool(builtin.whoami, self.gateway, self.caller, metadata, listings)

    def _slug(self, name: str) -> str:
        """Return whose tool a name is; a name begins with its server's slug, also where it was cut."""
        slug = self.only or name.partition(names.SEPARATOR)[0]
        if slug not in self._slugs():
            raise UnknownTool(name)
        return slug

    def _slugs(self) -> list[str]:
        servers = self.gateway.settings.mcp_servers
        if self.only is not None:
            return [self.only]
        return [slug for slug, server in servers.items() if server.open_to(self.caller.key_name)]

    def _name(self, slug: str, tool: Tool) -> str:
        return names.offered(None if self.only else slug, tool.name)


def bounded(name: str) -> str:
    """Return a name as the log can keep it: not endless, and no half of a character."""
    return name[:128].encode(errors="replace").decode()

"""The path of the MCP endpoint."""

from __future__ import annotations

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Return the routes of the MCP endpoint."""
    return []

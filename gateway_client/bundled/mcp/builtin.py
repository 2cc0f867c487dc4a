"""The gateway's own tools, with which a pilot sees that MCP works: `ping` and `whoami`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.mcp.catalogue import Listing
from gateway_client.bundled.store import workspaces
from gateway_client.bundled.store.keys import Caller

PING, WHOAMI = "ping", "whoami"
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}

TOOLS = (
    Tool(
        name=PING,
        description="Says that the AI gateway is reached and takes your key.",
        input_schema=dict(_NOTHING),
        annotations=_READS,
    ),
    Tool(
        name=WHOAMI,
        description="Says as whom the AI gateway sees you: key, team, user, environment, workspace, "
        "scopes, and which MCP servers stand behind it.",
        input_schema=dict(_NOTHING),
        annotations=_READS,
    ),
)


def ping(gateway: Gateway) -> CallToolResult:
    """Answer that the way here works."""
    return CallToolResult(content=[TextContent(text=f"pong from {PRODUCT} {gateway.version}")])


def whoami(
    gateway: Gateway, caller: Caller, metadata: Mapping[str, str | None], listings: Mapping[str, Listing]
) -> CallToolResult:
    """Tell what is known of a caller, and of the servers it may use; never a secret. Reads the store."""
    with gateway.store.reading() as db:
        workspace = workspaces.find(db, caller.workspace_id)
    told: dict[str, Any] = {
        "key": caller.key_name,
        "tenant": metadata.get("tenant"),
        "team": metadata.get("team"),
        "env": metadata.get("env"),
        "user": metadata.get("user") or metadata.get("_user"),
        "workspace": None if workspace is None else workspace["name"],
        "scopes": list(caller.scopes),
        "expires_at": caller.expires_at,
        "mcp_servers": {slug: _state(listing) for slug, listing in listings.items()},
    }
    if "mcp.invoke" not in caller.scopes:
        told["note"] = "Portkey's own MCP gateway asks for the scope mcp.invoke, which this key has not"
    return CallToolResult(
        content=[TextContent(text=json.dumps(told, indent=2, ensure_ascii=False))], structured_content=told
    )


def _state(listing: Listing) -> str:
    count = len(listing.tools)
    return listing.failure or f"{count} tool{'' if count == 1 else 's'}"

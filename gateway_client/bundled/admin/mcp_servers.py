"""`/v1/mcp-servers` and `/v1/mcp-integrations`: the MCP servers of the settings, listed (facts/portkey.md 7).

They are the operator's, as providers are: no call changes them, and each is an integration of its
own under the same slug. Which keys may use one stands in the settings; it is listed for whoever has
the scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from gateway_client.bundled.admin import reach
from gateway_client.bundled.admin.door import Answer, Call, Table, invalid, listing, paging
from gateway_client.bundled.gateway import Gateway


def servers(gateway: Gateway, call: Call) -> Answer:
    """List the MCP servers, each with its URL here; every workspace has all of them."""
    return _listed(gateway, call, _server)


def integrations(gateway: Gateway, call: Call) -> Answer:
    """List the integrations behind the MCP servers; all are the organisation's."""
    kind = call.query.get("type") or "all"
    if kind not in ("all", "organisation", "workspace"):
        raise invalid("type: must be all, organisation or workspace")
    return _listed(gateway, call, _integration, none=kind == "workspace")


def _listed(
    gateway: Gateway, call: Call, shown: Callable[[Gateway, Call, str], Answer], *, none: bool = False
) -> Answer:
    offset, limit = paging(call.query)
    with gateway.store.reading() as db:
        reach.workspace_of(db, call)
    slugs = [] if none else list(gateway.settings.mcp_servers)
    return listing(len(slugs), [shown(gateway, call, slug) for slug in slugs[offset : offset + limit]])


def _server(gateway: Gateway, call: Call, slug: str) -> Answer:
    return {
        "id": _id(gateway, "server", slug),
        "organisation_id": gateway.store.organisation_id,
        "workspace_id": None,
        "name": slug,
        "slug": slug,
        "description": None,
        "status": "active",
        "created_at": gateway.store.created_at,
        "mcp_integration_id": _id(gateway, "integration", slug),
        "mcp_integration_slug": slug,
        "mcp_integration_url": gateway.settings.mcp_servers[slug].url,
        "auth_type": _auth_type(gateway, slug),
        "url": f"{call.origin}/{slug}/mcp",
        "object": "mcp-server",
    }


def _integration(gateway: Gateway, _call: Call, slug: str) -> Answer:
    return {
        "id": _id(gateway, "integration", slug),
        "organisation_id": gateway.store.organisation_id,
        "workspace_id": None,
        "type": "organisation",
        "name": slug,
        "slug": slug,
        "description": None,
        "status": "active",
        "url": gateway.settings.mcp_servers[slug].url,
        "auth_type": _auth_type(gateway, slug),
        "transport": "http",
        "created_at": gateway.store.created_at,
        "last_updated_at": gateway.store.created_at,
        "object": "mcp-integration",
    }


def _id(gateway: Gateway, kind: str, slug: str) -> str:
    return str(uuid.uuid5(uuid.UUID(gateway.store.instance_id), f"mcp {kind} {slug}"))


def _auth_type(gateway: Gateway, slug: str) -> str:
    return "none" if gateway.settings.mcp_servers[slug].key is None else "headers"


TABLE: Table = (
    ("GET", "/v1/mcp-servers", servers),
    ("GET", "/v1/mcp-integrations", integrations),
)

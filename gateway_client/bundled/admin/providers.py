"""`/v1/providers`: list and get. Providers are the operator's settings; no call changes them."""

from __future__ import annotations

import uuid

from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, listing, paging
from gateway_client.bundled.gateway import Gateway


def index(gateway: Gateway, call: Call) -> Answer:
    """List the providers, which every workspace has."""
    offset, limit = paging(call.query)
    slugs = list(gateway.settings.providers)
    return listing(len(slugs), [_shown(gateway, slug) for slug in slugs[offset : offset + limit]])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one provider."""
    slug = call.path["slug"]
    if slug not in gateway.settings.providers:
        raise forbidden()
    return _shown(gateway, slug)


def _shown(gateway: Gateway, slug: str) -> Answer:
    served_by = "an upstream service" if slug in gateway.settings.upstreams else "the built-in echo"
    return {
        "id": str(uuid.uuid5(uuid.UUID(gateway.store.instance_id), slug)),
        "slug": slug,
        "name": slug,
        "integration_id": gateway.settings.providers[slug],
        "note": f"served by {served_by}",
        "status": "active",
        "usage_limits": None,
        "rate_limits": None,
        "reset_usage": None,
        "expires_at": None,
        "created_at": gateway.store.created_at,
        "object": "provider",
    }


TABLE: Table = (
    ("GET", "/v1/providers", index),
    ("GET", "/v1/providers/{slug}", get),
)

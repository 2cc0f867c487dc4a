"""`/v1/providers` and its old name `/v1/virtual-keys`: list and get (facts/portkey.md 7).

Providers are the operator's: settings, and what `provision gateway provider` added. No call changes
them, each workspace has all of them, and each is an integration of its own (`integrations`). Their
keys are never shown, not even masked.
"""

from __future__ import annotations

import uuid

from gateway_client.bundled.admin import reach
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, listing, paging
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.upstreams.catalog import Known


def index(gateway: Gateway, call: Call) -> Answer:
    """List the providers."""
    return _listed(gateway, call, "provider")


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one provider."""
    return _one(gateway, call, "provider")


def old_index(gateway: Gateway, call: Call) -> Answer:
    """List the providers under their old name."""
    return _listed(gateway, call, "virtual-key")


def old_get(gateway: Gateway, call: Call) -> Answer:
    """Return one provider under its old name."""
    return _one(gateway, call, "virtual-key")


def _listed(gateway: Gateway, call: Call, name: str) -> Answer:
    offset, limit = paging(call.query)
    _check(gateway, call)
    known = gateway.catalog.known()
    slugs = list(known.families)[offset : offset + limit]
    return listing(len(known.families), [_shown(gateway, known, slug, name) for slug in slugs])


def _one(gateway: Gateway, call: Call, name: str) -> Answer:
    _check(gateway, call)
    known, slug = gateway.catalog.known(), call.path["slug"]
    if slug not in known.families:
        raise forbidden()
    return _shown(gateway, known, slug, name)


def _check(gateway: Gateway, call: Call) -> None:
    """Refuse the name of a workspace that is not there or not the caller's, though all have the same."""
    with gateway.store.reading() as db:
        reach.workspace_of(db, call)


def _shown(gateway: Gateway, known: Known, slug: str, name: str) -> Answer:
    served_by = "an upstream service" if slug in known.services else "the built-in echo"
    return {
        "id": str(uuid.uuid5(uuid.UUID(gateway.store.instance_id), slug)),
        "slug": slug,
        "name": slug,
        "integration_id": slug,
        "note": f"served by {served_by}",
        "status": "active",
        "usage_limits": None,
        "rate_limits": None,
        "reset_usage": None,
        "expires_at": None,
        "created_at": gateway.store.created_at,
        "object": name,
    }


TABLE: Table = (
    ("GET", "/v1/providers", index),
    ("GET", "/v1/providers/{slug}", get),
    ("GET", "/v1/virtual-keys", old_index),
    ("GET", "/v1/virtual-keys/{slug}", old_get),
)

"""`/v1/integrations`: list, get, and which models each lets pass (facts/portkey.md 7).

Each provider has an integration of its own here, under the same slug, and each workspace has all of
them. What they are is the operator's; only their model allow-lists can be changed.
"""

from __future__ import annotations

import uuid
from typing import Any

from gateway_client.bundled.admin import bodies, reach
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, invalid, listing, paging
from gateway_client.bundled.data_plane.prices import PRICES
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import model_lists, workspaces
from gateway_client.bundled.store.model_lists import ModelList


def index(gateway: Gateway, call: Call) -> Answer:
    """List the integrations; all are the organisation's."""
    offset, limit = paging(call.query)
    kind = call.query.get("type") or "all"
    if kind not in ("all", "organisation", "workspace"):
        raise invalid("type: must be all, organisation or workspace")
    with gateway.store.reading() as db:
        reach.workspace_of(db, call)
    slugs = [] if kind == "workspace" else list(gateway.providers)
    return listing(len(slugs), [_shown(gateway, slug) for slug in slugs[offset : offset + limit]])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one integration."""
    slug = _slug(gateway, call)
    with gateway.store.reading() as db:
        models = model_lists.find(db, slug)
        count, _ = workspaces.page(db, name=None, exact_name=None, only=call.within, offset=0, limit=0)
    return {
        **_shown(gateway, slug),
        "global_workspace_access_settings": {"enabled": True},
        "allow_all_models": models.allow_all,
        "workspace_count": count,
    }


def models(gateway: Gateway, call: Call) -> Answer:
    """List the models that the gateway knows or the list names, each with whether it may be used."""
    slug = _slug(gateway, call)
    with gateway.store.reading() as db:
        saved = model_lists.find(db, slug)
    named = [
        {"slug": name, "name": name, "enabled": saved.allows(name), "is_custom": name not in PRICES}
        for name in sorted({*PRICES, *saved.enabled})
    ]
    return {
        "object": "list",
        "total": len(named),
        "models": named,
        "allow_all_models": saved.allow_all,
    }


def change_models(gateway: Gateway, call: Call) -> Answer:
    """Enable and disable models; those that are not named stay as they were."""
    slug, body = _slug(gateway, call), bodies.read(bodies.ModelsUpdate, call.body)
    with gateway.store.writing() as db:
        before = model_lists.find(db, slug)
        allow_all = before.allow_all if body.allow_all_models is None else body.allow_all_models
        enabled = {**before.enabled, **{model.slug: model.enabled for model in body.models}}
        model_lists.save(db, slug, ModelList(allow_all, enabled))
    return {}


def forget_models(gateway: Gateway, call: Call) -> Answer:
    """Take models off the list; `allow_all_models` decides on them from then on."""
    slug = _slug(gateway, call)
    gone = [name for name in call.query.get("slugs", "").split(",") if name]
    if not gone:
        raise invalid("slugs: is missing; give models, separated by commas")
    with gateway.store.writing() as db:
        before = model_lists.find(db, slug)
        kept = {name: enabled for name, enabled in before.enabled.items() if name not in gone}
        model_lists.save(db, slug, ModelList(before.allow_all, kept))
    return {}


def access(gateway: Gateway, call: Call) -> Answer:
    """List the workspaces that may use an integration: all that the caller may see."""
    _slug(gateway, call)
    offset, limit = paging(call.query)
    with gateway.store.reading() as db:
        total, rows = workspaces.page(
            db, name=None, exact_name=None, only=call.within, offset=offset, limit=limit
        )
    return {
        "object": "list",
        "total": total,
        "workspaces": [
            {"id": row["id"], "enabled": True, "usage_limits": None, "rate_limits": None} for row in rows
        ],
        "global_workspace_access": {"enabled": True},
    }


def change_access(gateway: Gateway, call: Call) -> Answer:
    """Confirm that workspaces may use an integration; that they may not can't be said here."""
    _slug(gateway, call)
    body = bodies.read(bodies.AccessUpdate, call.body)
    with gateway.store.reading() as db:
        for workspace in body.workspaces:
            reach.home(db, call, workspace.id)
    return {}


def _slug(gateway: Gateway, call: Call) -> str:
    slug = call.path["slug"]
    if slug not in gateway.providers:
        raise forbidden()
    return slug


def _shown(gateway: Gateway, slug: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.UUID(gateway.store.instance_id), f"integration {slug}")),
        "organisation_id": gateway.store.organisation_id,
        "ai_provider_id": gateway.providers[slug],
        "name": slug,
        "slug": slug,
        "description": f"what stands behind @{slug}",
        "status": "active",
        "created_at": gateway.store.created_at,
        "last_updated_at": gateway.store.created_at,
        "object": "integration",
    }


TABLE: Table = (
    ("GET", "/v1/integrations", index),
    ("GET", "/v1/integrations/{slug}", get),
    ("GET", "/v1/integrations/{slug}/models", models),
    ("PUT", "/v1/integrations/{slug}/models", change_models),
    ("DELETE", "/v1/integrations/{slug}/models", forget_models),
    ("GET", "/v1/integrations/{slug}/workspaces", access),
    ("PUT", "/v1/integrations/{slug}/workspaces", change_access),
)

"""`/v1/admin/workspaces`: create, list, get, update, delete (facts/portkey.md 6.1). No members yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import bodies
from gateway_client.bundled.admin.door import (
    Answer,
    Call,
    Table,
    conflict,
    forbidden,
    invalid,
    listing,
    paging,
)
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import workspaces


def create(gateway: Gateway, call: Call) -> Answer:
    """Make a workspace under a generated slug."""
    body = bodies.read(bodies.WorkspaceCreate, call.body)
    given = body.given()
    draft = workspaces.Draft(
        name=body.name,
        description=body.description,
        metadata=body.defaults.metadata if body.defaults else None,
        usage_limits=given.get("usage_limits"),
        rate_limits=given.get("rate_limits"),
    )
    with gateway.store.writing() as db:
        return _shown(workspaces.create(db, draft, gateway.clock()))


def index(gateway: Gateway, call: Call) -> Answer:
    """List workspaces; none is ever archived here."""
    offset, limit = paging(call.query)
    if call.query.get("status") == "archived":
        return listing(0, [])
    with gateway.store.reading() as db:
        total, rows = workspaces.page(
            db,
            name=call.query.get("name") or None,
            exact_name=call.query.get("exact_name") or None,
            offset=offset,
            limit=limit,
        )
    return listing(total, [_shown(row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one workspace, by UUID or slug."""
    with gateway.store.reading() as db:
        return {**_shown(_find(db, call)), "users": []}


def update(gateway: Gateway, call: Call) -> Answer:
    """Change the fields that are given, and return the workspace."""
    body = bodies.read(bodies.WorkspaceUpdate, call.body)
    values = body.given()
    if body.defaults is not None:
        values["defaults_metadata"] = body.defaults.metadata
    values.pop("defaults", None)
    with gateway.store.writing() as db:
        identity = _find(db, call)["id"]
        workspaces.change(db, identity, values, gateway.clock())
        return _shown(_find(db, call))


def delete(gateway: Gateway, call: Call) -> Answer:
    """Delete a workspace that is named exactly; with `force_delete` what it holds goes too."""
    body = bodies.read(bodies.WorkspaceDelete, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call)
        if body.name != row["name"]:
            raise invalid("name: must be the workspace's exact name")
        if row["is_default"]:
            raise forbidden()
        if not body.force_delete and not workspaces.is_empty(db, row["id"]):
            raise conflict("The workspace still holds keys or configs; force_delete removes them too")
        workspaces.remove(db, row["id"])
    return {}


def _find(db: Connection, call: Call) -> RowMapping:
    row = workspaces.find(db, call.path["id"])
    if row is None:
        raise forbidden()
    return row


def _shown(row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "slug": row["slug"],
        "name": row["name"],
        "description": row["description"],
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "is_default": int(row["is_default"]),
        "defaults": {
            "metadata": row["defaults_metadata"],
            "is_default": int(row["is_default"]),
            "object": "workspace",
        },
        "usage_limits": row["usage_limits"] or [],
        "rate_limits": row["rate_limits"] or [],
        "object": "workspace",
    }


TABLE: Table = (
    ("POST", "/v1/admin/workspaces", create),
    ("GET", "/v1/admin/workspaces", index),
    ("GET", "/v1/admin/workspaces/{id}", get),
    ("PUT", "/v1/admin/workspaces/{id}", update),
    ("DELETE", "/v1/admin/workspaces/{id}", delete),
)

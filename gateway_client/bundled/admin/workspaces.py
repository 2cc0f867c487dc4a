"""`/v1/admin/workspaces`: create, list, get, update, delete (facts/portkey.md 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import api_keys, bodies, members, reach
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
from gateway_client.bundled.store import configs, keys, meters, users, workspaces

PLAIN_COLUMNS = frozenset({"name", "description", "usage_limits", "rate_limits"})
SHOWN_MEMBERS = 1000
"""Members that one workspace shows with itself; its list of members has pages."""


def create(gateway: Gateway, call: Call) -> Answer:
    """Make a workspace under a generated slug."""
    body, now = bodies.read(bodies.WorkspaceCreate, call.body), gateway.clock()
    with gateway.store.writing() as db:
        identity = workspaces.create(db, body.name, now)["id"]
        row = workspaces.change(db, identity, _columns(db, body, identity), now)
        for number, user_id in enumerate(dict.fromkeys(body.users or ())):
            if users.find(db, user_id) is None:
                raise invalid(f"users.{number}: names no user of the organisation; invite them first")
            users.join(db, identity, user_id, "member", now)
    return _shown(row)


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
            only=call.within,
            offset=offset,
            limit=limit,
        )
    return listing(total, [_shown(row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one workspace, by UUID or slug, with its members."""
    with gateway.store.reading() as db:
        row = _find(db, call)
        _, people = users.member_page(db, row["id"], email=None, role=None, offset=0, limit=SHOWN_MEMBERS)
    return {**_shown(row), "users": [members.shown(person) for person in people]}


def update(gateway: Gateway, call: Call) -> Answer:
    """Change the fields that are given, and return the workspace; null clears, inside `defaults` too."""
    body, now = bodies.read(bodies.WorkspaceUpdate, call.body), gateway.clock()
    with gateway.store.writing() as db:
        identity = _find(db, call)["id"]
        row = workspaces.change(db, identity, _columns(db, body, identity), now)
    if body.reset_usage:
        gateway.governor.reset(identity, now)
    return _shown(row)


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
            raise conflict("The workspace is not empty; force_delete removes what it holds")
        api_keys.revoke(gateway, db, keys.held(db, workspace_id=row["id"]))
        meters.remove(db, row["id"])
        workspaces.remove(db, row["id"])
    gateway.governor.forget(row["id"])
    return {}


def _find(db: Connection, call: Call) -> RowMapping:
    return reach.home(db, call, call.path["id"])


def _columns(db: Connection, body: bodies.WorkspaceUpdate, workspace_id: str) -> dict[str, Any]:
    """Return the columns that a body sets."""
    given = body.given()
    columns = {name: value for name, value in given.items() if name in PLAIN_COLUMNS}
    defaults: Mapping[str, Any] = given.get("defaults") or {}
    config = defaults.get("user_api_key_config")
    if config and configs.saved(db, workspace_id, config) is None:
        raise invalid("defaults.user_api_key_config: names no config of the workspace")
    renamed = {"metadata": "defaults_metadata"}
    return columns | {renamed.get(name, name): value for name, value in defaults.items()}


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
            "metadata": row["defaults_metadata"] or {},
            "input_guardrails": row["input_guardrails"] or [],
            "output_guardrails": row["output_guardrails"] or [],
            "user_api_key_config": row["user_api_key_config"],
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

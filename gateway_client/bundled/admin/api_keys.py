"""`/v1/api-keys`: create, list, get, update, delete, rotate (facts/portkey.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled import credentials
from gateway_client.bundled.admin import bodies
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, invalid, listing, paging
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import configs, keys, workspaces
from gateway_client.bundled.timestamps import stamp

PLAIN_COLUMNS = frozenset(
    {"name", "description", "scopes", "rate_limits", "usage_limits", "alert_emails", "rotation_policy"}
)
KINDS = {"organisation": ("service",), "workspace": ("service", "user")}


def create(gateway: Gateway, call: Call) -> Answer:
    """Mint a key; the only answer, beside rotate's, that holds a secret. Names are not unique."""
    body = bodies.read(bodies.KeyCreate, call.body)
    kind, sub_kind = call.path["type"], call.path["sub_type"]
    if sub_kind not in KINDS.get(kind, ()):
        raise invalid("path: must be organisation/service, workspace/service or workspace/user")
    if sub_kind == "user" and not body.user_id:
        raise invalid("user_id: is required for a user's key")
    secret = credentials.mint()
    with gateway.store.writing() as db:
        workspace = workspaces.find(db, body.workspace_id)
        if workspace is None:
            raise forbidden()
        workspace_id = workspace["id"] if kind == "workspace" else None
        values = {
            **_columns(db, body, workspace_id),
            "type": f"{kind}-{sub_kind}",
            "workspace_id": workspace_id,
            "user_id": body.user_id,
        }
        identity = keys.create(db, values, secret, gateway.clock())
    return {"id": identity, "key": credentials.told(secret.secret), "object": "api-key"}


def index(gateway: Gateway, call: Call) -> Answer:
    """List keys, of one workspace and of given ids if asked; secrets are masked."""
    offset, limit = paging(call.query)
    ids = call.query.get("ids")
    with gateway.store.reading() as db:
        total, rows = keys.page(
            db,
            workspace_id=workspace_of(db, call),
            ids=ids.split(",") if ids else None,
            offset=offset,
            limit=limit,
        )
    return listing(total, [_shown(gateway, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one key with all that a listing leaves out."""
    with gateway.store.reading() as db:
        row = _find(db, call)
    override = row["allow_config_override"]
    shown = dict(_shown(gateway, row))
    # As on the real service: the inner value reads false even where nobody ever set it.
    shown["defaults"] = {**shown["defaults"], "allow_config_override": bool(override)}
    return {**shown, "allow_config_override": None if override is None else int(override)}


def update(gateway: Gateway, call: Call) -> Answer:
    """Change the fields that are given; null clears, inside `defaults` too."""
    body = bodies.read(bodies.KeyUpdate, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call)
        keys.change(db, row["id"], _columns(db, body, row["workspace_id"]), gateway.clock())
    return {}


def delete(gateway: Gateway, call: Call) -> Answer:
    """Revoke a key at once."""
    with gateway.store.writing() as db:
        keys.remove(db, _find(db, call)["id"])
    return {}


def rotate(gateway: Gateway, call: Call) -> Answer:
    """Give a key a new secret beside the old one, which ends with the transition."""
    body = bodies.read(bodies.KeyRotate, call.body)
    secret, now = credentials.mint(), gateway.clock()
    ends_at = now + timedelta(milliseconds=body.key_transition_period_ms)
    with gateway.store.writing() as db:
        identity = _find(db, call)["id"]
        if keys.in_transition(db, identity, now):
            raise invalid("key: is in the transition of an earlier rotation; it can be rotated after that")
        keys.rotate(db, identity, secret, ends_at, now)
    return {
        "id": identity,
        "key": credentials.told(secret.secret),
        "key_transition_expires_at": stamp(ends_at),
    }


def workspace_of(db: Connection, call: Call) -> str | None:
    """Return the UUID of the workspace that a listing is asked for, None for all."""
    reference = call.query.get("workspace_id")
    if not reference:
        return None
    workspace = workspaces.find(db, reference)
    if workspace is None:
        raise forbidden()
    return str(workspace["id"])


def _find(db: Connection, call: Call) -> RowMapping:
    row = keys.find(db, call.path["id"])
    if row is None:
        raise forbidden()
    return row


def _columns(db: Connection, body: bodies.KeyUpdate, workspace_id: str | None) -> dict[str, Any]:
    """Return the columns that a body sets."""
    given = body.given()
    columns = {name: value for name, value in given.items() if name in PLAIN_COLUMNS}
    if "expires_at" in given:
        columns["expires_at"] = None if body.expires_at is None else stamp(body.expires_at)
    defaults: Mapping[str, Any] = given.get("defaults") or {}
    if defaults.get("config_id") and configs.saved(db, workspace_id, defaults["config_id"]) is None:
        raise invalid("defaults.config_id: names no config of the key's workspace")
    renamed = {"metadata": "defaults_metadata"}
    return columns | {renamed.get(name, name): value for name, value in defaults.items()}


def _shown(gateway: Gateway, row: RowMapping) -> Answer:
    expired = row["expires_at"] is not None and row["expires_at"] <= stamp(gateway.clock())
    return {
        "id": row["id"],
        "key": row["masked"],
        "name": row["name"],
        "description": row["description"],
        "type": row["type"],
        "organisation_id": gateway.store.organisation_id,
        "workspace_id": row["workspace_id"],
        "user_id": row["user_id"],
        "status": "expired" if expired else "active",
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "creation_mode": "api",
        "rate_limits": row["rate_limits"] or [],
        "usage_limits": row["usage_limits"],
        "reset_usage": None,
        "expires_at": row["expires_at"],
        "alert_emails": row["alert_emails"],
        "rotation_policy": row["rotation_policy"],
        "scopes": row["scopes"],
        "defaults": {"metadata": row["defaults_metadata"], "config_id": row["config_id"]},
        "object": "api-key",
    }


TABLE: Table = (
    ("POST", "/v1/api-keys/{id}/rotate", rotate),
    ("POST", "/v1/api-keys/{type}/{sub_type}", create),
    ("GET", "/v1/api-keys", index),
    ("GET", "/v1/api-keys/{id}", get),
    ("PUT", "/v1/api-keys/{id}", update),
    ("DELETE", "/v1/api-keys/{id}", delete),
)

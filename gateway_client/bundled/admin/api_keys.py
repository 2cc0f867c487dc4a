"""`/v1/api-keys`: create, list, get, update, delete, rotate (facts/portkey.md 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled import credentials
from gateway_client.bundled.admin import bodies, reach
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, invalid, listing, paging
from gateway_client.bundled.admin.reach import workspace_of
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance import periods
from gateway_client.bundled.store import configs, keys, meters, users
from gateway_client.bundled.timestamps import stamp

PLAIN_COLUMNS = frozenset(
    {"name", "description", "scopes", "rate_limits", "usage_limits", "alert_emails", "rotation_policy"}
)
KINDS = {"organisation": ("service",), "workspace": ("service", "user")}
TYPES = tuple(f"{kind}-{sub_kind}" for kind, sub_kinds in KINDS.items() for sub_kind in sub_kinds)


def create(gateway: Gateway, call: Call) -> Answer:
    """Mint a key; the only answer, beside rotate's, that holds a secret. Names are not unique."""
    body = bodies.read(bodies.KeyCreate, call.body)
    kind, sub_kind = call.path["type"], call.path["sub_type"]
    if sub_kind not in KINDS.get(kind, ()):
        raise invalid("path: must be organisation/service, workspace/service or workspace/user")
    if sub_kind == "user" and not body.user_id:
        raise invalid("user_id: is required for a user's key")
    _check(call, f"{kind}-{sub_kind}", "create", tuple(body.scopes))
    secret = credentials.mint()
    with gateway.store.writing() as db:
        workspace = reach.home(db, call, body.workspace_id)
        workspace_id = workspace["id"] if kind == "workspace" else None
        if body.user_id and users.member(db, workspace["id"], body.user_id) is None:
            raise invalid("user_id: names no member of the workspace")
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
            types=[kind for kind in TYPES if call.principal.may(_scope(kind, "list"))],
            ids=ids.split(",") if ids else None,
            offset=offset,
            limit=limit,
        )
    return listing(total, [_shown(gateway, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one key with all that a listing leaves out."""
    with gateway.store.reading() as db:
        row = _find(db, call, "read")
    override = row["allow_config_override"]
    shown = dict(_shown(gateway, row))
    # As on the real service: the inner value reads false even where nobody ever set it.
    shown["defaults"] = {**shown["defaults"], "allow_config_override": bool(override)}
    return {**shown, "allow_config_override": None if override is None else int(override)}


def update(gateway: Gateway, call: Call) -> Answer:
    """Change the fields that are given; null clears, inside `defaults` too."""
    body = bodies.read(bodies.KeyUpdate, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call, "update")
        _check(call, row["type"], "update", tuple(body.scopes))
        columns = _columns(db, body, row["workspace_id"])
        keys.change(db, row["id"], columns, gateway.clock())
    cleared = row["usage_limits"] and columns.get("usage_limits", row["usage_limits"]) is None
    if body.reset_usage or cleared:  # a budget that is set again some day begins with nothing used
        gateway.governor.reset(row["id"], gateway.clock())
    return {}


def delete(gateway: Gateway, call: Call) -> Answer:
    """Revoke a key at once."""
    with gateway.store.writing() as db:
        revoke(gateway, db, [_find(db, call, "delete")["id"]])
    return {}


def revoke(gateway: Gateway, db: Connection, identities: Iterable[str]) -> None:
    """Delete keys with all that they counted."""
    for identity in identities:
        keys.remove(db, identity)
        meters.remove(db, identity)
        gateway.governor.forget(identity)


def rotate(gateway: Gateway, call: Call) -> Answer:
    """Give a key a new secret beside the old one, which ends with the transition."""
    body = bodies.read(bodies.KeyRotate, call.body)
    secret, now = credentials.mint(), gateway.clock()
    ends_at = now + timedelta(milliseconds=body.key_transition_period_ms)
    with gateway.store.writing() as db:
        row = _find(db, call, "rotate")
        _check(call, row["type"], "rotate", tuple(row["scopes"]))  # its secret is about to be told
        identity = row["id"]
        if keys.in_transition(db, identity, now):
            raise invalid("key: is in the transition of an earlier rotation; it can be rotated after that")
        keys.rotate(db, identity, secret, ends_at, now)
    return {
        "id": identity,
        "key": credentials.told(secret.secret),
        "key_transition_expires_at": stamp(ends_at),
    }


def _find(db: Connection, call: Call, verb: str) -> RowMapping:
    row = keys.find(db, call.path["id"])
    if row is None:
        raise forbidden()
    reach.check(call, row["workspace_id"])
    _check(call, row["type"], verb)
    return row


def _scope(kind: str, verb: str) -> str:
    return f"{kind.replace('-', '_')}_api_keys.{verb}"


def _check(call: Call, kind: str, verb: str, handed_out: tuple[str, ...] = ()) -> None:
    """Refuse what the caller may not do with a key of a kind, or scopes that are not the caller's to give."""
    if not (call.principal.may(_scope(kind, verb)) and call.principal.may_hand_out(handed_out)):
        raise forbidden()


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


def _status(gateway: Gateway, row: RowMapping) -> str:
    now = gateway.clock()
    if row["expires_at"] is not None and row["expires_at"] <= stamp(now):
        return "expired"
    budgets = [row["usage_limits"]] if row["usage_limits"] else []
    return "exhausted" if gateway.governor.exhausted(row["id"], budgets, now) else "active"


def _shown(gateway: Gateway, row: RowMapping) -> Answer:
    limits, last = row["usage_limits"], gateway.governor.last_reset(row["id"])
    following = periods.period_of(limits, row["created_at"]).next_reset(gateway.clock()) if limits else None
    return {
        "id": row["id"],
        "key": row["masked"],
        "name": row["name"],
        "description": row["description"],
        "type": row["type"],
        "organisation_id": gateway.store.organisation_id,
        "workspace_id": row["workspace_id"],
        "user_id": row["user_id"],
        "status": _status(gateway, row),
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "creation_mode": "api",
        "rate_limits": row["rate_limits"] or [],
        "usage_limits": limits,
        "next_usage_reset_at": stamp(following) if following else None,
        "last_reset_at": stamp(last) if last else None,
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

"""`/v1/configs`: create, list, get, update, delete, versions (facts/portkey.md 5).

A config that can't be carried out, or names a provider or guardrail that is not there, is refused
here, with the path of each problem.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import bodies, reach
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
from gateway_client.bundled.routing import language, references
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store import configs, guardrails, workspaces


def create(gateway: Gateway, call: Call) -> Answer:
    """Save a new config under a generated slug. Names are not unique."""
    body = bodies.read(bodies.ConfigCreate, call.body)
    node, text = _read(body.config)
    with gateway.store.writing() as db:
        workspace = reach.home(db, call, body.workspace_id)
        _check_references(gateway, db, workspace["id"], node)
        row = configs.create(
            db,
            workspace_id=workspace["id"],
            name=body.name,
            body=text,
            is_default=bool(body.is_default or body.isDefault),
            now=gateway.clock(),
        )
    return {"id": row["id"], "slug": row["slug"], "version_id": row["version_id"], "object": "config"}


def index(gateway: Gateway, call: Call) -> Answer:
    """List configs without their bodies, as Portkey does."""
    offset, limit = paging(call.query)
    with gateway.store.reading() as db:
        total, rows = configs.page(db, workspace_id=reach.workspace_of(db, call), offset=offset, limit=limit)
    return listing(total, [_shown(gateway, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one config; its body is a JSON string."""
    with gateway.store.reading() as db:
        row = _find(db, call)
    return {**_shown(gateway, row), **_body(row)}


def update(gateway: Gateway, call: Call) -> Answer:
    """Save a new version, or rename; keys that are bound to the config use it from the next request."""
    body = bodies.read(bodies.ConfigUpdate, call.body)
    node, text = (None, None) if body.config is None else _read(body.config)
    with gateway.store.writing() as db:
        row = _find(db, call)
        if node is not None:
            _check_references(gateway, db, row["workspace_id"], node)
        version = configs.change(db, row, name=body.name, body=text, now=gateway.clock())
    return {"version_id": version}


def delete(gateway: Gateway, call: Call) -> Answer:
    """Delete a config with its versions, unless the users' keys of its workspace run under it."""
    with gateway.store.writing() as db:
        row = _find(db, call)
        if workspaces.users_config(db, row["workspace_id"]) in (row["slug"], row["id"]):
            raise conflict("The config is its workspace's defaults.user_api_key_config")
        configs.remove(db, row["id"])
    return {}


def versions(gateway: Gateway, call: Call) -> Answer:
    """List every version of a config, newest first, each with its body."""
    with gateway.store.reading() as db:
        row = _find(db, call)
        rows = configs.versions(db, row["id"])
    return listing(
        len(rows),
        [
            {
                **_shown(gateway, row),
                **_body(version),
                "name": version["name"],
                "created_at": version["created_at"],
                "last_updated_at": version["created_at"],
            }
            for version in rows
        ],
    )


def _find(db: Connection, call: Call) -> RowMapping:
    row = configs.find(db, call.path["slug"])
    if row is None:
        raise forbidden()
    reach.check(call, row["workspace_id"])
    return row


def _read(config: Mapping[str, JsonValue]) -> tuple[Node, str]:
    text = json.dumps(config, ensure_ascii=False)
    try:
        return language.read(text), text
    except language.BadConfig as exc:
        raise invalid(*exc.problems) from exc


def _check_references(gateway: Gateway, db: Connection, workspace_id: str, node: Node) -> None:
    """Refuse a config that names what its workspace can't use: every request under it would fail."""
    providers = gateway.catalog.known().families
    problems = references.missing(
        node, providers, lambda named: guardrails.usable(db, workspace_id, named) is not None
    )
    if found := tuple(problems):
        raise invalid(*found)


def _shown(gateway: Gateway, row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "slug": row["slug"],
        "workspace_id": row["workspace_id"],
        "organisation_id": gateway.store.organisation_id,
        "is_default": int(row["is_default"]),
        "status": "active",
        "owner_id": None,
        "updated_by": None,
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "object": "config",
    }


def _body(version: RowMapping) -> dict[str, Any]:
    return {
        "config": version["body"],
        "format": "json",
        "type": "ORG_CONFIG",
        "version_id": version["version_id"],
    }


TABLE: Table = (
    ("POST", "/v1/configs", create),
    ("GET", "/v1/configs", index),
    ("GET", "/v1/configs/{slug}", get),
    ("PUT", "/v1/configs/{slug}", update),
    ("DELETE", "/v1/configs/{slug}", delete),
    ("GET", "/v1/configs/{slug}/versions", versions),
)

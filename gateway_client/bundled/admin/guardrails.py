"""`/v1/guardrails`: create, list, get, update, delete (facts/portkey.md 7).

A guardrail that can't be carried out is refused here, with the path of each problem.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import bodies, reach
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, listing, paging
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import guardrails


def create(gateway: Gateway, call: Call) -> Answer:
    """Save a new guardrail under a generated slug, of a workspace or of the organisation."""
    body = bodies.read(bodies.GuardrailCreate, call.body)
    with gateway.store.writing() as db:
        row = guardrails.create(
            db,
            workspace_id=_home(gateway, db, call, body),
            name=body.name,
            **_saved(body),
            now=gateway.clock(),
        )
    return {"id": row["id"], "slug": row["slug"], "version_id": row["version_id"], "object": "guardrail"}


def index(gateway: Gateway, call: Call) -> Answer:
    """List guardrails without their checks, as Portkey does."""
    offset, limit = paging(call.query)
    with gateway.store.reading() as db:
        workspace = reach.workspace_of(db, call)
        total, rows = guardrails.page(db, workspace_id=workspace, offset=offset, limit=limit)
    return listing(total, [_shown(gateway, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one guardrail with its checks, by UUID or slug."""
    with gateway.store.reading() as db:
        row = _find(db, call)
    return {**_shown(gateway, row), "checks": row["checks"], "actions": row["actions"]}


def update(gateway: Gateway, call: Call) -> Answer:
    """Change the fields that are given; they hold from the next request."""
    body = bodies.read(bodies.GuardrailUpdate, call.body)
    values = _saved(body) | ({"name": body.name} if body.name else {})
    with gateway.store.writing() as db:
        row = _find(db, call)
        version = guardrails.change(db, row["id"], values, gateway.clock())
    return {"id": row["id"], "slug": row["slug"], "version_id": version, "object": "guardrail"}


def delete(gateway: Gateway, call: Call) -> Answer:
    """Delete a guardrail. Who names it is refused from then on: nothing goes through unchecked."""
    with gateway.store.writing() as db:
        guardrails.remove(db, _find(db, call)["id"])
    return {}


def _home(gateway: Gateway, db: Connection, call: Call, body: bodies.GuardrailCreate) -> str | None:
    """Return the workspace of a new guardrail, None for one of the organisation."""
    if body.organisation_id is None or body.workspace_id is not None:
        return str(reach.home(db, call, body.workspace_id)["id"])
    reach.check(call, None)
    if body.organisation_id != gateway.store.organisation_id:
        raise forbidden()
    return None


def _find(db: Connection, call: Call) -> RowMapping:
    row = guardrails.find(db, call.path["id"])
    if row is None:
        raise forbidden()
    reach.check(call, row["workspace_id"])
    return row


def _saved(body: bodies.GuardrailCreate | bodies.GuardrailUpdate) -> dict[str, Any]:
    """Return the columns of checks and actions that a body sets."""
    dumped = body.model_dump(mode="json", by_alias=True, exclude_none=True, include={"checks", "actions"})
    return dict(dumped)


def _shown(gateway: Gateway, row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "slug": row["slug"],
        "organisation_id": gateway.store.organisation_id,
        "workspace_id": row["workspace_id"],
        "status": "active",
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "owner_id": None,
        "updated_by": None,
        "object": "guardrail",
    }


TABLE: Table = (
    ("POST", "/v1/guardrails", create),
    ("GET", "/v1/guardrails", index),
    ("GET", "/v1/guardrails/{id}", get),
    ("PUT", "/v1/guardrails/{id}", update),
    ("DELETE", "/v1/guardrails/{id}", delete),
)

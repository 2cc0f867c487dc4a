"""`/v1/admin/workspaces/{id}/users`: who belongs to a workspace (facts/portkey.md 6.2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import api_keys, bodies, reach
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
from gateway_client.bundled.store import keys, users


def create(gateway: Gateway, call: Call) -> Answer:
    """Make users of the organisation members; all of them, or none."""
    body, now = bodies.read(bodies.MembersAdd, call.body), gateway.clock()
    with gateway.store.writing() as db:
        workspace_id = _workspace(db, call)
        for number, person in enumerate(body.users):
            if users.find(db, person.id) is None:
                raise invalid(f"users.{number}.id: names no user of the organisation; invite them first")
            if users.member(db, workspace_id, person.id) is not None:
                raise conflict(f"users.{number}.id: is a member already")
            users.join(db, workspace_id, person.id, person.role, now)
    return {}


def index(gateway: Gateway, call: Call) -> Answer:
    """List the members of a workspace."""
    offset, limit = paging(call.query)
    email, role = call.query.get("email") or None, call.query.get("role") or None
    with gateway.store.reading() as db:
        workspace_id = _workspace(db, call)
        total, rows = users.member_page(db, workspace_id, email=email, role=role, offset=offset, limit=limit)
    return listing(total, [shown(row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one member."""
    with gateway.store.reading() as db:
        return shown(_find(db, call))


def update(gateway: Gateway, call: Call) -> Answer:
    """Change a member's role in the workspace."""
    body = bodies.read(bodies.MemberUpdate, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call)
        users.set_member_role(db, row["workspace_id"], row["id"], body.role, gateway.clock())
    return {}


def delete(gateway: Gateway, call: Call) -> Answer:
    """End a membership, and with it the member's own keys of the workspace, at once."""
    with gateway.store.writing() as db:
        row = _find(db, call)
        api_keys.revoke(gateway, db, keys.held(db, workspace_id=row["workspace_id"], user_id=row["id"]))
        users.leave(db, row["workspace_id"], row["id"])
    return {}


def shown(row: RowMapping) -> dict[str, Any]:
    """Return a member as Portkey shows one."""
    return {
        "id": row["id"],
        "first_name": row["first_name"] or "",
        "last_name": row["last_name"] or "",
        "org_role": row["org_role"],
        "role": row["role"],
        "email": row["email"],
        "status": "active",
        "workspace_id": row["workspace_id"],
        "scopes": [],
        "settings": None,
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "object": "workspace-user",
    }


def _workspace(db: Connection, call: Call) -> str:
    return str(reach.home(db, call, call.path["id"])["id"])


def _find(db: Connection, call: Call) -> RowMapping:
    row = users.member(db, _workspace(db, call), call.path["user_id"])
    if row is None:
        raise forbidden()
    return row


TABLE: Table = (
    ("POST", "/v1/admin/workspaces/{id}/users", create),
    ("GET", "/v1/admin/workspaces/{id}/users", index),
    ("GET", "/v1/admin/workspaces/{id}/users/{user_id}", get),
    ("PUT", "/v1/admin/workspaces/{id}/users/{user_id}", update),
    ("DELETE", "/v1/admin/workspaces/{id}/users/{user_id}", delete),
)

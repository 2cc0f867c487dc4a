"""`/v1/admin/users`: list, get, change of role, removal (facts/portkey.md 6.3). People come by invite."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import api_keys, bodies
from gateway_client.bundled.admin.door import Answer, Call, Table, forbidden, invalid, listing, paging
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import keys, users


def index(gateway: Gateway, call: Call) -> Answer:
    """List the users of the organisation."""
    offset, limit = paging(call.query)
    email, role = call.query.get("email"), call.query.get("role")
    with gateway.store.reading() as db:
        total, rows = users.page(db, email=email or None, role=role or None, offset=offset, limit=limit)
        return listing(total, [_shown(db, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one user."""
    with gateway.store.reading() as db:
        return _shown(db, _find(db, call))


def update(gateway: Gateway, call: Call) -> Answer:
    """Change a user's role in the organisation; the role that they have is refused, as by Portkey."""
    body = bodies.read(bodies.UserUpdate, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call)
        if row["role"] == body.role:
            raise invalid("role: is what the user has already")
        users.set_role(db, row["id"], body.role, gateway.clock())
    return {}


def delete(gateway: Gateway, call: Call) -> Answer:
    """Remove a user; memberships and keys of theirs end at once."""
    with gateway.store.writing() as db:
        identity = _find(db, call)["id"]
        api_keys.revoke(gateway, db, keys.held(db, user_id=identity))
        users.remove(db, identity)
    return {}


def _find(db: Connection, call: Call) -> RowMapping:
    row = users.find(db, call.path["user_id"])
    if row is None:
        raise forbidden()
    return row


def _shown(db: Connection, row: RowMapping) -> Answer:
    return {
        "id": row["id"],
        "first_name": row["first_name"] or "",
        "last_name": row["last_name"] or "",
        "role": row["role"],
        "email": row["email"],
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "workspace_ids": users.workspaces_of(db, row["id"]),
        "object": "user",
    }


TABLE: Table = (
    ("GET", "/v1/admin/users", index),
    ("GET", "/v1/admin/users/{user_id}", get),
    ("PUT", "/v1/admin/users/{user_id}", update),
    ("DELETE", "/v1/admin/users/{user_id}", delete),
)

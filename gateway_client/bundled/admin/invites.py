"""`/v1/admin/users/invites`: create, list, get, delete, resend (facts/portkey.md 6.3).

A pilot has no mail and no sign-in, so that nobody could ever accept. An invite therefore makes the
user and the memberships at once, is shown as accepted, and its link only opens a mail to that person.
`workspace_api_key_details` is taken, but no key is made: nobody would ever learn its secret.
"""

from __future__ import annotations

from urllib.parse import quote

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
from gateway_client.bundled.store import users, workspaces

FILTERS = ("email", "role", "status")


def create(gateway: Gateway, call: Call) -> Answer:
    """Make a user who is a member of the given workspaces."""
    body, now = bodies.read(bodies.InviteCreate, call.body), gateway.clock()
    with gateway.store.writing() as db:
        if users.of_email(db, body.email) is not None:
            raise conflict("There is a user with this email already; add them to the workspaces")
        places: dict[str, str] = {}
        for number, place in enumerate(body.workspaces):
            row = workspaces.find(db, place.id)
            if row is None or row["id"] in places:
                raise invalid(f"workspaces.{number}.id: names no workspace, or one that stands here twice")
            places[row["id"]] = place.role
        user_id = users.create(db, email=body.email, role=body.role, now=now)
        for workspace_id, role in places.items():
            users.join(db, workspace_id, user_id, role, now)
        kept = [{"id": workspace_id, "role": role} for workspace_id, role in places.items()]
        identity = users.invite(db, email=body.email, role=body.role, workspaces=kept, now=now)
    return {"id": identity, "invite_link": _link(body.email), "object": "invite"}


def index(gateway: Gateway, call: Call) -> Answer:
    """List invites."""
    offset, limit = paging(call.query)
    filters = {name: call.query[name].lower() for name in FILTERS if call.query.get(name)}
    with gateway.store.reading() as db:
        total, rows = users.invite_page(db, filters=filters, offset=offset, limit=limit)
    return listing(total, [_shown(row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one invite."""
    with gateway.store.reading() as db:
        return _shown(_find(db, call))


def delete(gateway: Gateway, call: Call) -> Answer:
    """Forget an invite; the user stays, and is removed as a user."""
    with gateway.store.writing() as db:
        users.remove_invite(db, _find(db, call)["id"])
    return {}


def resend(gateway: Gateway, call: Call) -> Answer:
    """Tell the link again; nothing is sent."""
    with gateway.store.reading() as db:
        return {"inviteLink": _link(_find(db, call)["email"])}


def _find(db: Connection, call: Call) -> RowMapping:
    row = users.find_invite(db, call.path["invite_id"])
    if row is None:
        raise forbidden()
    return row


def _link(email: str) -> str:
    return f"mailto:{quote(email)}"


def _shown(row: RowMapping) -> Answer:
    return {
        "id": row["id"],
        "email": row["email"],
        "role": row["role"],
        "status": row["status"],
        "created_at": row["created_at"],
        "accepted_at": row["created_at"],
        "expires_at": row["expires_at"],
        "workspaces": row["workspaces"],
        "object": "invite",
    }


TABLE: Table = (
    ("POST", "/v1/admin/users/invites", create),
    ("GET", "/v1/admin/users/invites", index),
    ("GET", "/v1/admin/users/invites/{invite_id}", get),
    ("DELETE", "/v1/admin/users/invites/{invite_id}", delete),
    ("POST", "/v1/admin/users/invites/{invite_id}/resend", resend),
)
"""Stands before the table of users, whose `{user_id}` would take `invites` for a user."""

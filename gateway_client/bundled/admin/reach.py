"""Which workspace a call is about, and whether its caller may touch it.

What is out of reach is refused in the words for what is not there, as Portkey does.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin.door import Call, forbidden
from gateway_client.bundled.store import workspaces


def home(db: Connection, call: Call, reference: str | None) -> RowMapping:
    """Return the workspace for a new thing: the one named by UUID or slug, else the caller's, or the default.

    Raises 403 for one that is not there or out of the caller's reach.
    """
    row = workspaces.find(db, reference or call.within)
    if row is None:
        raise forbidden()
    check(call, row["id"])
    return row


def workspace_of(db: Connection, call: Call) -> str | None:
    """Return the UUID of the only workspace that a listing may show, None for all.

    That is the query's `workspace_id`, else the caller's own. Raises 403 as `home` does.
    """
    reference = call.query.get("workspace_id")
    if not reference and call.within is None:
        return None
    return str(home(db, call, reference or None)["id"])


def check(call: Call, workspace_id: str | None) -> None:
    """Refuse a thing of a workspace (None: of the organisation) that the caller may not touch."""
    if call.within is not None and call.within != workspace_id:
        raise forbidden()

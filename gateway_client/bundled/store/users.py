"""People: users of the organisation, their places in workspaces, and the invites that brought them.

Addresses are kept in small letters.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update

from gateway_client.bundled.store.schema import AS_INSERTED, invites, members, users
from gateway_client.bundled.timestamps import stamp

INVITE_LIFE = timedelta(days=7)


def create(db: Connection, *, email: str, role: str, now: datetime) -> str:
    """Insert a user and return the id."""
    identity = str(uuid.uuid4())
    row = {"id": identity, "email": email.lower(), "role": role}
    db.execute(insert(users).values(**row, created_at=stamp(now), last_updated_at=stamp(now)))
    return identity


def find(db: Connection, identity: str) -> RowMapping | None:
    """Return a user's row, or None."""
    return db.execute(select(users).where(users.c.id == identity)).mappings().one_or_none()


def of_email(db: Connection, email: str) -> RowMapping | None:
    """Return the user with an address, or None."""
    return db.execute(select(users).where(users.c.email == email.lower())).mappings().one_or_none()


def page(
    db: Connection, *, email: str | None, role: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first; an address matches whole."""
    query = select(users)
    if email is not None:
        query = query.where(users.c.email == email.lower())
    if role is not None:
        query = query.where(users.c.role == role)
    return _paged(db, query, offset, limit)


def set_role(db: Connection, identity: str, role: str, now: datetime) -> None:
    """Change what a user is in the organisation."""
    db.execute(update(users).where(users.c.id == identity).values(role=role, last_updated_at=stamp(now)))


def remove(db: Connection, identity: str) -> None:
    """Delete a user with all memberships; the user's keys are the caller's to revoke."""
    db.execute(delete(users).where(users.c.id == identity))


def workspaces_of(db: Connection, identity: str) -> list[str]:
    """Return the UUIDs of the workspaces that a user is a member of."""
    query = select(members.c.workspace_id).where(members.c.user_id == identity)
    return list(db.scalars(query.order_by(AS_INSERTED)))


def join(db: Connection, workspace_id: str, user_id: str, role: str, now: datetime) -> None:
    """Make a user a member of a workspace."""
    db.execute(
        insert(members).values(
            workspace_id=workspace_id,
            user_id=user_id,
            role=role,
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )


def member(db: Connection, workspace_id: str, user_id: str) -> RowMapping | None:
    """Return a member of a workspace with the user's own columns, or None."""
    query = _members(workspace_id).where(members.c.user_id == user_id)
    return db.execute(query).mappings().one_or_none()


def member_page(
    db: Connection, workspace_id: str, *, email: str | None, role: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page of a workspace's members, in the order of their coming."""
    query = _members(workspace_id)
    if email is not None:
        query = query.where(users.c.email == email.lower())
    if role is not None:
        query = query.where(members.c.role == role)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(members.c.created_at, members.c.user_id).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def set_member_role(db: Connection, workspace_id: str, user_id: str, role: str, now: datetime) -> None:
    """Change what a member is in a workspace."""
    db.execute(
        update(members)
        .where(members.c.workspace_id == workspace_id, members.c.user_id == user_id)
        .values(role=role, last_updated_at=stamp(now))
    )


def leave(db: Connection, workspace_id: str, user_id: str) -> None:
    """End a membership; the user's keys of the workspace are the caller's to revoke."""
    db.execute(delete(members).where(members.c.workspace_id == workspace_id, members.c.user_id == user_id))


def invite(
    db: Connection, *, email: str, role: str, workspaces: Sequence[Mapping[str, str]], now: datetime
) -> str:
    """Write an accepted invite down and return its id."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(invites).values(
            id=identity,
            email=email.lower(),
            role=role,
            workspaces=list(workspaces),
            status="accepted",
            created_at=stamp(now),
            expires_at=stamp(now + INVITE_LIFE),
        )
    )
    return identity


def find_invite(db: Connection, identity: str) -> RowMapping | None:
    """Return an invite's row, or None."""
    return db.execute(select(invites).where(invites.c.id == identity)).mappings().one_or_none()


def invite_page(
    db: Connection, *, filters: Mapping[str, str], offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first; `filters` are columns (email, role, status) and values."""
    query = select(invites).where(*(invites.c[name] == value for name, value in filters.items()))
    return _paged(db, query, offset, limit)


def remove_invite(db: Connection, identity: str) -> None:
    """Forget an invite; the user that it brought stays."""
    db.execute(delete(invites).where(invites.c.id == identity))


def _members(workspace_id: str) -> Select[Any]:
    return (
        select(users.c.id, users.c.email, users.c.first_name, users.c.last_name)
        .add_columns(users.c.role.label("org_role"), members)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.workspace_id == workspace_id)
    )


def _paged(db: Connection, query: Select[Any], offset: int, limit: int) -> tuple[int, Sequence[RowMapping]]:
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    return total, db.execute(query.order_by(AS_INSERTED).offset(offset).limit(limit)).mappings().all()

"""Usage and rate policies: rows that the admin API manages, and those in force as the governor reads them.

A deleted policy is archived: it can be read, and nothing is counted for it any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update

from gateway_client.bundled.store.schema import AS_INSERTED, policies, workspaces
from gateway_client.bundled.timestamps import stamp

USAGE, RATE = "usage-limits", "rate-limits"
"""The kinds, as they stand in a path."""
ACTIVE, ARCHIVED = "active", "archived"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force. Conditions are (key, value), all of which must hold.

    A condition on `workspace_id` holds the UUID here, also where it was written with the slug; those
    on providers hold slugs without `@`. `body` has the limit as the admin API took it.
    """

    id: str
    kind: str
    workspace_id: str
    conditions: tuple[tuple[str, str], ...]
    group_by: tuple[str, ...]
    body: Mapping[str, Any]
    created_at: str


def create(
    db: Connection, kind: str, *, workspace_id: str, name: str | None, body: Mapping[str, Any], now: datetime
) -> str:
    """Insert a policy and return its id."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(policies).values(
            id=identity,
            kind=kind,
            workspace_id=workspace_id,
            name=name,
            body=body,
            status=ACTIVE,
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )
    return identity


def find(db: Connection, kind: str, identity: str, status: str) -> RowMapping | None:
    """Return a policy's row, or None when there is none of that kind and status."""
    query = select(policies).where(
        policies.c.id == identity, policies.c.kind == kind, policies.c.status == status
    )
    return db.execute(query).mappings().one_or_none()


def page(
    db: Connection,
    kind: str,
    *,
    workspace_id: str | None,
    status: str,
    having: Mapping[str, str],
    offset: int,
    limit: int,
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first; `having` holds fields of the body with their values."""
    query = select(policies).where(policies.c.kind == kind, policies.c.status == status)
    if workspace_id is not None:
        query = query.where(policies.c.workspace_id == workspace_id)
    for name, value in having.items():
        query = query.where(policies.c.body[name].as_string() == value)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def change(
    db: Connection, identity: str, *, name: str | None, body: Mapping[str, Any], now: datetime
) -> None:
    """Set a policy's name and body."""
    values = {"name": name, "body": body, "last_updated_at": stamp(now)}
    db.execute(update(policies).where(policies.c.id == identity).values(**values))


def archive(db: Connection, identity: str, now: datetime) -> None:
    """Take a policy out of force."""
    values = {"status": ARCHIVED, "last_updated_at": stamp(now)}
    db.execute(update(policies).where(policies.c.id == identity).values(**values))


def in_force(db: Connection) -> list[Policy]:
    """Return every active policy, budgets before rates, older ones first."""
    query = select(policies).where(policies.c.status == ACTIVE)
    rows = db.execute(query.order_by(policies.c.kind.desc(), AS_INSERTED)).mappings().all()
    return [
        Policy(
            id=row["id"],
            kind=row["kind"],
            workspace_id=row["workspace_id"],
            conditions=tuple(
                (item["key"], _wanted(db, item["key"], item["value"])) for item in row["body"]["conditions"]
            ),
            group_by=tuple(item["key"] for item in row["body"]["group_by"]),
            body=row["body"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


def _wanted(db: Connection, key: str, value: str) -> str:
    match key:
        case "workspace_id":
            named = or_(workspaces.c.id == value, workspaces.c.slug == value)
            return db.scalar(select(workspaces.c.id).where(named)) or value
        case "provider" | "virtual_key":
            return value.removeprefix("@")
        case _:
            return value

"""Exports of the log that were asked for: which requests, which fields, and how far they are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from gateway_client.bundled.store.schema import AS_INSERTED, log_exports
from gateway_client.bundled.timestamps import stamp


def create(db: Connection, description: str | None, body: Mapping[str, Any], now: datetime) -> str:
    """Insert a draft and return its id. `body` says what is wanted; its `workspace_id` whose it is."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(log_exports).values(
            id=identity,
            status="draft",
            description=description,
            body=dict(body),
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )
    return identity


def find(db: Connection, identity: str) -> RowMapping | None:
    """Return an export's row, or None."""
    return db.execute(select(log_exports).where(log_exports.c.id == identity)).mappings().one_or_none()


def page(
    db: Connection, workspace_id: str | None, *, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first, of one workspace or of all."""
    query = select(log_exports)
    if workspace_id is not None:
        query = query.where(log_exports.c.body["workspace_id"].as_string() == workspace_id)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def change(db: Connection, identity: str, values: Mapping[str, Any], now: datetime) -> None:
    """Set columns of one export."""
    db.execute(
        update(log_exports).where(log_exports.c.id == identity).values(**values, last_updated_at=stamp(now))
    )

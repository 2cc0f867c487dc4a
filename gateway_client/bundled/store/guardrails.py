"""Guardrails as they were saved; `guardrails.language` knows what they mean."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, or_, select, update

from gateway_client.bundled.store.naming import generated_slug
from gateway_client.bundled.store.schema import AS_INSERTED, guardrails
from gateway_client.bundled.timestamps import stamp


def create(
    db: Connection,
    *,
    workspace_id: str | None,
    name: str,
    checks: Sequence[Any],
    actions: Mapping[str, Any],
    now: datetime,
) -> RowMapping:
    """Insert a guardrail under a generated slug and return its row; without a workspace it is for all."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(guardrails).values(
            id=identity,
            slug=generated_slug("pg", name),
            workspace_id=workspace_id,
            name=name,
            checks=checks,
            actions=actions,
            version_id=str(uuid.uuid4()),
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )
    return db.execute(select(guardrails).where(guardrails.c.id == identity)).mappings().one()


def find(db: Connection, reference: str) -> RowMapping | None:
    """Return the guardrail of a UUID or slug, or None."""
    return db.execute(select(guardrails).where(_is(reference))).mappings().one_or_none()


def usable(db: Connection, workspace_id: str | None, reference: str) -> RowMapping | None:
    """Return the guardrail of a UUID or slug if it is the workspace's own or the organisation's."""
    of_these = or_(guardrails.c.workspace_id == workspace_id, guardrails.c.workspace_id.is_(None))
    return db.execute(select(guardrails).where(_is(reference), of_these)).mappings().one_or_none()


def page(
    db: Connection, *, workspace_id: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first, of one workspace or of all."""
    query = select(guardrails)
    if workspace_id is not None:
        query = query.where(guardrails.c.workspace_id == workspace_id)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    return total, db.execute(query.order_by(AS_INSERTED).offset(offset).limit(limit)).mappings().all()


def change(db: Connection, identity: str, values: Mapping[str, Any], now: datetime) -> str:
    """Set columns of one guardrail, and return the id of the new version."""
    version = str(uuid.uuid4())
    db.execute(
        update(guardrails)
        .where(guardrails.c.id == identity)
        .values(**values, version_id=version, last_updated_at=stamp(now))
    )
    return version


def remove(db: Connection, identity: str) -> None:
    """Delete a guardrail. Requests under a config that names it are refused from then on."""
    db.execute(delete(guardrails).where(guardrails.c.id == identity))


def _is(reference: str) -> ColumnElement[bool]:
    return or_(guardrails.c.slug == reference, guardrails.c.id == reference)

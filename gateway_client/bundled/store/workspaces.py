"""Workspaces: the rows that own keys and configs. One of them is the default."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, or_, select, update

from gateway_client.bundled.store.naming import generated_slug
from gateway_client.bundled.store.schema import AS_INSERTED, api_keys, configs, workspaces
from gateway_client.bundled.timestamps import stamp


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new workspace is made from."""

    name: str
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    usage_limits: Sequence[Any] | None = None
    rate_limits: Sequence[Any] | None = None


def create(db: Connection, draft: Draft, now: datetime, *, is_default: bool = False) -> RowMapping:
    """Insert a workspace under a generated slug and return its row."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(workspaces).values(
            id=identity,
            slug=generated_slug("ws", draft.name),
            name=draft.name,
            description=draft.description,
            is_default=is_default,
            defaults_metadata=draft.metadata,
            usage_limits=draft.usage_limits,
            rate_limits=draft.rate_limits,
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )
    return db.execute(select(workspaces).where(workspaces.c.id == identity)).mappings().one()


def find(db: Connection, reference: str | None) -> RowMapping | None:
    """Return the workspace of a UUID or slug, the default one for None, or None when there is none."""
    wanted: ColumnElement[bool] = (
        workspaces.c.is_default.is_(True)
        if reference is None
        else or_(workspaces.c.id == reference, workspaces.c.slug == reference)
    )
    return db.execute(select(workspaces).where(wanted)).mappings().one_or_none()


def page(
    db: Connection, *, name: str | None, exact_name: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first; `name` matches a part, case-sensitive."""
    query = select(workspaces)
    if name is not None:
        query = query.where(func.instr(workspaces.c.name, name) > 0)
    if exact_name is not None:
        query = query.where(workspaces.c.name == exact_name)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def change(db: Connection, identity: str, values: Mapping[str, Any], now: datetime) -> None:
    """Set columns of one workspace."""
    db.execute(
        update(workspaces).where(workspaces.c.id == identity).values(**values, last_updated_at=stamp(now))
    )


def is_empty(db: Connection, identity: str) -> bool:
    """Tell whether a workspace holds neither keys nor configs."""
    held = sum(
        db.scalar(select(func.count()).where(table.c.workspace_id == identity)) or 0
        for table in (api_keys, configs)
    )
    return held == 0


def remove(db: Connection, identity: str) -> None:
    """Delete a workspace with all that it holds."""
    db.execute(delete(workspaces).where(workspaces.c.id == identity))

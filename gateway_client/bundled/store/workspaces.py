"""Workspaces: the rows that own keys and configs. One of them is the default."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, or_, select, update

from gateway_client.bundled.store.naming import generated_slug
from gateway_client.bundled.store.schema import (
    AS_INSERTED,
    api_keys,
    configs,
    guardrails,
    policies,
    workspaces,
)
from gateway_client.bundled.timestamps import stamp


def create(db: Connection, name: str, now: datetime, *, is_default: bool = False) -> RowMapping:
    """Insert a workspace under a generated slug and return its row."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(workspaces).values(
            id=identity,
            slug=generated_slug("ws", name),
            name=name,
            is_default=is_default,
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
    db: Connection, *, name: str | None, exact_name: str | None, only: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first; `name` matches a part, case-sensitive.

    `only` is the UUID of the one workspace that may be seen, None for all.
    """
    query = select(workspaces)
    if only is not None:
        query = query.where(workspaces.c.id == only)
    if name is not None:
        query = query.where(func.instr(workspaces.c.name, name) > 0)
    if exact_name is not None:
        query = query.where(workspaces.c.name == exact_name)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def change(db: Connection, identity: str, values: Mapping[str, Any], now: datetime) -> RowMapping:
    """Set columns of one workspace and return its row."""
    db.execute(
        update(workspaces).where(workspaces.c.id == identity).values(**values, last_updated_at=stamp(now))
    )
    return db.execute(select(workspaces).where(workspaces.c.id == identity)).mappings().one()


def users_config(db: Connection, identity: str) -> str | None:
    """Return the config (slug or UUID) of users' keys that name none, or None."""
    return db.scalar(select(workspaces.c.user_api_key_config).where(workspaces.c.id == identity))


def is_empty(db: Connection, identity: str) -> bool:
    """Tell whether a workspace holds no keys, configs, guardrails and policies; members do not count."""
    held = sum(
        db.scalar(select(func.count()).where(table.c.workspace_id == identity)) or 0
        for table in (api_keys, configs, guardrails, policies)
    )
    return held == 0


def remove(db: Connection, identity: str) -> None:
    """Delete a workspace with all that it holds."""
    db.execute(delete(workspaces).where(workspaces.c.id == identity))

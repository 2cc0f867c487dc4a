"""API keys: the rows that the admin API manages, and the look-up that every request begins with.

A secret is kept as its SHA-256 only. A rotated key has two of them until the transition ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from gateway_client.bundled.credentials import MintedSecret
from gateway_client.bundled.store.schema import AS_INSERTED, api_keys, secrets, users, workspaces
from gateway_client.bundled.timestamps import stamp


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: what its key allows and carries.

    `expires_at`, `ends_at` (of a secret in transition) and `created_at` are moments as the store keeps
    them. Limits
    are as the admin API took them (`admin.bodies.UsageLimits`, `RateLimit`), None or empty for none.
    """

    key_id: str
    key_name: str
    type: str
    scopes: tuple[str, ...]
    workspace_id: str | None
    config: str | None
    allow_config_override: bool
    metadata: Mapping[str, Any]
    workspace_metadata: Mapping[str, Any]
    user_id: str | None
    expires_at: str | None
    ends_at: str | None
    usage_limits: Mapping[str, Any] | None
    rate_limits: Sequence[Mapping[str, Any]]
    workspace_usage_limits: Sequence[Mapping[str, Any]]
    workspace_rate_limits: Sequence[Mapping[str, Any]]
    created_at: str
    workspace_created_at: str | None

    def expired(self, now: datetime) -> bool:
        """Tell whether the key's own end has come."""
        return self.expires_at is not None and self.expires_at <= stamp(now)


def create(db: Connection, values: Mapping[str, Any], secret: MintedSecret, now: datetime) -> str:
    """Insert a key with its first secret and return its id."""
    identity = str(uuid.uuid4())
    db.execute(
        insert(api_keys).values(
            **values, id=identity, masked=secret.masked, created_at=stamp(now), last_updated_at=stamp(now)
        )
    )
    db.execute(insert(secrets).values(digest=secret.digest, key_id=identity, ends_at=None))
    return identity


def find(db: Connection, identity: str) -> RowMapping | None:
    """Return a key's row, or None."""
    return db.execute(select(api_keys).where(api_keys.c.id == identity)).mappings().one_or_none()


def page(
    db: Connection,
    *,
    workspace_id: str | None,
    types: Sequence[str] | None = None,
    ids: Sequence[str] | None,
    offset: int,
    limit: int,
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first, of keys of the given types and ids (None: of all)."""
    query = select(api_keys)
    if types is not None:
        query = query.where(api_keys.c.type.in_(types))
    if workspace_id is not None:
        query = query.where(api_keys.c.workspace_id == workspace_id)
    if ids is not None:
        query = query.where(api_keys.c.id.in_(ids))
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def held(db: Connection, *, workspace_id: str | None = None, user_id: str | None = None) -> list[str]:
    """Return the ids of all keys of a workspace, of a user, or of a user in a workspace."""
    query = select(api_keys.c.id)
    if workspace_id is not None:
        query = query.where(api_keys.c.workspace_id == workspace_id)
    if user_id is not None:
        query = query.where(api_keys.c.user_id == user_id)
    return list(db.scalars(query))


def change(db: Connection, identity: str, values: Mapping[str, Any], now: datetime) -> None:
    """Set columns of one key."""
    db.execute(update(api_keys).where(api_keys.c.id == identity).values(**values, last_updated_at=stamp(now)))


def remove(db: Connection, identity: str) -> None:
    """Revoke a key: its secrets end with this transaction."""
    db.execute(delete(api_keys).where(api_keys.c.id == identity))


def in_transition(db: Connection, identity: str, now: datetime) -> bool:
    """Tell whether the secret before the current one still works."""
    query = select(secrets.c.digest).where(secrets.c.key_id == identity, secrets.c.ends_at > stamp(now))
    return db.execute(query).first() is not None


def rotate(db: Connection, identity: str, secret: MintedSecret, ends_at: datetime, now: datetime) -> None:
    """Give a key a new secret; the current one works on until `ends_at`, older ones are forgotten."""
    db.execute(delete(secrets).where(secrets.c.key_id == identity, secrets.c.ends_at.is_not(None)))
    db.execute(update(secrets).where(secrets.c.key_id == identity).values(ends_at=stamp(ends_at)))
    db.execute(insert(secrets).values(digest=secret.digest, key_id=identity, ends_at=None))
    change(db, identity, {"masked": secret.masked}, now)


def caller(db: Connection, digest: str, now: datetime) -> Caller | None:
    """Return who holds a secret, or None for one that is unknown, revoked or past its transition.

    A user's key carries the user's address as `_user` (facts/portkey.md 9.4), and runs under its
    workspace's config for users where it names none.
    """
    query = (
        select(
            api_keys,
            secrets.c.ends_at,
            workspaces.c.defaults_metadata.label("workspace_metadata"),
            workspaces.c.usage_limits.label("workspace_usage_limits"),
            workspaces.c.rate_limits.label("workspace_rate_limits"),
            workspaces.c.created_at.label("workspace_created_at"),
            workspaces.c.user_api_key_config.label("users_config"),
            users.c.email,
        )
        .join(secrets, secrets.c.key_id == api_keys.c.id)
        .join(workspaces, workspaces.c.id == api_keys.c.workspace_id, isouter=True)
        .join(users, users.c.id == api_keys.c.user_id, isouter=True)
        .where(secrets.c.digest == digest, or_(secrets.c.ends_at.is_(None), secrets.c.ends_at > stamp(now)))
    )
    row = db.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Caller(
        key_id=row["id"],
        key_name=row["name"],
        type=row["type"],
        scopes=tuple(row["scopes"]),
        workspace_id=row["workspace_id"],
        config=row["config_id"] or (row["users_config"] if row["user_id"] else None),
        allow_config_override=row["allow_config_override"] is not False,
        metadata=({"_user": row["email"]} if row["email"] else {}) | (row["defaults_metadata"] or {}),
        workspace_metadata=row["workspace_metadata"] or {},
        user_id=row["user_id"],
        expires_at=row["expires_at"],
        ends_at=row["ends_at"],
        usage_limits=row["usage_limits"],
        rate_limits=tuple(row["rate_limits"] or ()),
        workspace_usage_limits=tuple(row["workspace_usage_limits"] or ()),
        workspace_rate_limits=tuple(row["workspace_rate_limits"] or ()),
        created_at=row["created_at"],
        workspace_created_at=row["workspace_created_at"],
    )

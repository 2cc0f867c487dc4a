"""Providers that the operator added: where they are, and their keys, sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gateway_client.bundled.store.schema import AS_INSERTED, providers
from gateway_client.bundled.timestamps import stamp


@dataclass(frozen=True, slots=True)
class StoredProvider:
    """One provider. Without a `base_url` the echo answers for it, and it has no key."""

    slug: str
    family: str
    base_url: str | None
    auth: str
    sealed_key: str | None


def put(db: Connection, provider: StoredProvider, now: datetime) -> None:
    """Add a provider, or replace the one of its slug."""
    moment = stamp(now)
    created = db.scalar(select(providers.c.created_at).where(providers.c.slug == provider.slug)) or moment
    remove(db, provider.slug)
    values: Mapping[str, Any] = {
        "slug": provider.slug,
        "family": provider.family,
        "base_url": provider.base_url,
        "auth": provider.auth,
        "sealed_key": provider.sealed_key,
    }
    db.execute(insert(providers).values(**values, created_at=created, last_updated_at=moment))


def remove(db: Connection, slug: str) -> bool:
    """Remove a provider; tells whether there was one."""
    return db.execute(delete(providers).where(providers.c.slug == slug)).rowcount > 0


def listed(db: Connection) -> tuple[StoredProvider, ...]:
    """Return all of them, the oldest first."""
    columns = (
        providers.c.slug,
        providers.c.family,
        providers.c.base_url,
        providers.c.auth,
        providers.c.sealed_key,
    )
    return tuple(StoredProvider(*row) for row in db.execute(select(*columns).order_by(AS_INSERTED)))

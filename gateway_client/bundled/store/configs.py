"""Routing configs with their versions. A body is kept as the JSON text that was saved."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway_client.bundled.store.naming import generated_slug
from gateway_client.bundled.store.schema import AS_INSERTED, config_versions, configs
from gateway_client.bundled.timestamps import stamp


@dataclass(frozen=True, slots=True)
class Saved:
    """The current version of a config, as the data plane needs it."""

    slug: str
    body: str


def create(
    db: Connection, *, workspace_id: str, name: str, body: str, is_default: bool, now: datetime
) -> RowMapping:
    """Insert a config with its first version and return its row."""
    identity, version = str(uuid.uuid4()), str(uuid.uuid4())
    db.execute(
        insert(configs).values(
            id=identity,
            slug=generated_slug("pc", name),
            workspace_id=workspace_id,
            name=name,
            is_default=is_default,
            version_id=version,
            created_at=stamp(now),
            last_updated_at=stamp(now),
        )
    )
    _add_version(db, identity, version, name, body, now)
    return db.execute(_with_body().where(configs.c.id == identity)).mappings().one()


def find(db: Connection, reference: str) -> RowMapping | None:
    """Return the config of a slug or UUID with its current `body`, or None."""
    return db.execute(_with_body().where(_is(reference))).mappings().one_or_none()


def saved(db: Connection, workspace_id: str | None, reference: str) -> Saved | None:
    """Return what a key of the workspace may use under a slug or UUID, or None."""
    query = _with_body().where(_is(reference), configs.c.workspace_id == workspace_id)
    row = db.execute(query).mappings().one_or_none()
    return None if row is None else Saved(row["slug"], row["body"])


def page(
    db: Connection, *, workspace_id: str | None, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page, oldest first, of one workspace or of all."""
    query = select(configs)
    if workspace_id is not None:
        query = query.where(configs.c.workspace_id == workspace_id)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(AS_INSERTED).offset(offset).limit(limit)
    return total, db.execute(ordered).mappings().all()


def change(db: Connection, config: RowMapping, *, name: str | None, body: str | None, now: datetime) -> str:
    """Rename a config, save a new version of it when there is a body, and return the version's id."""
    version = config["version_id"]
    new_name = name or config["name"]
    if body is not None:
        version = str(uuid.uuid4())
        _add_version(db, config["id"], version, new_name, body, now)
    db.execute(
        update(configs)
        .where(configs.c.id == config["id"])
        .values(name=new_name, version_id=version, last_updated_at=stamp(now))
    )
    return str(version)


def versions(db: Connection, config_id: str) -> Sequence[RowMapping]:
    """Return every version of a config, newest first."""
    query = select(config_versions).where(config_versions.c.config_id == config_id)
    return db.execute(query.order_by(config_versions.c.number.desc())).mappings().all()


def remove(db: Connection, config_id: str) -> None:
    """Delete a config with its versions. Keys bound to it answer 400 from then on."""
    db.execute(delete(configs).where(configs.c.id == config_id))


def _is(reference: str) -> ColumnElement[bool]:
    return or_(configs.c.slug == reference, configs.c.id == reference)


def _with_body() -> Select[tuple[object, ...]]:
    return select(configs, config_versions.c.body).join(
        config_versions, config_versions.c.version_id == configs.c.version_id
    )


def _add_version(
    db: Connection, config_id: str, version_id: str, name: str, body: str, now: datetime
) -> None:
    number = db.scalar(select(func.count()).where(config_versions.c.config_id == config_id)) or 0
    db.execute(
        insert(config_versions).values(
            version_id=version_id,
            config_id=config_id,
            number=number + 1,
            name=name,
            body=body,
            created_at=stamp(now),
        )
    )

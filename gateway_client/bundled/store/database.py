"""Opens the SQLite file and hands out connections: many readers, one writer, nothing lost at a kill."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, RowMapping, create_engine, event, insert, inspect, select
from sqlalchemy.exc import DatabaseError

from gateway_client.bundled.errors import StoreUnusable
from gateway_client.bundled.store import migration, schema, workspaces
from gateway_client.bundled.timestamps import stamp


@dataclass(slots=True)
class Store:
    """An open database. `instance_id` tells it from every other one; health checks show it.

    `generation` rises with every change that an admin makes, so that what is kept in memory is known
    to be old; what only adds to the log leaves it alone.
    """

    engine: Engine
    instance_id: str
    organisation_id: str
    created_at: str
    generation: int = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state throughout."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the only writing connection; commits at the end, rolls back on an error."""
        with _writer(self.engine) as connection:
            yield connection
        self.generation += 1

    @contextmanager
    def logging(self) -> Iterator[Connection]:
        """Give the same for what no request goes by: records and meters."""
        with _writer(self.engine) as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_store(path: Path, now: datetime) -> Store:
    """Open the database, and make it with its default workspace when there is none (0600 in 0700).

    One of an older version is upgraded, or left as it was if that fails. Raises `StoreUnusable` for a
    file that is no database, or one of another version.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = _engine(path)
    try:
        with _writer(engine) as connection:
            found = _made_ready(connection, path, now)
    except DatabaseError as exc:
        engine.dispose()
        raise StoreUnusable(
            f"{path} can't be used as the gateway's database: {exc.orig}",
            "name another file, or move this one away",
        ) from exc
    except StoreUnusable:
        engine.dispose()
        raise
    return Store(engine, found["instance_id"], found["organisation_id"], found["created_at"])


def _made_ready(connection: Connection, path: Path, now: datetime) -> RowMapping:
    """Make, upgrade or accept the database, and return its identity; a stranger's stays as it is."""
    identity = inspect(connection).has_table(schema.identity.name)
    version = connection.scalar(select(schema.identity.c.schema_version)) if identity else None
    if version is None:
        schema.tables.create_all(connection)
        _begin(connection, now)
    elif migration.OLDEST <= version < schema.VERSION:
        migration.upgrade(connection)
    elif version != schema.VERSION:
        raise StoreUnusable(
            f"{path} is of schema {version}, this gateway needs {schema.VERSION}",
            "use the version of the tool that made it, or start with a new file",
        )
    return connection.execute(select(schema.identity)).mappings().one()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,  # an error of the database must not print names and digests
        max_overflow=-1,  # the data plane must never wait for a connection of the admin's threads
        connect_args={"timeout": 15},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver starts no transactions; `begin` below does
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine


@contextmanager
def _writer(engine: Engine) -> Iterator[Connection]:
    # IMMEDIATE: a reader that turns writer half-way can fail, one that says so at once only waits.
    with engine.connect().execution_options(begin="IMMEDIATE") as connection, connection.begin():
        yield connection


def _begin(connection: Connection, now: datetime) -> None:
    connection.execute(
        insert(schema.identity).values(
            schema_version=schema.VERSION,
            instance_id=str(uuid.uuid4()),
            organisation_id=str(uuid.uuid4()),
            created_at=stamp(now),
        )
    )
    workspaces.create(connection, "Default", now, is_default=True)

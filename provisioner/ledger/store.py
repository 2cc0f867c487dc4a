"""The ledger on disk: SQLAlchemy over one SQLite file, with the vault's sealed secrets beside the events.

Each append is one transaction, flushed to disk before it returns. The schema is built in a
temporary file that is renamed in, so that a half-made ledger never exists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from provisioner.errors import LedgerError
from provisioner.files import PRIVATE_FILE
from provisioner.ledger.model import EVENT, GENESIS, Delivered, Event, Snapshot, chained, dump, fold

SCHEMA = 1

METADATA = sa.MetaData()
ABOUT = sa.Table(
    "about",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)
SEALED = sa.Table(
    "sealed",
    METADATA,
    sa.Column("vault_id", sa.String, primary_key=True),
    sa.Column("box", sa.LargeBinary, nullable=False),
)


class LedgerStore:
    """An open ledger. Use as a context manager, or `close` it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        with self._translated(), self._engine.connect() as db:
            about = {row.name: row.value for row in db.execute(sa.select(ABOUT))}
        if about.get("schema") != str(SCHEMA):
            raise LedgerError(
                f"{path} has schema {about.get('schema')}, this version of provision knows {SCHEMA}",
                hint="use the version of provision that wrote it, or a newer one",
            )
        self.ledger_id = about["ledger_id"]

    @classmethod
    def open(cls, path: Path) -> LedgerStore:
        """Open the ledger, and make a new one where there is none."""
        if not path.exists():
            building = path.with_name(f".{path.name}.new")
            building.unlink(missing_ok=True)
            building.touch(mode=PRIVATE_FILE)
            engine = _engine(building)
            METADATA.create_all(engine)
            with engine.begin() as db:
                about = {"schema": str(SCHEMA), "ledger_id": uuid.uuid4().hex}
                db.execute(sa.insert(ABOUT), [{"name": k, "value": v} for k, v in about.items()])
            engine.dispose()
            building.replace(path)
        return cls(path)

    def __enter__(self) -> LedgerStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database file."""
        self._engine.dispose()

    def snapshot(self) -> Snapshot:
        """Return what the events amount to; checks the whole chain."""
        with self._translated(), self._engine.connect() as db:
            rows = db.execute(sa.select(EVENTS.c.body, EVENTS.c.hash).order_by(EVENTS.c.number))
            return fold(self.ledger_id, ((row.body, row.hash) for row in rows))

    def append(self, at: str, *events: Event) -> None:
        """Add events in one transaction; `at` is an ISO 8601 UTC time for people to read."""
        with self._translated(), self._engine.begin() as db:
            last = db.execute(
                sa.select(EVENTS.c.number, EVENTS.c.hash).order_by(EVENTS.c.number.desc()).limit(1)
            ).first()
            number, head = (last.number, last.hash) if last else (0, GENESIS)
            for event in events:
                body = dump(event)
                number, head = number + 1, chained(head, body)
                db.execute(sa.insert(EVENTS).values(number=number, at=at, body=body, hash=head))

    def deliveries(self) -> Iterator[Delivered]:
        """Yield every delivery, oldest first."""
        with self._translated(), self._engine.connect() as db:
            for body in db.execute(sa.select(EVENTS.c.body).order_by(EVENTS.c.number)).scalars():
                event = EVENT.validate_json(body)
                if isinstance(event, Delivered):
                    yield event

    def put_sealed(self, vault_id: str, box: bytes) -> None:
        """Keep a sealed secret; on disk when this returns."""
        with self._translated(), self._engine.begin() as db:
            db.execute(sa.insert(SEALED).values(vault_id=vault_id, box=box))

    def get_sealed(self, vault_id: str) -> bytes | None:
        """Return a sealed secret, or None when there is none of that id."""
        with self._translated(), self._engine.connect() as db:
            return db.execute(sa.select(SEALED.c.box).where(SEALED.c.vault_id == vault_id)).scalar()

    def sealed_ids(self) -> frozenset[str]:
        """Return the ids of all sealed secrets."""
        with self._translated(), self._engine.connect() as db:
            return frozenset(db.execute(sa.select(SEALED.c.vault_id)).scalars())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as exc:
            raise LedgerError(
                f"the ledger {self.path} can't be read or written: {exc.orig}",
                hint="check the disk and the file's owner, or restore the state folder from a backup",
            ) from exc


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))

    @sa.event.listens_for(engine, "connect")
    def _durable(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = FULL")  # an intent must be on disk before the call goes out
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.close()

    return engine

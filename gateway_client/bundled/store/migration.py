"""Brings a database of an older schema up to the present one, in the transaction of the caller.

Tables only ever gain columns and indexes, so nothing is copied and no key can be lost on the way.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, inspect, text, update
from sqlalchemy.schema import CreateColumn

from gateway_client.bundled.store.schema import VERSION, identity, tables

OLDEST = 1
"""The first version that can be brought up to date."""

_FILLED = {"attempts": "1", "verdicts": "'[]'", "request_bytes": "0", "response_bytes": "0"}
"""What rows from before a column get where it must hold something. A logged request was one call."""

_FROM_1 = (
    """
    UPDATE request_log SET
        tenant = json_extract(merged_metadata, '$.tenant'),
        team = json_extract(merged_metadata, '$.team'),
        env = json_extract(merged_metadata, '$.env'),
        "user" = coalesce(json_extract(merged_metadata, '$.user'), json_extract(merged_metadata, '$._user')),
        workspace_id = (SELECT workspace_id FROM api_keys WHERE api_keys.id = request_log.key_id)
    """,
)


def upgrade(db: Connection) -> None:
    """Add the tables, columns and indexes that version 1 had not, and what can be told of old requests."""
    there = inspect(db)
    older = {table.name: table for table in tables.sorted_tables if there.has_table(table.name)}
    tables.create_all(db)
    for name, table in older.items():
        columns = {column["name"] for column in there.get_columns(name)}
        indexes = {index["name"] for index in there.get_indexes(name)}
        for column in table.columns:
            if column.name not in columns:
                db.execute(text(f"ALTER TABLE {name} ADD COLUMN {_specification(db, column)}"))
        for index in table.indexes:
            if index.name not in indexes:
                index.create(db)
    for statement in _FROM_1:
        db.execute(text(statement))
    db.execute(update(identity).values(schema_version=VERSION))


def _specification(db: Connection, column: Column[object]) -> str:
    written = str(CreateColumn(column).compile(dialect=db.dialect))
    return written if column.nullable else f"{written} DEFAULT {_FILLED[column.name]}"

"""Deletes what the log has kept long enough: requests with their bodies, and the audit of admin calls."""

from __future__ import annotations

from sqlalchemy import Connection

PORTION = 500
"""Rows of each kind per call: a write lock of milliseconds, so that nobody has to wait for it."""

_STATEMENTS = tuple(
    f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE time < ? ORDER BY time LIMIT {PORTION})"  # noqa: S608  # names are ours
    for table in ("request_log", "admin_log")
)


def sweep(db: Connection, before: str) -> bool:
    """Delete the oldest entries of before that moment; tell whether there may be more of them."""
    deleted = [db.exec_driver_sql(statement, (before,)).rowcount for statement in _STATEMENTS]
    return PORTION in deleted

"""Meters as rows: what was counted against limits, so that it survives a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Integer, and_, cast, delete, func, select

from gateway_client.bundled.store.schema import api_keys, meters, policies, workspaces

_UPSERT = (
    "INSERT INTO meters (subject, gauge, window, amount) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (subject, gauge) DO UPDATE SET window = excluded.window, amount = excluded.amount"
)


class MeterRow(NamedTuple):
    """What one limit has counted. `subject` is the id of a key, a workspace or a policy.

    `gauge` names the limit of that subject (`budget cost monthly`, `rate requests rpm`), or the value
    that a policy groups by (`metadata._user:alice`). `window` is the counted period, as `begin/end`
    in milliseconds since 1970; `amount` counts requests, tokens, or billionths of a dollar in it.
    """

    subject: str
    gauge: str
    window: str
    amount: int


def write(db: Connection, rows: Sequence[MeterRow]) -> None:
    """Set meters to these amounts, in the transaction of `db`; nothing is done for no rows."""
    if rows:
        db.exec_driver_sql(_UPSERT, list(rows))


def load(db: Connection, now: int = 0) -> list[MeterRow]:
    """Return all meters, and delete those whose key, workspace or policy is gone.

    A whole workspace takes its keys along, and a late flush may write what was just deleted. Of
    policies, whose groups can be many, those go too whose window ended until `now` (milliseconds);
    a window without length is a mark, and stays.
    """
    living = select(api_keys.c.id).union(select(workspaces.c.id), select(policies.c.id))
    db.execute(delete(meters).where(meters.c.subject.not_in(living)))
    mid = func.instr(meters.c.window, "/")
    begin, end = func.substr(meters.c.window, 1, mid - 1), func.substr(meters.c.window, mid + 1)
    ended = and_(begin != end, cast(end, Integer) <= now)
    db.execute(delete(meters).where(meters.c.subject.in_(select(policies.c.id)), ended))
    return [MeterRow(*row) for row in db.execute(select(meters))]


def remove(db: Connection, subject: str) -> None:
    """Delete the meters of one subject."""
    db.execute(delete(meters).where(meters.c.subject == subject))

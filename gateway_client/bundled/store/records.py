"""What is written down of each request and each admin call, and how it is read back. Never bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, insert, or_, select

from gateway_client.bundled.store.schema import admin_log, request_log

Outcome = Literal[
    "answered", "refused", "upstream failed", "client gone", "gateway failed", "gateway stopped"
]


@dataclass(slots=True)
class RequestRecord:
    """One request of a known key, filled in while it is handled; the fields are the table's columns.

    `contradicted` holds what the request's own header claimed where key or workspace say otherwise
    (T22). `status` is what the client got; 499 when it went away before there was one. `outcome`
    says whose doing the end was. Tokens and cost are None where the upstream told no usage or the
    model has no known price. `attempts` counts calls to providers. `verdicts` are those of guardrails
    and limits: `{"check", "verdict", "deny", "detail"}` each. `error` says in words why no answer came.
    `first_byte_ms` is from the request's arrival to the first byte passed back.
    """

    time: str
    trace_id: str
    workspace_id: str | None
    key_id: str
    key_name: str
    path: str
    merged_metadata: Mapping[str, str | None] = field(default_factory=dict)
    contradicted: Mapping[str, str | None] = field(default_factory=dict)
    stream: bool = False
    config: str | None = None
    target: str | None = None
    provider: str | None = None
    model_asked: str | None = None
    model_served: str | None = None
    status: int = 499
    outcome: Outcome = "client gone"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_nano_usd: int | None = None
    latency_ms: int = 0
    first_byte_ms: int | None = None
    attempts: int = 0
    cache_status: str | None = None
    verdicts: Sequence[Mapping[str, Any]] = ()
    error: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    user_agent: str | None = None
    client_version: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    settings_checksum: str | None = None
    tenant: str | None = None
    team: str | None = None
    user: str | None = None
    env: str | None = None


@dataclass(frozen=True, slots=True)
class AdminRecord:
    """One call of the admin API; the path without its query."""

    time: str
    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests to list; None leaves a field open, `metadata` must match in every key."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    provider: str | None = None
    key_id: str | None = None


def write(db: Connection, entries: Sequence[RequestRecord | AdminRecord]) -> None:
    """Append entries in their order."""
    for table, kind in ((request_log, RequestRecord), (admin_log, AdminRecord)):
        rows = [_columns(entry) for entry in entries if isinstance(entry, kind)]
        if rows:
            db.execute(insert(table), rows)


def requests(
    db: Connection, filters: Filters, *, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page of the request log, newest first."""
    query = select(request_log)
    for position, (name, value) in enumerate(filters.metadata.items()):
        pair = func.json_each(request_log.c.merged_metadata).table_valued("key", "value", name=f"m{position}")
        query = query.where(
            select(1).select_from(pair).where(pair.c.key == name, pair.c.value == value).exists()
        )
    if filters.model is not None:
        query = query.where(
            or_(request_log.c.model_asked == filters.model, request_log.c.model_served == filters.model)
        )
    if filters.provider is not None:
        query = query.where(request_log.c.provider == filters.provider)
    if filters.key_id is not None:
        query = query.where(request_log.c.key_id == filters.key_id)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    newest = query.order_by(request_log.c.id.desc()).offset(offset).limit(limit)
    return total, db.execute(newest).mappings().all()


def admin_calls(db: Connection, *, offset: int, limit: int) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page of the audit of admin calls, newest first."""
    total = db.scalar(select(func.count()).select_from(admin_log)) or 0
    newest = select(admin_log).order_by(admin_log.c.id.desc()).offset(offset).limit(limit)
    return total, db.execute(newest).mappings().all()


def _columns(entry: RequestRecord | AdminRecord) -> dict[str, Any]:
    return {column.name: getattr(entry, column.name) for column in fields(entry)}

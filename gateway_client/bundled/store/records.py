"""What is written down of each request and each admin call, and how it is found again.

Reading only: `logbook` writes, in its own thread. Bodies are in `bodies`, sums in `analytics`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from gateway_client.bundled.store.schema import admin_log, request_bodies, request_log

Outcome = Literal[
    "answered", "refused", "upstream failed", "client gone", "gateway failed", "gateway stopped"
]
PICKED = 500
"""Values that `distinct` returns at most."""


@dataclass(slots=True)
class RequestRecord:
    """One request of a known key, filled in while it is handled; the fields are the table's columns.

    `contradicted` holds what the request's own header claimed where key or workspace say otherwise
    (T22). `status` is what the client got; 499 when it went away before there was one. `outcome`
    says whose doing the end was. Tokens and cost are None where the upstream told no usage or the
    model has no known price; where `error` says `usage estimated` they are, at least in part. `attempts`
    counts calls to providers. `verdicts` are those of guardrails and limits:
    `{"check", "verdict", "deny", "detail"}` each. `error` says in words why no answer came, and what is
    not sure about its usage. `first_byte_ms` is from the request's arrival to the first byte passed back.

    `bodies` is no column: request and response as they went over the wire, set only where
    `settings.log_bodies` is on. They are redacted and cut before they are written (`bodies`): that is
    `kept`, which the log fills in. It bounds everything else, too (`bounds`).
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
    bodies: tuple[bytes, bytes] | None = None
    kept: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AdminRecord:
    """One call of the admin API; the path without its query.

    `caller` is the id of the key that called, `admin token`, or None for one that was not known.
    """

    time: str
    method: str
    path: str
    status: int
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests are meant. None or empty leaves a field open; all that is given must match.

    `metadata` must match in every key. `model` is the one asked for or the one served. `since` (that
    moment included) and `until` (not included) are `timestamps.stamp`s. `content` is looked for in
    logged bodies, upper and lower case of ASCII alike; requests without logged bodies have none. It
    reads every body of the time between, so give it a `since`.

    `any_of`: one of several values, by column or by `provider__model` as Portkey writes the two in one.
    `at_least`, `at_most`: both ends included, of `tokens` (all of them), `prompt_tokens` (with those
    of the cache), `output_tokens`, `cost_nano_usd`; what is not known is below and above nothing.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    provider: str | None = None
    key_id: str | None = None
    tenant: str | None = None
    team: str | None = None
    user: str | None = None
    env: str | None = None
    status: int | None = None
    outcome: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    config: str | None = None
    client_version: str | None = None
    settings_checksum: str | None = None
    workspace_id: str | None = None
    since: str | None = None
    until: str | None = None
    content: str | None = None
    any_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at_least: Mapping[str, int] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)


EQUAL = (
    "provider",
    "key_id",
    "tenant",
    "team",
    "user",
    "env",
    "status",
    "outcome",
    "session_id",
    "trace_id",
    "config",
    "client_version",
    "settings_checksum",
    "workspace_id",
)
"""Fields of `Filters` that must equal the column of that name."""


def requests(
    db: Connection, filters: Filters, *, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return how many requests match, and one page of their rows, newest first."""
    newest = select(request_log).where(*conditions(filters)).order_by(request_log.c.id.desc())
    return count(db, filters), db.execute(newest.offset(offset).limit(limit)).mappings().all()


def count(db: Connection, filters: Filters) -> int:
    """Return how many requests match."""
    return db.scalar(select(func.count()).select_from(request_log).where(*conditions(filters))) or 0


def before(
    db: Connection, filters: Filters, identity: int, *, offset: int = 0, limit: int
) -> Sequence[RowMapping]:
    """Return rows that match and are older than the request of that number, newest first."""
    older = select(request_log).where(request_log.c.id < identity, *conditions(filters))
    ordered = older.order_by(request_log.c.id.desc())
    return db.execute(ordered.offset(offset).limit(limit)).mappings().all()


def last(db: Connection) -> int:
    """Return the number of the last request, 0 where there is none."""
    return db.scalar(select(func.max(request_log.c.id))) or 0


def request(db: Connection, identity: int) -> RowMapping | None:
    """Return the row of one request, or None."""
    query = select(request_log).where(request_log.c.id == identity)
    return db.execute(query).mappings().one_or_none()


def distinct(db: Connection, column: str, since: str) -> list[str]:
    """Return the values of a column from that moment on, sorted, for pick lists; at most `PICKED`."""
    wanted = request_log.c[column]
    query = select(wanted).where(request_log.c.time >= since, wanted.is_not(None)).distinct()
    return [str(value) for value in db.scalars(query.order_by(wanted).limit(PICKED))]


def admin_calls(db: Connection, *, offset: int, limit: int) -> tuple[int, Sequence[RowMapping]]:
    """Return the total and one page of the audit of admin calls, newest first."""
    total = db.scalar(select(func.count()).select_from(admin_log)) or 0
    newest = select(admin_log).order_by(admin_log.c.id.desc()).offset(offset).limit(limit)
    return total, db.execute(newest).mappings().all()


def conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    """Yield what the rows of `request_log` that are meant must fulfil."""
    log = request_log.c
    for name in EQUAL:
        value = getattr(filters, name)
        if value is not None:
            yield log[name] == value
    if filters.model is not None:
        yield or_(log.model_asked == filters.model, log.model_served == filters.model)
    if filters.since is not None:
        yield log.time >= filters.since
    if filters.until is not None:
        yield log.time < filters.until
    for position, (name, value) in enumerate(filters.metadata.items()):
        pair = func.json_each(log.merged_metadata).table_valued("key", "value", name=f"m{position}")
        yield select(1).select_from(pair).where(pair.c.key == name, pair.c.value == value).exists()
    for name, values in filters.any_of.items():
        yield (_provider_and_model() if name == "provider__model" else log[name]).in_(values)
    for name, least in filters.at_least.items():
        yield _amount(name) >= least
    for name, most in filters.at_most.items():
        yield _amount(name) <= most
    if filters.content is not None:
        yield _holds(filters.content)


def _provider_and_model() -> ColumnElement[str]:
    return request_log.c.provider + "__" + request_log.c.model_served


def _amount(name: str) -> ColumnElement[int]:
    log = request_log.c
    prompt = log.input_tokens + log.cache_read_tokens + log.cache_write_tokens
    if name == "tokens":
        return prompt + log.output_tokens
    return prompt if name == "prompt_tokens" else log[name]


def _holds(text: str) -> ColumnElement[bool]:
    """Bodies are JSON: what holds a quote or an umlaut may stand there in an escaped spelling."""
    spellings = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    bodies = request_bodies.c
    found = [
        func.instr(func.lower(column), func.lower(spelling)) > 0  # LIKE has a limit to its pattern
        for spelling in sorted(spellings)
        for column in (bodies.request, bodies.response)
    ]
    return select(1).where(bodies.request_id == request_log.c.id).where(or_(*found)).exists()

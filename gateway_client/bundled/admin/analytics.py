"""`/v1/analytics`: sums over the log in Portkey's shapes (facts/portkey.md 7). Money in cents.

Cents and averages may be fractions, where Portkey's specification says integer: a pilot's requests cost
less than a cent each. Graphs of feedback are not served, because none can be given here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from gateway_client.bundled.admin import bodies, log_filters
from gateway_client.bundled.admin.door import Answer, Call, Handler, Table, invalid, paging
from gateway_client.bundled.admin.log_filters import NANO_PER_CENT, PAGING, Wanted
from gateway_client.bundled.admin.records import flush
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import analytics
from gateway_client.bundled.store.analytics import Bucket, By, Group, Size, Totals
from gateway_client.bundled.store.records import Filters

MOST_GROUPS = 10_000
LONGEST = timedelta(days=3660)

Shape = Callable[[Totals], Mapping[str, Any]]

GRAPHS: Mapping[str, tuple[Shape, Shape]] = {
    "requests": (lambda sums: {"total": sums.requests},) * 2,
    "cost": (lambda sums: {"total": _cents(sums), "avg": _per(_cents(sums), sums.requests)},) * 2,
    "latency": (lambda sums: _latency(sums),) * 2,
    "tokens": (lambda sums: {"total": sums.tokens, "avg": _per(sums.tokens, sums.requests)},) * 2,
    "users": (lambda sums: {"total": sums.users},) * 2,
    "users/requests": (
        lambda sums: {
            "total": sums.requests,
            "unique": sums.users,
            "avg": _per(sums.requests, sums.users),
        },
        lambda sums: {"avg": _per(sums.requests, sums.users)},
    ),
    "errors": (lambda sums: {"total": sums.errors},) * 2,
    "errors/rate": (lambda sums: {"rate": _per(sums.errors * 100, sums.requests)},) * 2,
    "cache/hit-rate": (
        lambda sums: {"total": sums.cache_hits, "rate": _per(sums.cache_hits * 100, sums.requests)},
        lambda sums: {
            "simple_hits": sums.cache_hits,
            "semantic_hits": 0,
            "rate": _per(sums.cache_hits * 100, sums.requests),
        },
    ),
}
"""By name: what is told of all requests, and what of each part of the time."""

GROUPS: Mapping[str, tuple[str, By]] = {
    "users": ("user", "user"),
    "ai-models": ("ai_model", "model_served"),
    "workspaces": ("workspace", "workspace_id"),
    "workspace": ("workspace", "workspace_id"),
    "ai_service": ("ai_service", "provider"),
    "provider": ("provider", "provider"),
    "model": ("model", "model_served"),
    "status_code": ("status_code", "status"),
    "api_key": ("api_key", "key_id"),
    "config": ("config", "config"),
}
"""By the last part of the path: the name that a value has in an answer, and the column it is from."""


def graph(name: str) -> Handler:
    """Make the handler of one graph."""
    of_all, of_part = GRAPHS[name]

    def handler(gateway: Gateway, call: Call) -> Answer:
        flush(gateway)
        with gateway.store.reading() as db:
            filters = _filters(db, call)
            sums, parts = analytics.totals(db, filters), _series(db, filters)
        points = [{"timestamp": part.time, **of_part(part.totals)} for part in parts]
        return {"summary": of_all(sums), "data_points": points, "object": "analytics-graph"}

    handler.__doc__ = f"Show {name.replace('/', ': ')} over time."
    return handler


def error_stacks(gateway: Gateway, call: Call) -> Answer:
    """Show errors over time, by status."""
    flush(gateway)
    with gateway.store.reading() as db:
        filters = _filters(db, call)
        size = _size(filters)
        stacks = analytics.errors_by_status(db, filters, size)
        points = [
            {
                "timestamp": part.time,
                "stats": [
                    {"response_status_code": status, "count": count}
                    for status, count in stacks.get(part.time, {}).items()
                ],
            }
            for part in _series(db, filters)
        ]
    total = sum(count for stack in stacks.values() for count in stack.values())
    return {"summary": {"total": total}, "data_points": points, "object": "analytics-graph"}


def error_codes(gateway: Gateway, call: Call) -> Answer:
    """Show errors by status."""
    flush(gateway)
    with gateway.store.reading() as db:
        groups = analytics.grouped(db, _filters(db, call), "status", MOST_GROUPS)
    points = [
        {"status_code": int(group.value or 0), "count": group.totals.errors}
        for group in groups
        if group.totals.errors
    ]
    summary = {"total_errors": sum(point["count"] for point in points), "unique_error_codes": len(points)}
    return {"summary": summary, "data_points": points, "object": "analytics-graph"}


def cache_latency(gateway: Gateway, call: Call) -> Answer:
    """Show the latency of answers out of the cache over time."""
    flush(gateway)
    with gateway.store.reading() as db:
        parts = _series(db, _filters(db, call, cache_status=("HIT",)))
    points = [{"timestamp": part.time, "avg": part.totals.latency_ms_mean or 0} for part in parts]
    return {"summary": {}, "data_points": points, "object": "analytics-graph"}


def cache_summary(gateway: Gateway, call: Call) -> Answer:
    """Sum up what the cache answered."""
    flush(gateway)
    with gateway.store.reading() as db:
        sums = analytics.totals(db, _filters(db, call))
        hits = analytics.totals(db, _filters(db, call, cache_status=("HIT",)))
    quick, asked = hits.latency_ms_mean or 0, sums.requests - hits.requests
    slow = _per((sums.latency_ms_mean or 0) * sums.requests - quick * hits.requests, asked)
    summary = {
        "hits": hits.requests,
        "avg_latency": quick,
        "total_requests": sums.requests,
        "cache_speedup": _per((slow - quick) * 100, slow) if hits.requests else 0,
    }
    return {"summary": summary, "object": "analytics-summary"}


def group(name: str) -> Handler:
    """Make the handler of one grouping."""
    label, by = GROUPS[name]

    def handler(gateway: Gateway, call: Call) -> Answer:
        flush(gateway)
        with gateway.store.reading() as db:
            filters = _filters(db, call, everywhere=name == "workspaces")
            groups = analytics.grouped(db, filters, by, MOST_GROUPS)
        return _listed(call, label, groups)

    handler.__doc__ = f"Sum up by {label}."
    return handler


def by_metadata(gateway: Gateway, call: Call) -> Answer:
    """Sum up by the value of one metadata key."""
    flush(gateway)
    with gateway.store.reading() as db:
        groups = analytics.by_metadata(db, _filters(db, call), call.path["key"], MOST_GROUPS)
    return _listed(call, "metadata_value", groups)


def _listed(call: Call, label: str, groups: Sequence[Group]) -> Answer:
    """Return one page; those that have no value in common are left out, as Portkey does."""
    offset, limit = paging(call.query)
    valued = [group for group in groups if group.value is not None]
    columns = [name for name in call.query.get("columns", "").split(",") if name]
    rows = [_row(label, one) for one in valued[offset : offset + limit]]
    unknown = [name for name in columns if name not in _row(label, Group("", Totals(), ""))]
    if unknown:
        raise invalid(*(f"columns: {name[:64]} is unknown" for name in unknown))
    kept = {label, "object", *columns}
    shown = [{k: v for k, v in row.items() if k in kept} if columns else row for row in rows]
    return {"object": "list", "total": len(valued), "data": shown}


def _row(label: str, group: Group) -> dict[str, Any]:
    sums = group.totals
    return {
        label: group.value,
        "requests": sums.requests,
        "cost": _cents(sums),
        "avg_tokens": _per(sums.tokens, sums.requests),
        "total_tokens": sums.tokens,
        "prompt_tokens": sums.tokens - sums.output_tokens,
        "completion_tokens": sums.output_tokens,
        "errors": sums.errors,
        "avg_latency": sums.latency_ms_mean or 0,
        "avg_weighted_feedback": 0,
        "requests_with_feedback": 0,
        "last_seen": group.last_seen,
        "object": "analytics-group",
    }


def _filters(
    db: Connection, call: Call, *, everywhere: bool = False, cache_status: tuple[str, ...] = ()
) -> Filters:
    """Return which requests a call means. Raises 400 for what it says, 403 for a workspace it may not see."""
    given = {name: value for name, value in call.query.items() if name not in PAGING and name != "columns"}
    wanted = bodies.read(Wanted, json.dumps(given).encode())
    since, until = wanted.time_of_generation_min, wanted.time_of_generation_max
    if since is None or until is None:
        raise invalid("time_of_generation_min, time_of_generation_max: are needed both")
    if not timedelta() <= until - since <= LONGEST:
        raise invalid("time_of_generation_max: must be later than the min, by ten years at most")
    if everywhere and call.within is None and not wanted.workspace_slug:
        workspace_id = None
    else:
        workspace_id = log_filters.workspace(db, call, wanted.workspace_slug)
    return wanted.filters(workspace_id, cache_status)


def _series(db: Connection, filters: Filters) -> list[Bucket]:
    return analytics.series(db, filters, _size(filters))


def _size(filters: Filters) -> Size:
    """Return parts of the time that make a graph of at most some hundred points, over years some thousand."""
    span = analytics.span(filters)
    if span <= timedelta(hours=3):
        return "minute"
    return "hour" if span <= timedelta(days=7) else "day"


def _latency(sums: Totals) -> Mapping[str, Any]:
    return {
        "avg": sums.latency_ms_mean or 0,
        "p50": sums.latency_ms_p50 or 0,
        "p90": sums.latency_ms_p90 or 0,
        "p99": sums.latency_ms_p99 or 0,
    }


def _cents(sums: Totals) -> float:
    return sums.cost_nano_usd / NANO_PER_CENT


def _per(amount: float, count: float) -> float:
    return round(amount / count, 6) if count else 0


TABLE: Table = (
    *(("GET", f"/v1/analytics/graphs/{name}", graph(name)) for name in GRAPHS),
    ("GET", "/v1/analytics/graphs/errors/stacks", error_stacks),
    ("GET", "/v1/analytics/graphs/errors/status-codes", error_codes),
    ("GET", "/v1/analytics/graphs/cache/latency", cache_latency),
    ("GET", "/v1/analytics/summary/cache", cache_summary),
    *(("GET", f"/v1/analytics/groups/{name}", group(name)) for name in GROUPS),
    ("GET", "/v1/analytics/groups/metadata/{key}", by_metadata),
)

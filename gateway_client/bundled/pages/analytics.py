"""`/analytics`: spend, tokens, latency, requests and errors, over time and by whom or what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages import charts, text
from gateway_client.bundled.pages.charts import Chart, Layer
from gateway_client.bundled.pages.door import Page, Visit
from gateway_client.bundled.pages.logs import counts
from gateway_client.bundled.pages.picks import key_names, picks
from gateway_client.bundled.pages.search import Search, read
from gateway_client.bundled.store import analytics
from gateway_client.bundled.store.analytics import Bucket, By, Group, Size
from gateway_client.bundled.store.records import Filters
from gateway_client.bundled.timestamps import stamp

GROUPS: Mapping[str, tuple[str, By]] = {
    "team": ("Team", "team"),
    "tenant": ("Tenant", "tenant"),
    "user": ("User", "user"),
    "env": ("Env", "env"),
    "model": ("Model", "model_served"),
    "provider": ("Provider", "provider"),
    "key": ("Key", "key_id"),
    "client": ("Client version", "client_version"),
}
MOST_GROUPS = 100
NANO = 1e9


def index(gateway: Gateway, visit: Visit) -> Page:
    """Show what the requests that fit the filter come to."""
    behind = not gateway.logbook.flush()
    now = gateway.clock()
    search = read(visit.query, "/analytics", now)
    by = visit.query.get("by", "team")
    by = by if by in GROUPS else "team"
    values: dict[str, object] = {"sums": None, "groups": [], "charts": [], "buckets": []}
    with gateway.store.reading() as db:
        if not search.problems:
            values = _results(db, search, by, now)
        offered = picks(gateway, db, search)
    tabs = [(name, title, search.address(by=name)) for name, (title, _) in GROUPS.items()]
    own = {
        "search": search,
        "picks": offered,
        "by": by,
        "tabs": tabs,
        "title": GROUPS[by][0],
        "behind": behind,
    }
    return Page("analytics.html.j2", {**own, **values}, 400 if search.problems else 200)


def drawings(buckets: Sequence[Bucket], size: Size) -> list[Chart]:
    """Return the four charts: requests, spend, tokens, latency."""
    labels = [label(bucket.time, size) for bucket in buckets]
    sums = [bucket.totals for bucket in buckets]
    median = [float(one.latency_ms_p50 or 0) for one in sums]
    slow = [float(one.latency_ms_p90 or 0) for one in sums]
    out = [float(one.output_tokens) for one in sums]
    return [
        charts.stacked(
            "Requests",
            labels,
            (
                Layer("went well", "first", [float(one.requests - one.errors) for one in sums]),
                Layer("failed", "wrong", [float(one.errors) for one in sums]),
            ),
            text.short_number,
            2,
        ),
        charts.stacked(
            "Spend",
            labels,
            (Layer("spent", "first", [float(one.cost_nano_usd) for one in sums]),),
            text.dollars,
            0.0002 * NANO,
        ),
        charts.stacked(
            "Tokens",
            labels,
            (
                Layer("in", "first", [one.tokens - spoken for one, spoken in zip(sums, out, strict=True)]),
                Layer("out", "second", out),
            ),
            text.short_number,
            2,
        ),
        charts.stacked(
            "Latency",
            labels,
            (
                Layer("median", "first", median),
                Layer("90th percentile", "second", [b - a for a, b in zip(median, slow, strict=True)], slow),
            ),
            text.duration,
            2,
        ),
    ]


def label(time: str, size: Size) -> str:
    """Return a bucket's beginning as a chart says it."""
    return time[:10] if size == "day" else f"{time[5:10]} {time[11:16]}"


def _results(db: Connection, search: Search, by: str, now: datetime) -> dict[str, object]:
    sums = analytics.totals(db, search.filters)
    size = _size(search.filters, now)
    buckets = analytics.series(db, _drawn(search.filters, now), size) if sums.requests else []
    groups = analytics.grouped(db, search.filters, GROUPS[by][1], MOST_GROUPS)
    names = key_names(db, [group.value for group in groups if group.value]) if by == "key" else {}
    return {
        "sums": sums,
        "counts": counts(sums),
        "charts": drawings(buckets, size),
        "buckets": [(label(one.time, size), one.totals) for one in buckets if one.totals.requests],
        "size": size,
        "span": (label(buckets[0].time, size), label(buckets[-1].time, size)) if buckets else ("", ""),
        "groups": [_group(group, names, search, by) for group in groups],
        "cut": len(groups) == MOST_GROUPS,
    }


def _group(group: Group, names: Mapping[str, str], search: Search, by: str) -> Mapping[str, Any]:
    value = group.value
    return {
        "name": None if value is None else names.get(value, value),
        "link": None if value is None else search.address("/logs", **{by: value}),
        "totals": group.totals,
        "last_seen": group.last_seen,
    }


def _drawn(filters: Filters, now: datetime) -> Filters:
    """Return the filters with an end, so that what is still to come draws no empty bars."""
    if filters.since is None and filters.until is None:
        return filters
    end = stamp(now + timedelta(milliseconds=1))
    return replace(filters, until=min(filters.until or end, end))


def _size(filters: Filters, now: datetime) -> Size:
    """Return buckets of which about a hundred at most are needed, where a beginning is known."""
    if filters.since is None:
        return "day"
    end = now if filters.until is None else min(now, datetime.fromisoformat(filters.until))
    length = end - datetime.fromisoformat(filters.since)
    return "minute" if length <= timedelta(hours=2) else "hour" if length <= timedelta(days=3) else "day"

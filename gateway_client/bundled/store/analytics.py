"""Sums over the request log: what requests cost, used and took, by whatever they are grouped by.

Money is in nano-dollars (1e-9 USD), durations in milliseconds, moments `timestamps.stamp`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, literal, or_, select

from gateway_client.bundled.store.records import Filters, conditions
from gateway_client.bundled.store.schema import request_log
from gateway_client.bundled.timestamps import stamp

By = Literal[
    "tenant",
    "team",
    "user",
    "env",
    "model_served",
    "provider",
    "key_name",
    "key_id",
    "config",
    "status",
    "client_version",
    "settings_checksum",
    "workspace_id",
    "session_id",
]
Size = Literal["minute", "hour", "day"]
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_KEPT = {"minute": 16, "hour": 13, "day": 10}
"""Characters of a stamp that tell its bucket."""
_REST = "0000-00-00T00:00:00.000Z"
MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Totals:
    """What some requests come to.

    `errors` did not end well: a status from 400 on, or an end that was the upstream's or the gateway's
    doing; a client that went away is none. `unpriced` used tokens of a model without a known price, so
    that `cost_nano_usd` leaves them out. `users` counts different users, `cache_hits` answers out of
    the gateway's own cache. Percentiles are of the nearest rank; None where nothing was measured.
    """

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano_usd: int = 0
    unpriced: int = 0
    users: int = 0
    cache_hits: int = 0
    latency_ms_mean: int | None = None
    latency_ms_p50: int | None = None
    latency_ms_p90: int | None = None
    latency_ms_p99: int | None = None
    first_byte_ms_p50: int | None = None

    @property
    def tokens(self) -> int:
        """Return tokens of all kinds."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Group:
    """Requests that have one value in common; None for those that have none."""

    value: str | None
    totals: Totals
    last_seen: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """Requests of one minute, hour or day, which begins at `time` (UTC)."""

    time: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Revision:
    """Who runs what: one user, client version and settings checksum that came together."""

    user: str | None
    client_version: str | None
    settings_checksum: str | None
    requests: int
    last_seen: str


def totals(db: Connection, filters: Filters) -> Totals:
    """Return the sums over all requests that match; zeros when there is none."""
    groups = _summed(db, filters, literal(0))
    return groups[0].totals if groups else Totals()


def grouped(db: Connection, filters: Filters, by: By, limit: int) -> list[Group]:
    """Return the groups that cost most, and have most requests where costs are equal; at most `limit`."""
    return _summed(db, filters, request_log.c[by], limit)


def by_metadata(db: Connection, filters: Filters, key: str, limit: int) -> list[Group]:
    """Return the same by the value of one metadata key, whatever its name."""
    pair = func.json_each(request_log.c.merged_metadata).table_valued("key", "value", name="grouped_by")
    value = select(pair.c.value).where(pair.c.key == key).correlate(request_log).scalar_subquery()
    return _summed(db, filters, value, limit)


def series(db: Connection, filters: Filters, bucket: Size) -> list[Bucket]:
    """Return buckets oldest first without gaps, from `since` up to `until`.

    Where one of them is open, the first or last request takes its place; nothing of both is an empty
    list. Raises `ValueError` for more than `MOST_BUCKETS`.
    """
    moment = func.substr(request_log.c.time, 1, _KEPT[bucket])
    found = {group.value: group.totals for group in _summed(db, filters, moment)}
    times = sorted(time for time in found if time is not None)
    first = _floor(filters.since, bucket) if filters.since else (times[0] if times else None)
    last = _last(filters.until, bucket) if filters.until else (times[-1] if times else None)
    if first is None or last is None:
        return []
    return [
        Bucket(time + _REST[len(time) :], found.get(time) or Totals()) for time in _times(first, last, bucket)
    ]


def errors_by_status(db: Connection, filters: Filters, bucket: Size) -> dict[str, dict[int, int]]:
    """Return how many errors had which status in each bucket, by its `time`; buckets without are left out."""
    log = request_log.c
    moment = func.substr(log.time, 1, _KEPT[bucket])
    query = select(moment, log.status, func.count()).where(*conditions(filters), _failed(log))
    found: dict[str, dict[int, int]] = {}
    for time, status, count in db.execute(query.group_by(moment, log.status).order_by(moment, log.status)):
        found.setdefault(time + _REST[len(time) :], {})[status] = count
    return found


def span(filters: Filters) -> timedelta:
    """Return how long it is from `since` to `until`, both of which must be given."""
    since, until = (datetime.fromisoformat(moment or "") for moment in (filters.since, filters.until))
    return until - since


def revisions(db: Connection, filters: Filters) -> list[Revision]:
    """Return who runs which client version and settings checksum, the last seen first."""
    log = request_log.c
    who = (log.user, log.client_version, log.settings_checksum)
    last_seen = func.max(log.time).label("last_seen")
    query = select(*who, func.count().label("requests"), last_seen).where(*conditions(filters))
    ordered = query.group_by(*who).order_by(last_seen.desc(), *who)
    return [Revision(**row) for row in db.execute(ordered).mappings()]


def _summed(
    db: Connection, filters: Filters, by: ColumnElement[Any], limit: int | None = None
) -> list[Group]:
    """Return the groups, the costliest first. Percentiles apart: ranking whole rows takes twice as long."""
    log = request_log.c
    row = select(by.label("grouped"), *(log[name] for name in _READ)).where(*conditions(filters)).subquery().c
    counted = {
        "requests": func.count(),
        "errors": func.count(case((_failed(row), 1))),
        "unpriced": func.count(case((and_(row.cost_nano_usd.is_(None), row.input_tokens.is_not(None)), 1))),
        "users": func.count(row.user.distinct()),
        "cache_hits": func.count(case((row.cache_status == "HIT", 1))),
        "latency_ms_mean": func.round(func.avg(row.latency_ms)),
        **{name: func.coalesce(func.sum(row[name]), 0) for name in _SUMMED},
    }
    columns = {name: expression.label(name) for name, expression in counted.items()}
    sums = select(row.grouped, func.max(row.time).label("last_seen"), *columns.values()).group_by(row.grouped)
    order = (columns["cost_nano_usd"].desc(), columns["requests"].desc(), row.grouped)
    latency = _percentiles(db, row.grouped, row.latency_ms, (50, 90, 99))
    first_byte = _percentiles(db, row.grouped, row.first_byte_ms, (50,))
    return [
        Group(
            None if found["grouped"] is None else str(found["grouped"]),
            _totals(found, latency.get(found["grouped"], {}), first_byte.get(found["grouped"], {})),
            found["last_seen"],
        )
        for found in db.execute(sums.order_by(*order).limit(limit)).mappings()
    ]


_SUMMED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_nano_usd")
_READ = (*_SUMMED, "time", "status", "outcome", "user", "cache_status", "latency_ms", "first_byte_ms")


def _failed(row: Any) -> ColumnElement[bool]:
    """Tell whether a request is an error (`Totals`), of columns with the names of `request_log`."""
    failed = or_(row.status >= 400, row.outcome.not_in(("answered", "client gone")))
    return and_(row.outcome != "client gone", failed)


def _percentiles(
    db: Connection, by: ColumnElement[Any], value: ColumnElement[int], percents: Sequence[int]
) -> Mapping[Any, Mapping[str, int]]:
    """Return by group the values at the nearest ranks, as `<column>_p<percent>`; unknown values don't count.

    Equal values are counted before they are ranked.
    """
    pairs = select(by.label("grouped"), value.label("value"), func.count().label("times"))
    counted = pairs.where(value.is_not(None)).group_by(by, value).subquery().c
    running = func.sum(counted.times).over(partition_by=counted.grouped, order_by=counted.value)
    whole = func.sum(counted.times).over(partition_by=counted.grouped)
    ranked = (
        select(counted.grouped, counted["value"], running.label("place"), whole.label("all")).subquery().c
    )
    found = [
        func.min(case((ranked.place >= (ranked["all"] * percent + 99) // 100, ranked["value"]))).label(
            f"{value.key}_p{percent}"
        )
        for percent in percents
    ]
    rows = db.execute(select(ranked.grouped, *found).group_by(ranked.grouped)).mappings()
    return {row["grouped"]: {str(name): row[name] for name in row if name != "grouped"} for row in rows}


def _totals(row: RowMapping, *percentiles: Mapping[str, int]) -> Totals:
    values = {name: row[name] for name in _NAMES if name in row}
    mean = values["latency_ms_mean"]
    values["latency_ms_mean"] = None if mean is None else int(mean)
    return Totals(**{key: value for part in (values, *percentiles) for key, value in part.items()})


_NAMES: Sequence[str] = tuple(column.name for column in fields(Totals))


def _floor(moment: str, bucket: Size) -> str:
    return stamp(datetime.fromisoformat(moment))[: _KEPT[bucket]]


def _last(until: str, bucket: Size) -> str:
    return _floor(stamp(datetime.fromisoformat(until) - timedelta(milliseconds=1)), bucket)


def _times(first: str, last: str, bucket: Size) -> Iterator[str]:
    kept = _KEPT[bucket]
    begin, end = (datetime.fromisoformat(text + _REST[kept:]) for text in (first, last))
    steps = (end - begin) // STEPS[bucket]
    if steps > MOST_BUCKETS:
        raise ValueError(f"more than {MOST_BUCKETS} buckets")
    for step in range(steps + 1):
        yield stamp(begin + step * STEPS[bucket])[:kept]

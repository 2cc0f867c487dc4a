"""The log's filters and sums, held against the same written in Python over the same rows."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_client.bundled.store import analytics, log_rows, records
from gateway_client.bundled.store.analytics import Bucket, Totals
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.records import Filters, RequestRecord
from gateway_client.bundled.timestamps import stamp

START = datetime(2026, 11, 20, 23, 58, 30, tzinfo=UTC)
NOTHING = analytics.Totals()
FEW = st.sampled_from(["eng", "support", "ENG", 'q"uote', "100%", "ü", "_"])
SOME = st.none() | FEW
AMOUNT = st.none() | st.integers(0, 3)
MOMENTS = st.builds(lambda ms: stamp(START + timedelta(milliseconds=ms)), st.integers(0, 300_000))


@st.composite
def entries(draw: st.DrawFn) -> RequestRecord:
    metadata = draw(st.dictionaries(FEW, st.none() | FEW, max_size=2))
    counted = draw(st.booleans())
    body = draw(st.none() | st.sampled_from([b'{"x": "say \\"hi\\" to \\u00fc"}', "plain ü 100%".encode()]))
    return RequestRecord(
        time=draw(MOMENTS),
        trace_id=draw(FEW),
        workspace_id=draw(SOME),
        key_id=draw(FEW),
        key_name="k",
        path="/v1/messages",
        merged_metadata=metadata,
        config=draw(SOME),
        provider=draw(SOME),
        model_asked=draw(SOME),
        model_served=draw(SOME),
        status=draw(st.sampled_from([200, 246, 400, 412, 499, 502])),
        outcome=draw(st.sampled_from(["answered", "refused", "upstream failed", "client gone"])),
        input_tokens=draw(AMOUNT) if counted else None,
        output_tokens=draw(AMOUNT) if counted else None,
        cache_read_tokens=0 if counted else None,
        cache_write_tokens=draw(AMOUNT) if counted else None,
        cost_nano_usd=draw(AMOUNT) if counted else None,
        latency_ms=draw(st.integers(0, 20)),
        first_byte_ms=draw(st.none() | st.integers(0, 20)),
        cache_status=draw(st.sampled_from([None, "HIT", "MISS"])),
        client_version=draw(SOME),
        session_id=draw(SOME),
        settings_checksum=draw(SOME),
        tenant=draw(SOME),
        team=draw(SOME),
        user=draw(SOME),
        env=draw(SOME),
        bodies=(body, b"answer") if body else None,
    )


FILTERS = st.builds(
    Filters,
    metadata=st.dictionaries(FEW, FEW, max_size=2),
    status=st.none() | st.sampled_from([200, 412]),
    outcome=st.none() | st.just("answered"),
    since=st.none() | MOMENTS,
    until=st.none() | MOMENTS,
    content=st.none() | st.sampled_from(['say "hi"', "SAY", "ü", "0%", "%", "_", "answer"]),
    any_of=st.dictionaries(
        st.sampled_from(["team", "provider__model"]), st.tuples(FEW, st.just("eng__ENG")), max_size=1
    ),
    at_least=st.dictionaries(
        st.sampled_from(["tokens", "cost_nano_usd", "prompt_tokens"]), st.integers(0, 4), max_size=1
    ),
    at_most=st.dictionaries(st.sampled_from(["tokens", "output_tokens"]), st.integers(0, 4), max_size=1),
    **{name: st.none() | FEW for name in (*set(records.EQUAL) - {"status", "outcome"}, "model")},
)


def fits(record: RequestRecord, filters: Filters) -> bool:
    for name in records.EQUAL:
        wanted = getattr(filters, name)
        if wanted is not None and getattr(record, name) != wanted:
            return False
    if filters.model is not None and filters.model not in (record.model_asked, record.model_served):
        return False
    if any(record.merged_metadata.get(name) != value for name, value in filters.metadata.items()):
        return False
    if not (filters.since or "") <= record.time < (filters.until or "~"):
        return False
    for name, values in filters.any_of.items():
        both = (record.provider, record.model_served)
        joined = None if None in both else f"{both[0]}__{both[1]}"
        if (joined if name == "provider__model" else getattr(record, name)) not in values:
            return False
    for bounds, low in ((filters.at_least, True), (filters.at_most, False)):
        for name, bound in bounds.items():
            found = amount(record, name)
            if found is None or (found < bound if low else found > bound):
                return False
    return filters.content is None or holds(record, filters.content)


def amount(record: RequestRecord, name: str) -> int | None:
    prompt = (record.input_tokens, record.cache_read_tokens, record.cache_write_tokens)
    parts = {
        "tokens": (*prompt, record.output_tokens),
        "prompt_tokens": prompt,
        "output_tokens": (record.output_tokens,),
        "cost_nano_usd": (record.cost_nano_usd,),
    }[name]
    return None if None in parts else sum(part or 0 for part in parts)


def holds(record: RequestRecord, text: str) -> bool:
    said = [part.decode().replace('\\"', '"').replace("\\u00fc", "ü") for part in record.bodies or ()]
    return any(text.lower() in part.lower() for part in said)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(Path(folder) / "state" / "gateway.db", START)
        yield opened
        opened.close()


def fill(store: Store, rows: list[RequestRecord]) -> None:
    with store.logging() as db:
        db.exec_driver_sql("DELETE FROM request_log")
        log_rows.write(db, log_rows.prepared(rows))


QUICKLY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.covers("S37", "S178")
@QUICKLY
@given(rows=st.lists(entries(), max_size=12), filters=st.data(), narrow=st.booleans())
def test_filters_find_what_the_same_in_python_finds(
    store: Store, rows: list[RequestRecord], filters: st.DataObject, narrow: bool
) -> None:
    fill(store, rows)
    wanted = filters.draw(FILTERS)
    if not narrow:  # all at once hardly ever fit
        kept = filters.draw(
            st.sets(st.sampled_from(sorted(Filters.__dataclass_fields__)), min_size=1, max_size=2)
        )
        wanted = Filters(**{name: getattr(wanted, name) for name in kept})
    expected = [number for number, row in enumerate(rows, 1) if fits(row, wanted)][::-1]
    with store.reading() as db:
        total, found = records.requests(db, wanted, offset=0, limit=100)
        assert ([row["id"] for row in found], total) == (expected, len(expected))
        assert records.count(db, wanted) == total
        _, page = records.requests(db, wanted, offset=1, limit=2)
        assert [row["id"] for row in page] == expected[1:3]
        older = records.before(db, wanted, 5, limit=100)
        assert [row["id"] for row in older] == [number for number in expected if number < 5]
        assert analytics.totals(db, wanted) == summed([rows[number - 1] for number in expected])


@pytest.mark.covers("S179", "S189")
@QUICKLY
@given(
    rows=st.lists(entries(), max_size=12),
    by=st.sampled_from(["team", "user", "status", "key_id", "session_id"]),
)
def test_groups_and_series_add_up(store: Store, rows: list[RequestRecord], by: Any) -> None:
    fill(store, rows)
    with store.reading() as db:
        groups = analytics.grouped(db, Filters(), by, 100)
        minutes = analytics.series(db, Filters(), "minute")
        named = analytics.by_metadata(db, Filters(), 'q"uote', 100)
    values = {None if getattr(row, by) is None else str(getattr(row, by)) for row in rows}
    assert {group.value for group in groups} == values
    for group in groups:
        members = [row for row in rows if str(getattr(row, by)) == str(group.value)]
        assert group.totals == summed(members)
        assert group.last_seen == max(row.time for row in members)
    costs = [(-group.totals.cost_nano_usd, -group.totals.requests) for group in groups]
    assert costs == sorted(costs)
    assert {group.value for group in named} == {row.merged_metadata.get('q"uote') for row in rows}
    times = [bucket.time for bucket in minutes]
    assert times == sorted(set(times))
    assert len(minutes) == (0 if not rows else 1 + minute(max(times)) - minute(min(times)))
    for bucket in minutes:
        assert bucket.totals == summed([row for row in rows if row.time[:16] == bucket.time[:16]])


def summed(rows: list[RequestRecord]) -> Totals:
    if not rows:
        return NOTHING
    latencies = [row.latency_ms for row in rows]
    firsts = [row.first_byte_ms for row in rows if row.first_byte_ms is not None]
    sums = {
        name: sum(getattr(row, name) or 0 for row in rows)
        for name in asdict(NOTHING)
        if name.endswith("_tokens") or name == "cost_nano_usd"
    }
    return Totals(
        requests=len(rows),
        errors=sum(
            row.outcome != "client gone" and (row.status >= 400 or row.outcome != "answered") for row in rows
        ),
        unpriced=sum(row.cost_nano_usd is None and row.input_tokens is not None for row in rows),
        users=len({row.user for row in rows} - {None}),
        cache_hits=sum(row.cache_status == "HIT" for row in rows),
        latency_ms_mean=int(statistics.mean(latencies) + 0.5),
        latency_ms_p50=nearest(latencies, 50),
        latency_ms_p90=nearest(latencies, 90),
        latency_ms_p99=nearest(latencies, 99),
        first_byte_ms_p50=nearest(firsts, 50),
        **sums,
    )


def nearest(values: list[int], percent: int) -> int | None:
    """The smallest value that this share of all does not exceed."""
    for value in sorted(values):
        if sum(other <= value for other in values) * 100 >= percent * len(values):
            return value
    return None


def minute(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp()) // 60


def test_a_series_has_no_gaps_and_an_end(store: Store) -> None:
    fill(store, [])
    day = Filters(since="2026-11-20T00:00:00.000Z", until="2026-11-21T00:00:00.000Z")
    with store.reading() as db:
        hours = analytics.series(db, day, "hour")
        assert hours == [Bucket(f"2026-11-20T{hour:02}:00:00.000Z", NOTHING) for hour in range(24)]
        assert [bucket.time for bucket in analytics.series(db, day, "day")] == ["2026-11-20T00:00:00.000Z"]
        assert analytics.series(db, Filters(), "day") == []
        with pytest.raises(ValueError, match="more than 10000 buckets"):
            analytics.series(db, Filters(since="2026-11-01T00:00:00.000Z", until=day.until), "minute")


@pytest.mark.covers("S181")
def test_who_runs_which_revision(store: Store) -> None:
    def row(at: int, user: str | None, version: str, checksum: str | None) -> RequestRecord:
        time = stamp(START + timedelta(minutes=at))
        fields = {"user": user, "client_version": version, "settings_checksum": checksum}
        return RequestRecord(time, "t", None, "k", "k", "/v1/messages", **fields)  # type: ignore[arg-type]  # names are told apart by eye

    fill(store, [row(0, "a@b.c", "2.1.1", "x"), row(3, "a@b.c", "2.1.2", "y"), row(1, None, "2.1.2", None)])
    with store.reading() as db:
        found = analytics.revisions(db, Filters())
        assert [(one.user, one.client_version, one.settings_checksum) for one in found] == [
            ("a@b.c", "2.1.2", "y"),
            (None, "2.1.2", None),
            ("a@b.c", "2.1.1", "x"),
        ]
        assert {one.requests for one in found} == {1}
        assert records.distinct(db, "client_version", stamp(START)) == ["2.1.1", "2.1.2"]
        assert records.distinct(db, "user", stamp(START + timedelta(minutes=3))) == ["a@b.c"]
        assert records.distinct(db, "team", stamp(START)) == []

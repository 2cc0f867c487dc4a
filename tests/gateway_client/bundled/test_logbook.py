"""The thread that writes the log: nothing is lost, nothing waits for it, and it outlives a full disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway_client.bundled.store import bodies, logbook, records, retention
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.logbook import Logbook
from gateway_client.bundled.store.meters import MeterRow
from gateway_client.bundled.store.records import AdminRecord, Filters, RequestRecord
from gateway_client.bundled.timestamps import stamp


class Counter:
    """Stands for the governor: one meter, which stays changed until it was written."""

    def __init__(self) -> None:
        self.amount = 0
        self._changed = False

    def count(self, amount: int) -> None:
        self.amount += amount
        self._changed = True

    def changed(self) -> Sequence[MeterRow]:
        changed, self._changed = self._changed, False
        return [MeterRow("k", "budget", "0/1", self.amount)] if changed else []

    def put_back(self, rows: Sequence[MeterRow]) -> None:
        self._changed = self._changed or bool(rows)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def clock() -> Any:
    from datetime import UTC, datetime

    class Movable:
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)

        def __call__(self) -> datetime:
            return self.now

    return Movable()


@pytest.fixture
def store(database: Path, clock: Any) -> Iterator[Store]:
    opened = open_store(database, clock())
    yield opened
    opened.close()


@pytest.fixture
def book(store: Store, counter: Counter, clock: Any) -> Iterator[Logbook]:
    started = Logbook(store, counter, clock, 30)
    started.start()
    yield started
    started.close()


def record(number: int = 0, **fields: Any) -> RequestRecord:
    values = {"time": "2026-11-20T12:00:00.000Z", "trace_id": f"t-{number}", "workspace_id": None}
    return RequestRecord(**{**values, "key_id": "k", "key_name": "key", "path": "/v1/messages", **fields})


def heavy(number: int, **fields: Any) -> RequestRecord:
    """A record that needs pages of its own."""
    return record(number, merged_metadata={f"k{key}": "x" * 120 for key in range(50)}, **fields)


def traces(store: Store) -> list[str]:
    with store.reading() as db:
        _, rows = records.requests(db, Filters(), offset=0, limit=100_000)
    return [row["trace_id"] for row in reversed(rows)]


def metered(store: Store) -> int | None:
    with store.reading() as db:
        amount = db.scalar(text("SELECT amount FROM meters"))
    return None if amount is None else int(amount)


def until(held: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def limited(store: Store, pragma: str) -> Iterator[None]:
    """Every connection of the store has something against writing."""
    store.engine.dispose()

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(store.engine, "connect", limit)
    yield
    event.remove(store.engine, "connect", limit)
    store.engine.dispose()


def full_disk(store: Store) -> AbstractContextManager[None]:
    """SQLite says `database or disk is full` for every page that a write needs."""
    return limited(store, "max_page_count = 1")


def test_a_stop_in_the_middle_of_a_storm_loses_nothing(store: Store, counter: Counter, clock: Any) -> None:
    book = Logbook(store, counter, clock, 30)
    book.start()

    def storm(begin: int) -> None:
        for number in range(begin, begin + 1500):
            book.add(record(number) if number % 10 else AdminRecord(stamp(clock()), "POST", "/v1/x", 200))
            counter.count(1)

    threads = [threading.Thread(target=storm, args=(begin,)) for begin in range(0, 6000, 1500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book.close()
    written = traces(store)
    assert len(written) == 5400
    assert set(written) == {f"t-{number}" for number in range(6000) if number % 10}
    with store.reading() as db:
        assert records.admin_calls(db, offset=0, limit=1)[0] == 600
    assert metered(store) == counter.amount


def test_every_field_comes_back_as_it_went_in(book: Logbook, store: Store) -> None:
    given = record(
        7,
        workspace_id="w",
        merged_metadata={"team": "eng", "user": "ü \U0001f600", "env": None},
        contradicted={"team": "ceo"},
        stream=True,
        config="pc-x-1",
        target="config.targets[1]",
        provider="anthropic-prod",
        model_asked="opus",
        model_served="claude-opus-4-8",
        status=446,
        outcome="refused",
        input_tokens=1,
        output_tokens=2,
        cache_read_tokens=3,
        cache_write_tokens=4,
        cost_nano_usd=5,
        latency_ms=6,
        first_byte_ms=7,
        attempts=8,
        cache_status="MISS",
        verdicts=[{"check": "pii", "verdict": False, "deny": True, "detail": 'an "e-mail"'}],
        error="denied",
        request_bytes=9,
        response_bytes=10,
        user_agent="ua",
        client_version="2.1.329",
        session_id="s",
        agent_id="a",
        settings_checksum="sha256:x",
        tenant="t",
        team="eng",
        user="u",
        env="e",
        bodies=(b"ask", b"answer"),
    )
    book.add(given)
    assert book.flush()
    with store.reading() as db:
        row = records.request(db, 1)
        assert row is not None
        names = set(RequestRecord.__dataclass_fields__) - {"bodies", "kept"}
        assert dict(row) == {"id": 1} | {name: getattr(given, name) for name in names}
        assert bodies.of(db, 1) == ("ask", "answer")
        assert records.request(db, 2) is None


@pytest.mark.covers("S178")
def test_log_and_meters_are_of_one_moment_at_any_time(
    book: Logbook, store: Store, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill leaves behind is the last commit, so each one is looked at."""
    monkeypatch.setattr(logbook, "FLUSH_SECONDS", 0)
    over = threading.Event()

    def storm() -> None:
        while not over.is_set():
            if not book.ready():  # too far behind: let it write
                time.sleep(0.001)
                continue
            with book.counting:
                counter.count(1)
                book.add(record())

    threads = [threading.Thread(target=storm) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = set()
    deadline = time.monotonic() + 20
    try:
        while len(seen) < 12 and time.monotonic() < deadline:
            with store.reading() as db:
                log = "SELECT (SELECT count(*) FROM request_log), (SELECT max(amount) FROM meters)"
                logged, used = db.exec_driver_sql(log).one()
            assert logged == (used or 0)
            seen.add(logged)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert len(seen) == 12


def test_bodies_are_redacted_while_others_may_write(
    book: Logbook, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each, also where writing has to be tried again."""
    redacting, go_on, keepable = threading.Event(), threading.Event(), bodies.keepable
    redacted: list[bytes] = []

    def slowly(body: bytes) -> str:
        redacted.append(body)
        redacting.set()
        assert go_on.wait(20)
        return keepable(body)

    monkeypatch.setattr(bodies, "keepable", slowly)
    with full_disk(store):
        book.add(heavy(0, bodies=(b"a", b"b")))
        assert redacting.wait(20)
        with store.writing() as db:
            assert db.exec_driver_sql("SELECT count(*) FROM request_log").scalar() == 0
        go_on.set()
        assert not book.flush()
        assert not book.flush()
    assert book.flush()
    assert redacted == [b"a", b"b"]
    with store.reading() as db:
        assert bodies.of(db, 1) == ("a", "b")


def test_meters_are_written_also_when_no_request_comes(book: Logbook, store: Store, counter: Counter) -> None:
    counter.count(5)
    until(lambda: metered(store) == 5)


def test_a_flush_wakes_the_writer_at_once(book: Logbook, store: Store) -> None:
    took = []
    for number in range(20):
        book.add(record(number))
        began = time.monotonic()
        assert book.flush()
        took.append(time.monotonic() - began)
        assert len(traces(store)) == number + 1
    assert sorted(took)[len(took) // 2] < logbook.FLUSH_SECONDS


def test_a_full_disk_is_said_once_and_made_good(
    book: Logbook, store: Store, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    with full_disk(store):
        for number in range(3):
            book.add(heavy(number))
            counter.count(1)
            assert not book.flush()
        assert book.ready()
    book.add(record(3))
    assert book.flush()
    assert traces(store) == ["t-0", "t-1", "t-2", "t-3"]
    assert metered(store) == 3
    assert [entry.getMessage() for entry in caplog.records if entry.name == logbook.__name__] == [
        "the log can't be written, entries wait in memory: database or disk is full",
        "the log is written again",
    ]


def test_memory_is_bounded_and_what_is_dropped_is_counted(
    book: Logbook, store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logbook, "MOST", 50)
    monkeypatch.setattr(logbook, "BEHIND", 40)
    with full_disk(store):
        book.add(heavy(0))
        assert not book.flush()
        for number in range(1, 80):
            book.add(record(number))
        assert not book.ready()
    assert book.flush()
    assert book.ready()
    written = traces(store)
    assert written == [f"t-{number}" for number in range(len(written))]
    dropped = 80 - len(written)
    assert 25 <= dropped <= 35
    said = [entry.getMessage() for entry in caplog.records if "drop" in entry.getMessage()]
    assert said == [
        "the log is 50 entries behind, further ones are dropped",
        f"{dropped} log entries were dropped because too many waited",
    ]


@pytest.mark.parametrize("poison", [{"user": object()}])
def test_an_entry_that_can_not_be_written_takes_no_other_along(
    book: Logbook, store: Store, counter: Counter, poison: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    counter.count(1)
    for number in range(5):
        book.add(record(number, **(poison if number == 2 else {})))
    assert book.flush()
    assert traces(store) == ["t-0", "t-1", "t-3", "t-4"]
    assert metered(store) == 1
    (said,) = (entry.getMessage() for entry in caplog.records)
    assert said.startswith("a log entry or meter can't be written and is lost:")


def test_a_meter_that_can_not_be_written_does_not_stop_the_log(
    book: Logbook, store: Store, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    counter.count(10**30)
    book.add(record())
    assert book.flush()
    assert traces(store) == ["t-0"]
    assert "can't be written and is lost" in caplog.text


def test_a_dead_writer_is_not_ready(store: Store, counter: Counter, clock: Any) -> None:
    book = Logbook(store, counter, clock, 30)
    assert not book.ready()
    book.start()
    assert book.ready()
    book.close()
    assert not book.ready()


def test_old_entries_go_at_the_start_and_every_hour(
    store: Store, counter: Counter, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PORTION", 2)
    days = {0: "new", 29: "kept", 31: "old", 40: "older", 50: "oldest"}
    book = Logbook(store, counter, clock, None)
    book.start()
    for days_ago, name in sorted(days.items(), reverse=True):
        moment = stamp(clock() - timedelta(days=days_ago))
        book.add(record(time=moment, trace_id=name, bodies=(b"a", b"b")))
        book.add(AdminRecord(moment, "POST", f"/v1/{name}", 200, "admin token"))
    book.close()
    assert len(traces(store)) == 5

    def kept() -> tuple[list[str], list[str], int]:
        with store.reading() as db:
            calls = [row["path"] for row in records.admin_calls(db, offset=0, limit=9)[1]]
            return traces(store), calls, db.scalar(text("SELECT count(*) FROM request_bodies")) or 0

    book = Logbook(store, counter, clock, 30)
    book.start()
    until(lambda: kept() == (["kept", "new"], ["/v1/new", "/v1/kept"], 2))
    clock.now += timedelta(days=2)
    until(lambda: kept() == (["new"], ["/v1/new"], 1))
    book.close()


def test_what_can_not_be_deleted_is_said_once_and_tried_later(
    store: Store, counter: Counter, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    book = Logbook(store, counter, clock, 30)
    with limited(store, "query_only = ON"):
        book.start()
        until(lambda: "old log entries could not be deleted" in caplog.text)
        assert book.flush()
        assert book.flush()
    book.add(record(time=stamp(clock() - timedelta(days=31))))
    assert book.flush()
    clock.now += timedelta(hours=1)
    until(lambda: traces(store) == [])
    book.close()
    assert len(caplog.records) == 1


def test_bodies_that_wait_are_bounded(book: Logbook, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "MOST_BODIES", 3 * bodies.TAKEN)
    with full_disk(store):
        book.add(heavy(0))
        assert not book.flush()
        for number in range(1, 5):
            book.add(record(number, bodies=(b"x" * 10_000_000, b"")))
    assert book.flush()
    book.add(record(5, bodies=(b"x", b"y")))
    assert book.flush()
    with store.reading() as db:
        found = [bodies.of(db, number) for number in range(1, 7)]
    assert [pair is not None for pair in found] == [False, True, True, True, False, True]
    assert len(found[1][0]) == bodies.KEPT + len(f"\n{bodies.CUT}")

"""Writes the log and the meters in the background, so that no request waits for the disk.

One thread collects what happened for up to `FLUSH_SECONDS` and writes it in one transaction, entries
and meters together, as of one moment (`Logbook.counting`): after a kill, what meters say was used is the
sum over the entries that are there, as long as no entry was dropped or lost (below). Requests are counted
when they begin: those that were under way may be in the meters and have no entry. What is lost at most is
the time since the last commit, of the disk's own speed; bodies are redacted before it. A normal stop loses
nothing.

Where the disk is full or the database can't be written, entries wait in memory, and are written as soon
as that works again. Beyond `MOST` of them new ones are dropped: that is said once when it begins, and
once with their number when it is over. The gateway goes on all the while.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InternalError, ProgrammingError

from gateway_client import frames
from gateway_client.bundled import events
from gateway_client.bundled.store import bodies, bounds, log_rows, meters, retention
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.meters import MeterRow
from gateway_client.bundled.store.records import AdminRecord, RequestRecord
from gateway_client.bundled.timestamps import Clock, stamp

FLUSH_SECONDS = 0.25
"""What is lost at most when the process is killed."""
BATCH = 1_000
"""So many waiting are written at once."""
BEHIND = 5_000
"""Entries waiting from which on the gateway is not ready for more."""
MOST = 20_000
"""Entries kept waiting, some 2 kB each without bodies."""
MOST_BODIES = 64 * 1024 * 1024
"""Bytes of bodies kept waiting; an entry beyond is logged without them."""
SWEEPS = timedelta(hours=1)
VALUES = (DataError, IntegrityError, InternalError, ProgrammingError)
"""What the database says of values; other errors of it are its own, and may pass."""

Entry = RequestRecord | AdminRecord
_log = logging.getLogger(__name__)


class Counted(Protocol):
    """What has been counted against limits, to be written beside the log; see `Governor`."""

    def changed(self) -> Sequence[MeterRow]:
        """Return what was counted since the last call."""

    def put_back(self, rows: Sequence[MeterRow]) -> None:
        """Take back what could not be written."""


class Logbook:
    """A queue and the one thread that empties it into the store, and tells what happened.

    `strangers` takes the requests that are told only. Hold `counting` while what a request used is counted
    and its entry is added, so that both are written or neither.
    """

    def __init__(self, store: Store, counted: Counted, clock: Clock, retention_days: int | None) -> None:
        self.strangers = events.Strangers()
        self.counting = threading.Lock()
        self._dropped = 0
        self._store = store
        self._counted = counted
        self._clock = clock
        self._retention = timedelta(days=retention_days) if retention_days else None
        self._next_sweep: datetime | None = None
        self._waiting: deque[Entry | Future[bool]] = deque()
        self._body_bytes = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="gateway-logbook", daemon=True)

    def start(self) -> None:
        """Begin writing; what was added before is kept."""
        self._thread.start()

    def ready(self) -> bool:
        """Tell whether the log is being written, and not far behind."""
        return self._thread.is_alive() and len(self._waiting) <= BEHIND

    def add(self, entry: Entry) -> None:
        """Take one entry, and change it to what can be written (`bounds`); it is the log's from now on.

        Returns at once.
        """
        waiting = len(self._waiting)
        if waiting >= MOST:
            self._drop()
            return
        if isinstance(entry, RequestRecord):
            bounds.bound(entry)
            if entry.bodies is not None:
                self._take_bodies(entry, *entry.bodies)
        self._waiting.append(entry)
        if waiting == BATCH:
            self._wake.set()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was added before is readable; False when it isn't in `timeout` seconds."""
        if not self._thread.is_alive():
            return not self._waiting
        written: Future[bool] = Future()
        self._waiting.append(written)
        self._wake.set()
        try:
            return written.result(timeout)
        except TimeoutError:
            return False

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            closing = self._closing
            try:
                self._write_waiting()
                self.strangers.tell(None if closing else stamp(self._clock()))
                self._sweep()
            except Exception as exc:  # noqa: BLE001  # the log must outlive a bug in it
                _log.error("a bug in the log's writer:\n%s", "\n".join(frames.lines(exc)))
        if self._waiting:
            _log.error("%d log entries could not be written before the stop and are lost", len(self._waiting))

    def _write_waiting(self) -> None:
        """Write what waits. Meters are written also where no entry came."""
        with self.counting:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            counted = self._counted.changed()
        written = self._write([item for item in waiting if not isinstance(item, Future)], counted)
        for item in waiting:
            if isinstance(item, Future):
                item.set_result(written)

    def _write(self, batch: Sequence[Entry], counted: Sequence[MeterRow]) -> bool:
        """Write all or nothing; False where it has to be tried again, with everything put back for that."""
        if not batch and not counted:
            return not self._failing
        try:
            rows = log_rows.prepared(batch)
            with self._store.logging() as db:
                log_rows.write(db, rows)
                meters.write(db, counted)
        except Exception as exc:  # noqa: BLE001  # a value that SQLite won't take must not take others along
            if isinstance(exc, DatabaseError) and not isinstance(exc, VALUES):
                self._put_back(batch, counted, exc)
                return False
            if len(batch) + len(counted) > 1:
                results = [self._write(*part) for part in _parts(batch, counted)]
                return all(results)
            self._let_go(batch)
            _log.error("a log entry or meter can't be written and is lost:\n%s", "\n".join(frames.lines(exc)))
            return True
        self._let_go(batch)
        self._tell_recovery()
        events.tell(batch)
        return True

    def _put_back(self, batch: Sequence[Entry], counted: Sequence[MeterRow], exc: DatabaseError) -> None:
        self._counted.put_back(counted)
        self._waiting.extendleft(reversed(batch))
        if not self._failing:
            _log.error("the log can't be written, entries wait in memory: %s", exc.orig)
        self._failing = True

    def _tell_recovery(self) -> None:
        if self._failing:
            _log.warning("the log is written again")
            self._failing = False
        with self._lock:
            lost, self._dropped = self._dropped, 0
        if lost:
            _log.error("%d log entries were dropped because too many waited", lost)

    def _sweep(self) -> None:
        """Delete one portion of what is older than the retention; the rest comes the next times."""
        if self._retention is None or self._failing:
            return
        now = self._clock()
        if self._next_sweep is not None and now < self._next_sweep:
            return
        try:
            with self._store.logging() as db:
                more = retention.sweep(db, stamp(now - self._retention))
        except DatabaseError as exc:
            _log.warning("old log entries could not be deleted, tried again in an hour: %s", exc.orig)
            more = False
        self._next_sweep = None if more else now + SWEEPS

    def _take_bodies(self, entry: RequestRecord, asked: bytes, answered: bytes) -> None:
        """Keep as much of the bodies as will be written, and nothing where too much waits already."""
        taken = (asked[: bodies.TAKEN], answered[: bodies.TAKEN])
        with self._lock:
            fits = self._body_bytes + sum(map(len, taken)) <= MOST_BODIES
            if fits:
                self._body_bytes += sum(map(len, taken))
        entry.bodies = taken if fits else None

    def _let_go(self, batch: Sequence[Entry]) -> None:
        size = sum(
            sum(map(len, entry.bodies))
            for entry in batch
            if isinstance(entry, RequestRecord) and entry.bodies is not None
        )
        if size:
            with self._lock:
                self._body_bytes -= size

    def _drop(self) -> None:
        with self._lock:
            self._dropped += 1
            first = self._dropped == 1
        if first:
            _log.error("the log is %d entries behind, further ones are dropped", MOST)


def _parts(
    batch: Sequence[Entry], counted: Sequence[MeterRow]
) -> Sequence[tuple[Sequence[Entry], Sequence[MeterRow]]]:
    """Return what can't be written in two parts, in one of which it is sought; usage is never behind."""
    if batch and counted:
        return ((), counted), (batch, ())
    batch_half, counted_half = len(batch) // 2, len(counted) // 2
    return (batch[:batch_half], counted[:counted_half]), (batch[batch_half:], counted[counted_half:])

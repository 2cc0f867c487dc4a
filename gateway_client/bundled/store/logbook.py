"""Writes records in the background, so that no request waits for the disk. None is lost on a normal stop."""

from __future__ import annotations

import logging
import queue
import threading

from sqlalchemy.exc import SQLAlchemyError

from gateway_client.bundled.store import records
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.records import AdminRecord, RequestRecord

BATCH = 500
_log = logging.getLogger(__name__)


class Logbook:
    """A queue and the one thread that empties it into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[RequestRecord | AdminRecord | threading.Event | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="gateway-logbook", daemon=True)

    def start(self) -> None:
        """Begin writing; what was added before is kept."""
        self._thread.start()

    def add(self, entry: RequestRecord | AdminRecord) -> None:
        """Take one entry; it must not be changed afterwards. Returns at once."""
        self._queue.put(entry)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was added before is readable; False after `timeout` seconds."""
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout)

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            self._write([entry for entry in batch if isinstance(entry, RequestRecord | AdminRecord)])
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            if None in batch:
                return

    def _write(self, entries: list[RequestRecord | AdminRecord]) -> None:
        if not entries:
            return
        try:
            with self._store.logging() as db:
                records.write(db, entries)
        except SQLAlchemyError:
            # A full disk must not end the gateway; that the log has a hole must be said.
            _log.exception("%d log entries could not be written and are lost", len(entries))

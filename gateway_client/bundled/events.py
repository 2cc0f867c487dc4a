"""One line per event that a person can read: requests, and changes by admins. Never bodies or secrets.

    12:03:04Z 200 claude-desktop-eng-prod dev@acme.com anthropic-prod claude-opus-4-8 1.2 s $0.0034
    12:03:05Z 412 claude-desktop-eng-prod dev@acme.com - claude-opus-4-8 0.0 s - refused: the key has expired
    12:03:06Z 200 claude-desktop-eng-prod dev@acme.com mcp docs/search 0.3 s -
    12:03:07Z 200 admin token: POST /v1/configs
    12:03:08Z 401 unknown key /v1/messages

Written through `logging`, level INFO, by the logbook's thread once the entry is on disk. What clients
choose themselves (users, models, paths) is quoted as soon as it holds more than plain characters, so
that nobody can write a line of their own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence

from gateway_client.bundled.store.records import AdminRecord, RequestRecord

LOG = logging.getLogger(__name__)
CHANGING = frozenset({"POST", "PUT", "DELETE"})
MOST_STRANGERS = 10
"""Lines for requests without a key that works, per second."""


def tell(entries: Sequence[RequestRecord | AdminRecord]) -> None:
    """Log a line for each entry that is an event, where anybody listens."""
    if LOG.isEnabledFor(logging.INFO):
        for entry in entries:
            if isinstance(entry, RequestRecord) or entry.method in CHANGING:
                LOG.info("%s", line(entry))


def line(entry: RequestRecord | AdminRecord) -> str:
    """Return what happened in one line; the time is UTC."""
    time = entry.time[11:19] + "Z"
    if isinstance(entry, AdminRecord):
        return (
            f"{time} {entry.status} {entry.caller or 'unknown caller'}: {entry.method} {_plain(entry.path)}"
        )
    of_mcp = entry.path.endswith("/mcp")
    cost = "-" if entry.cost_nano_usd is None else f"${entry.cost_nano_usd / 1e9:.4f}"
    parts = [
        time,
        str(entry.status),
        _plain(entry.key_name),
        _plain(entry.user),
        "mcp" if of_mcp else _plain(entry.provider),
        _plain(entry.target if of_mcp else entry.model_served or entry.model_asked),
        f"{entry.latency_ms / 1000:.1f} s",
        cost,
    ]
    if entry.outcome != "answered":
        parts.append(entry.outcome + (f": {_printable(entry.error)}" if entry.error else ""))
    return " ".join(parts)


class Strangers:
    """Requests whose key was not taken: they are told, and nothing else is written down of them.

    A flood of them is counted: beyond `MOST_STRANGERS` in a second, one line says how many more came.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._second = ""
        self._count = 0

    def add(self, time: str, status: int, who: str, path: str) -> None:
        """Take one; `who` says what is wrong with its key."""
        with self._lock:
            self._turn(time)
            self._count += 1
            if self._count <= MOST_STRANGERS:
                self._lines.append(f"{time[11:19]}Z {status} {who} {_plain(path[:128])}")

    def tell(self, time: str | None) -> None:
        """Log the lines since the last call, and the count of a second that is over; None: at the end."""
        with self._lock:
            self._turn(time or "")
            lines, self._lines = self._lines, []
        for told in lines:
            LOG.info("%s", told)

    def _turn(self, time: str) -> None:
        if time[:19] != self._second:
            if self._count > MOST_STRANGERS:
                more = self._count - MOST_STRANGERS
                self._lines.append(f"{self._second[11:]}Z and {more} more whose key was not taken")
            self._second, self._count = time[:19], 0


def _printable(text: str) -> str:
    """Return words that end a line: they may hold blanks, and never begin a line of their own."""
    return text if text.isprintable() else json.dumps(text)


def _plain(text: str | None) -> str:
    if not text:
        return "-"
    return text if text.isprintable() and " " not in text and '"' not in text else json.dumps(text)

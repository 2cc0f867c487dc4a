"""One line per event that a person can read: requests, and changes by admins. Never bodies or secrets.

    12:03:04Z 200 claude-desktop-eng-prod dev@acme.com anthropic-prod claude-opus-4-8 1.2 s $0.0034
    12:03:05Z 412 claude-desktop-eng-prod dev@acme.com - claude-opus-4-8 0.0 s - refused
    12:03:06Z 200 admin token: POST /v1/configs

Written through `logging`, level INFO, by the logbook's thread once the entry is on disk. What clients
choose themselves (users, models) is quoted as soon as it holds more than plain characters, so that
nobody can write a line of their own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from gateway_client.bundled.store.records import AdminRecord, RequestRecord

LOG = logging.getLogger(__name__)
CHANGING = frozenset({"POST", "PUT", "DELETE"})


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
    cost = "-" if entry.cost_nano_usd is None else f"${entry.cost_nano_usd / 1e9:.4f}"
    parts = [
        time,
        str(entry.status),
        _plain(entry.key_name),
        _plain(entry.user),
        _plain(entry.provider),
        _plain(entry.model_served or entry.model_asked),
        f"{entry.latency_ms / 1000:.1f} s",
        cost,
    ]
    if entry.outcome != "answered":
        parts.append(entry.outcome)
    return " ".join(parts)


def _plain(text: str | None) -> str:
    if not text:
        return "-"
    return text if text.isprintable() and " " not in text and '"' not in text else json.dumps(text)

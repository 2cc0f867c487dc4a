"""When a failed call is tried again at the same provider, and after how long. Pure.

Waits are 1, 2, 4, ... seconds (facts/portkey.md 12.3), at most `LONGEST`. A provider that asks for a
longer wait than `PATIENCE` gets none: its answer goes to the client at once, which knows better how
long it can wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gateway_client.bundled.routing.language import Retry

STATUSES = frozenset({429, 500, 502, 503, 504, 529})
"""What is tried again unless `on_status_codes` says otherwise (facts/portkey.md 5.2)."""
LONGEST = 10.0
PATIENCE = 60.0
"""Seconds."""


def wait(
    retry: Retry | None, made: int, status: int | None, headers: Mapping[str, str], now: datetime
) -> float | None:
    """Return the seconds to wait before the next try; None ends trying.

    `made` counts the tries again so far; `status` is None for a provider that gave no answer, which
    is always worth another try.
    """
    if retry is None or made >= retry.attempts or not _worth_it(retry, status):
        return None
    if retry.use_retry_after_headers:
        asked = _asked(headers, now)
        if asked is not None:
            return asked if asked <= PATIENCE else None
    return min(2.0**made, LONGEST)


def count(retry: Retry | None, made: int, status: int | None) -> int:
    """Return what `x-portkey-retry-attempt-count` says of a call: tries again, -1 when they were in vain."""
    exhausted = retry is not None and 0 < retry.attempts <= made and _worth_it(retry, status)
    return -1 if exhausted else made


def _worth_it(retry: Retry, status: int | None) -> bool:
    return status is None or status in (STATUSES if retry.on_status_codes is None else retry.on_status_codes)


def _asked(headers: Mapping[str, str], now: datetime) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        return seconds if seconds >= 0 else None  # neither does a NaN
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):  # a date may have numbers of any size
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())

"""Moments as Portkey writes them: ISO 8601, UTC, milliseconds, `Z` (facts/portkey.md 3.4).

The form has a fixed width, so that the store compares moments as text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Return the present moment, aware, UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return an aware moment as `2026-05-03T17:08:55.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

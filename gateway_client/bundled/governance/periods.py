"""When counting begins anew: windows of rates, and periods of budgets. Pure.

Moments are milliseconds since 1970, UTC. A window is `(begin, end)`: `begin` belongs to it, `end` does
not. Weeks of keys and workspaces begin on Sunday, those of policies on Monday: Portkey's documents
say so for each (facts/portkey.md 6.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

SECOND = 1000
DAY = 86_400 * SECOND
FOREVER = 2**62
"""The end of a period that nothing ends."""

UNITS: Mapping[str, int] = {
    "rps": SECOND,
    "rpm": 60 * SECOND,
    "rph": 3600 * SECOND,
    "rpd": DAY,
    "rpw": 7 * DAY,
}

MONDAY, SUNDAY = 0, 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def millis(moment: datetime) -> int:
    """Return an aware moment as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(instant: int) -> datetime:
    """Return milliseconds since 1970 as an aware moment."""
    return _EPOCH + timedelta(milliseconds=instant)


class Schedule(Protocol):
    """Tells when windows begin and end."""

    def window(self, now: int) -> tuple[int, int]:
        """Return the window of what is counted now, while no other is running."""
        ...

    def end(self, begin: int) -> int:
        """Return when a window ends that began then."""
        ...


@dataclass(frozen=True, slots=True)
class FromFirst:
    """A window of fixed length that begins with what is counted first in it."""

    length: int

    def window(self, now: int) -> tuple[int, int]:
        """Begin one now."""
        return now, now + self.length

    def end(self, begin: int) -> int:
        """Return the end of the one that began then."""
        return begin + self.length


@dataclass(frozen=True, slots=True)
class Period:
    """A budget's period: calendar weeks or months, every so many days, or all time.

    `reset_at` (`next_usage_reset_at`) ends whatever period holds until then; a period of days is
    counted from it, else from `since`, when the limited thing was made.
    """

    every: Literal["weekly", "monthly"] | int | None
    since: int
    reset_at: int | None = None
    first_weekday: int = SUNDAY

    def window(self, now: int) -> tuple[int, int]:
        """Return the period around a moment."""
        if self.reset_at is not None and now < self.reset_at:
            return 0, self.reset_at
        begin, end = self._regular(now)
        return max(begin, self.reset_at or 0), end

    def end(self, begin: int) -> int:
        """Return when the period ends that a moment belongs to."""
        return self.window(begin)[1]

    def next_reset(self, now: datetime) -> datetime | None:
        """Return when the present period ends, None for never."""
        end = self.end(millis(now))
        return None if end == FOREVER else moment_of(end)

    def _regular(self, now: int) -> tuple[int, int]:
        if self.every is None:
            return 0, FOREVER
        if isinstance(self.every, int):
            length = self.every * DAY
            anchor = self.since if self.reset_at is None else self.reset_at
            begin = anchor + (now - anchor) // length * length
            return begin, begin + length
        day = moment_of(now).replace(hour=0, minute=0, second=0, microsecond=0)
        if self.every == "weekly":
            first = day - timedelta(days=(day.weekday() - self.first_weekday) % 7)
            return millis(first), millis(first) + 7 * DAY
        first = day.replace(day=1)
        return millis(first), millis((first + timedelta(days=31)).replace(day=1))


def period_of(limits: Mapping[str, Any], since: str, first_weekday: int = SUNDAY) -> Period:
    """Return the period of a budget as the admin API took it; `since` as the store keeps moments."""
    reset_at = limits.get("next_usage_reset_at")
    return Period(
        limits.get("periodic_reset") or limits.get("periodic_reset_days"),
        millis(datetime.fromisoformat(since)),
        None if reset_at is None else millis(datetime.fromisoformat(reset_at)),
        first_weekday,
    )

"""When windows of rates and periods of budgets begin and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_client.bundled.governance.periods import (
    DAY,
    FOREVER,
    MONDAY,
    SUNDAY,
    FromFirst,
    Period,
    millis,
    moment_of,
    period_of,
)

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(millis)
PERIODS = st.builds(
    Period,
    st.sampled_from(["weekly", "monthly", None]) | st.integers(1, 365),
    MOMENTS,
    st.none() | MOMENTS,
    st.sampled_from([MONDAY, SUNDAY]),
)


def at(text: str) -> int:
    return millis(datetime.fromisoformat(text))


@given(PERIODS, MOMENTS)
def test_every_moment_lies_in_one_period_and_the_next_begins_where_it_ends(period: Period, now: int) -> None:
    begin, end = period.window(now)
    assert begin <= now < end
    assert period.window(begin) == (begin, end)
    assert period.window(end - 1) == (begin, end) or end == FOREVER
    assert period.end(now) == end
    if end != FOREVER:
        assert period.window(end)[0] == end


@given(MOMENTS, st.sampled_from([MONDAY, SUNDAY]))
def test_weeks_and_months_begin_at_midnight_of_their_first_day(now: int, first: int) -> None:
    begin, end = (moment_of(edge) for edge in Period("weekly", now, None, first).window(now))
    assert (begin.weekday(), begin.time().isoformat()) == (first, "00:00:00")
    assert end - begin == timedelta(days=7)
    begin, end = (moment_of(edge) for edge in Period("monthly", now).window(now))
    assert (begin.day, end.day, begin.time()) == (1, 1, end.time())
    assert (end.year * 12 + end.month) - (begin.year * 12 + begin.month) == 1


@given(MOMENTS, MOMENTS, st.integers(1, 365))
def test_days_are_counted_from_when_the_thing_was_made(since: int, now: int, days: int) -> None:
    begin, end = Period(days, since).window(now)
    assert end - begin == days * DAY
    assert (begin - since) % (days * DAY) == 0


@given(MOMENTS, st.integers(1, 7 * DAY))
def test_a_rates_window_begins_with_what_it_counts_first(now: int, length: int) -> None:
    assert FromFirst(length).window(now) == (now, FromFirst(length).end(now)) == (now, now + length)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_moments_survive_to_the_millisecond(moment: datetime) -> None:
    assert timedelta() <= moment - moment_of(millis(moment)) < timedelta(milliseconds=1)


RESETS: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "2026-11-20T12:00:00Z", None),
    ({"periodic_reset": "monthly"}, "2026-11-20T12:00:00Z", "2026-12-01T00:00:00+00:00"),
    ({"periodic_reset": "weekly"}, "2026-11-20T12:00:00Z", "2026-11-22T00:00:00+00:00"),
    ({"periodic_reset_days": 10}, "2026-11-20T12:00:00Z", "2026-11-22T08:00:00+00:00"),
    # An explicit moment comes first, then the regular ones, or none.
    (
        {"periodic_reset": "monthly", "next_usage_reset_at": "2027-01-15T06:00:00Z"},
        "2026-11-20T12:00:00Z",
        "2027-01-15T06:00:00+00:00",
    ),
    (
        {"periodic_reset": "monthly", "next_usage_reset_at": "2026-11-15T06:00:00Z"},
        "2026-11-20T12:00:00Z",
        "2026-12-01T00:00:00+00:00",
    ),
    (
        {"periodic_reset_days": 3, "next_usage_reset_at": "2026-11-19T06:00:00Z"},
        "2026-11-20T12:00:00Z",
        "2026-11-22T06:00:00+00:00",
    ),
    ({"next_usage_reset_at": "2026-11-21T00:00:00Z"}, "2026-11-20T12:00:00Z", "2026-11-21T00:00:00+00:00"),
    ({"next_usage_reset_at": "2026-11-21T00:00:00Z"}, "2026-11-22T12:00:00Z", None),
]


@pytest.mark.parametrize(("limits", "now", "expected"), RESETS)
def test_the_next_reset_of_a_budget(limits: dict[str, Any], now: str, expected: str | None) -> None:
    found = period_of(limits, "2026-11-12T08:00:00.000Z").next_reset(datetime.fromisoformat(now))
    assert (found.isoformat() if found else None) == expected


def test_weeks_of_policies_begin_on_monday() -> None:
    weekly = {"periodic_reset": "weekly"}
    begin, _ = period_of(weekly, "2026-01-01T00:00:00.000Z", MONDAY).window(at("2026-11-22T12:00:00Z"))
    assert moment_of(begin).isoformat() == "2026-11-16T00:00:00+00:00"

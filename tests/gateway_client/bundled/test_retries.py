"""When a failed call is tried again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway_client.bundled.routing.language import Retry
from gateway_client.bundled.routing.retries import count, wait

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
FIVE = Retry(attempts=5)
POLITE = Retry(attempts=5, use_retry_after_headers=True)


def test_waits_double_up_to_a_cap_and_end() -> None:
    assert [wait(FIVE, made, 529, {}, NOW) for made in range(6)] == [1, 2, 4, 8, 10, None]


@pytest.mark.parametrize(
    ("retry", "status", "again"),
    [
        (None, 529, False),
        (Retry(attempts=0), 529, False),
        *[(FIVE, status, True) for status in (None, 429, 500, 502, 503, 504, 529)],
        *[(FIVE, status, False) for status in (200, 246, 400, 401, 403, 404, 408, 412, 446, 501)],
        (Retry(attempts=1, on_status_codes=(400,)), 400, True),
        (Retry(attempts=1, on_status_codes=(400,)), 529, False),
        (Retry(attempts=1, on_status_codes=(400,)), None, True),
        (Retry(attempts=1, on_status_codes=()), 500, False),
    ],
)
def test_what_is_worth_another_try(retry: Retry | None, status: int | None, again: bool) -> None:
    assert (wait(retry, 0, status, {}, NOW) is not None) is again


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 1.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": "61"}, None),
        ({"retry-after": "3600"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-1"}, 1.0),
        ({"retry-after": "nan"}, 1.0),
        ({"retry-after": "soon"}, 1.0),
        ({"retry-after": "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"}, 1.0),
        ({"retry-after": "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT"}, 1.0),
        ({"retry-after": "Mon, 31 Dec 9999 23:59:59 -2359"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 13:00:00 GMT"}, None),
    ],
)
def test_a_provider_is_listened_to_within_bounds(headers: dict[str, str], expected: float | None) -> None:
    assert wait(POLITE, 0, 429, headers, NOW) == expected
    assert wait(FIVE, 0, 429, headers, NOW) == 1.0, "only where the config says so"


@pytest.mark.parametrize(
    ("retry", "made", "status", "told"),
    [
        (None, 0, 529, 0),
        (FIVE, 0, 200, 0),
        (FIVE, 2, 200, 2),
        (FIVE, 5, 200, 5),
        (FIVE, 5, 529, -1),
        (FIVE, 5, None, -1),
        (FIVE, 1, 400, 1),
        (Retry(attempts=0), 0, 529, 0),
    ],
)
def test_what_the_header_tells(retry: Retry | None, made: int, status: int | None, told: int) -> None:
    assert count(retry, made, status) == told

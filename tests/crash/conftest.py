"""Lets the crash tests' shared checks tell what they compared."""

import pytest

pytest.register_assert_rewrite(
    "tests.support.crash_end", "tests.support.crash_series", "tests.support.crash_points"
)

"""Lets the crash tests' helpers tell what they compared."""

import pytest

for name in ("desk", "end", "points", "series", "situations"):
    pytest.register_assert_rewrite(f"tests.support.crash_{name}")

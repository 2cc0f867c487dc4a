"""A run that updates, mints again, rotates and revokes, killed from outside at each trace that it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.crash_points import changed_states
from tests.support.crash_series import kill_everywhere
from tests.support.crash_situations import LATER_RUN

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1")]

EVERY_KIND = [
    "PUT /v1/configs/*",
    "PUT /v1/api-keys/*",
    "POST /v1/api-keys/workspace/service",
    "POST /v1/api-keys/*/rotate",
    "DELETE /v1/api-keys/*",
]


def test_the_next_run_accounts_for_every_key(tmp_path: Path) -> None:
    points = kill_everywhere(LATER_RUN, tmp_path, changed_states)
    assert [p.trace for p in points if p.moment == "after" and p.trace in EVERY_KIND] == EVERY_KIND

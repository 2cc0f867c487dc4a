"""Two runs on one state at the same time: one does the work, the other is turned away or finds it done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import EXIT_BUSY
from tests.support.crash_points import Point, recorded, run, stopped
from tests.support.crash_situations import FIRST_RUN

pytestmark = [pytest.mark.crash, pytest.mark.covers("T17")]


def a_point(folder: Path, fits: Callable[[Point], bool]) -> int:
    """Return the number of the first point of a first run that fits."""
    with FIRST_RUN.at_desk(folder) as at:
        _ran, points = recorded(at.main_job())
    return next(p.number for p in points if p.moment == "before" and fits(p))


@pytest.mark.parametrize("doing", ["POST /v1/configs", "rename to dist/manifest.json"])
def test_one_wins_and_the_other_is_told_who_it_is(tmp_path: Path, doing: str) -> None:
    midway = a_point(tmp_path / "undisturbed", lambda p: p.trace == doing)
    with FIRST_RUN.at_desk(tmp_path / "both") as at, stopped(at.main_job(), midway) as winner:
        other = run(at.main_job())
        assert other.code == EXIT_BUSY
        assert f"another run is at work: process {winner.process.pid} of " in other.err
        assert other.out == ""
        ran = winner.go_on()
        assert ran.code == 0, ran.err
        FIRST_RUN.check(at)


def test_one_that_comes_late_to_the_lock_finds_all_done(tmp_path: Path) -> None:
    locking = a_point(tmp_path / "undisturbed", lambda p: p.trace == "create .provision/lock")
    with FIRST_RUN.at_desk(tmp_path / "both") as at, stopped(at.main_job(), locking) as late:
        assert run(at.main_job()).code == 0
        ran = late.go_on()
        assert ran.code == 0, ran.err
        assert "nothing to do" in ran.out
        FIRST_RUN.check(at)

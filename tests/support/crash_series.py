"""One situation, killed at each of its points: a fresh desk per point, the kill, the run again, the check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.crash_desk import Desk, desk
from tests.support.crash_points import Point, kill, recorded, run
from tests.support.pilot import Ran

AT_ONCE = os.cpu_count() or 2
BATCH = 4 * AT_ONCE
"""Desks that stand at the same time: while some are checked, runs at the others go on."""


@dataclass(frozen=True, slots=True)
class Series:
    """A situation and what is expected of it."""

    roster: str
    prepare: Callable[[Desk], None]
    """Brings a fresh desk to where the run begins that is killed."""
    choose: Callable[[Sequence[Point]], tuple[Point, ...]]
    """Picks the points to kill at from those of an undisturbed run."""
    check: Callable[[Desk], None]
    """Checks a desk in the end."""
    more: tuple[str, ...] = ()
    """Further arguments of the main job."""
    code: int = 0
    """Exit code of an undisturbed run, and of the one after a kill."""
    settle: Callable[[Desk, Point, Ran], Ran] = lambda _desk, _point, ran: ran
    """Takes the run after the kill on, where one is not enough; returns the last run."""


def kill_everywhere(series: Series, folder: Path) -> None:
    """Play a situation once undisturbed and once per point, and report every point that ends wrongly."""
    points = _undisturbed(series, folder / "undisturbed")
    chosen = series.choose(points)
    failures: list[AssertionError] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(chosen), BATCH):
            batch = chosen[start : start + BATCH]
            with ExitStack() as stack:
                desks = [stack.enter_context(_prepared(series, folder / str(p.number))) for p in batch]
                again = pool.map(_killed_and_run_again, desks, batch, [series] * len(batch))
                for at, point, ran in zip(desks, batch, again, strict=True):
                    try:
                        last = series.settle(at, point, ran)
                        assert last.code == series.code, last.out + last.err
                        series.check(at)
                    except AssertionError as exc:
                        exc.add_note(f"killed at {point}; the run after it said:\n{ran.out}{ran.err}")
                        failures.append(exc)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(chosen)} points end wrongly", failures)


@contextmanager
def _prepared(series: Series, folder: Path) -> Iterator[Desk]:
    with desk(folder, series.roster) as at:
        series.prepare(at)
        yield at


def _undisturbed(series: Series, folder: Path) -> tuple[Point, ...]:
    with _prepared(series, folder) as at:
        ran, points = recorded(at.main_job(*series.more))
        assert ran.code == series.code, ran.out + ran.err
        series.check(at)
    return points


def _killed_and_run_again(at: Desk, point: Point, series: Series) -> Ran:
    command = at.main_job(*series.more)
    kill(command, point)
    return run(command)

"""One situation, killed at each of its points: a fresh desk per point, the kill, the run again, the check."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from tests.support.crash_desk import Desk
from tests.support.crash_points import Point, kill, recorded
from tests.support.crash_situations import Situation
from tests.support.pilot import Ran

AT_ONCE = os.cpu_count() or 2
AHEAD = 2 * AT_ONCE
"""Desks at which runs are being killed while others are checked."""


def kill_everywhere(
    situation: Situation, folder: Path, choose: Callable[[Sequence[Point]], Sequence[Point]]
) -> tuple[Point, ...]:
    """Play a situation once undisturbed and once per point, and raise for all points that end wrongly.

    The run that is killed has a process of its own; those after it run in this one.

    Args:
        situation: what is played.
        folder: where the desks are set up.
        choose: picks the points to kill at from those of the undisturbed run.

    Returns:
        All points of the undisturbed run.
    """
    with situation.at_desk(folder / "undisturbed") as at:
        ran, points = recorded(at.main_job(*situation.more))
        assert ran.code == situation.code, ran.out + ran.err
        situation.check(at)
    chosen = choose(points)
    failures: list[AssertionError] = []
    for at, point in _killed(situation, folder, chosen):
        ran = at.main_job_here(*situation.more)
        try:
            _check(situation, at, point, ran)
        except AssertionError as exc:
            exc.add_note(f"killed at {point}; the run after it said:\n{ran.out}{ran.err}")
            failures.append(exc)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(chosen)} points end wrongly", failures)
    return points


def _killed(situation: Situation, folder: Path, points: Sequence[Point]) -> Iterator[tuple[Desk, Point]]:
    """Yield a fresh desk for each point, at which a run was killed there."""
    with ThreadPoolExecutor(AT_ONCE) as pool, ExitStack() as desks:
        ahead: deque[tuple[ExitStack, Desk, Point, Future[None]]] = deque()
        coming = iter(points)
        while True:
            for point in islice(coming, AHEAD - len(ahead)):
                stack = desks.enter_context(ExitStack())
                at = stack.enter_context(situation.at_desk(folder / str(point.number)))
                ahead.append((stack, at, point, pool.submit(kill, at.main_job(*situation.more), point)))
            if not ahead:
                return
            stack, at, point, killed = ahead.popleft()
            killed.result()
            yield at, point
            stack.close()


def _check(situation: Situation, at: Desk, point: Point, ran: Ran) -> None:
    if point.former.endswith("/rotate"):
        ran = situation.wait_for_rotation(at, ran)
    assert ran.code == situation.code, ran.out + ran.err
    situation.check(at)

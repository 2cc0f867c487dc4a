"""Runs the real command in a process of its own, and kills it from outside at a numbered point.

What the points are and how the process comes to stop there, `crash_shim/sitecustomize.py` says.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.pilot import Ran

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).with_name("crash_shim")
# What the gateway draws at random: ids of keys, slugs of configs.
DRAWN = re.compile(r"(?<=/)([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|pc-[\w-]+)")
READS = ("GET ", "POST /v1/messages")
CHANGES = ("POST /v1/configs", "POST /v1/api-keys", "PUT ", "DELETE ")
"""The changing calls of the admin API."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the shim."""

    number: int
    moment: str
    trace: str
    """What the tool is about to do, or has just done."""
    former: str
    """The trace before that."""

    @property
    def is_news(self) -> bool:
        """Whether the state is another than before the former trace, which was no mere look."""
        return not self.former.startswith(READS)

    def __str__(self) -> str:
        return f"point {self.number}, {self.moment} {self.trace} (it follows {self.former})"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of the tool, and where it is run."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that waits at a point: it goes on when told to, and it can be killed."""

    process: subprocess.Popen[str]
    points: tuple[Point, ...]
    """What it passed; the last one is where it waits."""
    _release: int

    def kill(self) -> None:
        """Kill it from outside; nothing of its own runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL

    def go_on(self) -> Ran:
        """Let it run to its end."""
        os.write(self._release, b"\n")
        out, err = self.process.communicate()
        return Ran(self.process.returncode, out, err)


def run(command: Command) -> Ran:
    """Run a command to its end."""
    with _started(command) as (process, _points, _release):
        out, err = process.communicate()
    return Ran(process.returncode, out, err)


def recorded(command: Command) -> tuple[Ran, tuple[Point, ...]]:
    """Run a command to its end, and return the points that it passed."""
    with _started(command) as (process, points, _release):
        passed = tuple(points)
        out, err = process.communicate()
    return Ran(process.returncode, out, err), passed


@contextlib.contextmanager
def stopped(command: Command, at: int) -> Iterator[Stopped]:
    """Run a command to a point, where it waits."""
    with _started(command, hold=at) as (process, points, release):
        passed = []
        for point in points:
            passed.append(point)
            if point.number == at:
                break
        if len(passed) < at:
            out, err = process.communicate()
            told = f"the run ended with code {process.returncode} after {len(passed)} points, not {at}"
            raise AssertionError(f"{told}: {out}{err}")
        yield Stopped(process, tuple(passed), release)


def kill(command: Command, at: Point) -> None:
    """Run a command to a point that another run of it has passed, and kill it there."""
    with stopped(command, at.number) as waiting:
        waiting.kill()
    assert str(waiting.points[-1]) == str(at), "two runs from one state took different ways"


def states(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points to kill at, one for each state that a kill can leave behind.

    The end of one trace is the state in which the next one begins, so the points before each trace
    are enough, and the last one of all; but a file that was just created is still empty.
    """
    first = [point for point in points if point.moment == "before" or point.trace.startswith("create ")]
    return (*first, points[-1])


def changed_states(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return those of `states` that differ from the one before."""
    return tuple(point for point in states(points) if point.is_news)


@contextlib.contextmanager
def _started(command: Command, hold: int = 0) -> Iterator[tuple[subprocess.Popen[str], Iterator[Point], int]]:
    hear, tell = os.pipe()
    wait, release = os.pipe()
    environment = {
        **command.environment,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{SHIM}{os.pathsep}{ROOT}",
        "CRASH_ROOT": str(command.folder),
        "CRASH_TELL": str(tell),
        "CRASH_RELEASE": str(wait),
        "CRASH_HOLD": str(hold),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "provisioner", *command.arguments],
        cwd=command.folder,
        env=environment,
        pass_fds=(tell, wait),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(tell)
    os.close(wait)
    with process, os.fdopen(hear, encoding="utf-8") as lines, os.fdopen(release, "wb"):
        yield process, _points(lines), release


def _points(lines: Iterable[str]) -> Iterator[Point]:
    former, trace = "the start", ""
    for number, line in enumerate(lines, start=1):
        moment, _space, told = line.rstrip("\n").partition(" ")
        if moment == "before":
            former, trace = trace or former, DRAWN.sub("*", told)
        yield Point(number, moment, DRAWN.sub("*", told), former)

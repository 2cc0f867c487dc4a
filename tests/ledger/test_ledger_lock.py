"""One run at a time (T17): a live owner is named, a dead one is taken over."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.errors import EXIT_BUSY, Busy
from provisioner.ledger import lock

OWNER = {"pid": "4711", "host": "mac-1", "user": "alice", "since": "2026-11-20 18:00:00 UTC"}

HOLDER = """
import sys, time
from pathlib import Path
from provisioner.ledger import lock
with lock.held(Path(sys.argv[1]), {"pid": "1", "host": "h", "user": "bob", "since": "now"}, print):
    print("held", flush=True)
    time.sleep(60)
"""


def hold_elsewhere(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.covers("T17")
def test_a_second_run_is_turned_away_and_told_by_whom(tmp_path: Path) -> None:
    child = hold_elsewhere(tmp_path / "lock")
    try:
        with pytest.raises(Busy, match="of bob on h since now"), lock.held(tmp_path / "lock", OWNER, print):
            pass
    finally:
        child.kill()
        child.communicate()
    assert Busy.exit_code == EXIT_BUSY == 75


@pytest.mark.covers("T17")
def test_a_run_that_was_killed_is_taken_over_and_named(tmp_path: Path) -> None:
    child = hold_elsewhere(tmp_path / "lock")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    told: list[str] = []
    with lock.held(tmp_path / "lock", OWNER, told.append):
        pass
    assert told == ["took over from a run that broke off: process 1 of bob on h since now"]


def test_a_run_that_ended_leaves_nothing_to_tell(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path / "lock", OWNER, told.append):
        raise ZeroDivisionError
    with lock.held(tmp_path / "lock", OWNER, told.append):
        pass
    assert told == []

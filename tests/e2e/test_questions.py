"""Questions on a real terminal: shown on stderr, no is the default, a mass revocation wants its number."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.pilot import ADMIN_TOKEN, Pilot, real_gateway

SECONDS = 60


def on_a_terminal(folder: Path, arguments: list[str], question: str, answer: str) -> tuple[int, str]:
    """Run the tool on a terminal of its own, answer one question, and return exit code and screen."""
    root = Path(__file__).parents[2]
    controller, terminal = pty.openpty()
    environment = {**os.environ, "GATEWAY_ADMIN": ADMIN_TOKEN, "PYTHONPATH": str(root), "COLUMNS": "200"}
    child = subprocess.Popen(
        [sys.executable, "-m", "provisioner", *arguments],
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    screen, answered, end = b"", False, time.monotonic() + SECONDS
    while time.monotonic() < end:
        ready, _, _ = select.select([controller], [], [], 0.2)
        try:
            chunk = os.read(controller, 65536) if ready else b""
        except OSError:  # the terminal is gone: the child has ended
            break
        screen += chunk
        if not answered and question.encode() in screen:
            os.write(controller, answer.encode() + b"\n")
            answered = True
        if ready and not chunk:
            break
    os.close(controller)
    return child.wait(timeout=SECONDS), screen.decode()


def test_no_is_the_default_and_changes_nothing(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch):
        code, screen = on_a_terminal(pilot.folder, ["--roster", "org.csv"], "Make these 6 changes", "")
    assert code == 2, screen
    assert "mint 3 keys" in screen
    assert "not confirmed; nothing was changed" in screen
    assert not pilot.dist.exists()


def test_yes_goes_ahead(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch):
        code, screen = on_a_terminal(pilot.folder, ["--roster", "org.csv"], "Make these 6 changes", "y")
    assert code == 0, screen
    assert (pilot.dist / "index.html").exists()


@pytest.mark.covers("T11")
@pytest.mark.parametrize(("typed", "code"), [("2", 0), ("3", 2), ("y", 2)])
def test_a_mass_revocation_wants_its_number_typed(pilot: Pilot, typed: str, code: int) -> None:
    assert pilot.main_job().code == 0
    pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
    question = "Type the number of keys to revoke"
    ended, screen = on_a_terminal(pilot.folder, ["--roster", "org.csv", "--prune"], question, typed)
    assert ended == code, screen
    with pilot.gateway() as gateway:
        assert len(gateway.list_keys()) == (1 if code == 0 else 3)

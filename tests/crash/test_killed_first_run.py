"""A first run, killed from outside at each trace that it leaves, and run again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support import crash_end
from tests.support.crash_desk import Desk
from tests.support.crash_points import states
from tests.support.crash_series import Series, kill_everywhere

ROSTER = "email,team,env\nalice@acme.com,Eng,prod\nbob@acme.com,Ops,prod\n"
TEAMS = {"eng-prod", "ops-prod"}

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1")]


def with_a_visitor(desk: Desk) -> None:
    desk.add_foreign_key("claude-desktop-visitors-prod")


def test_every_key_is_accounted_for_wherever_a_first_run_is_killed(tmp_path: Path) -> None:
    kill_everywhere(
        Series(ROSTER, with_a_visitor, choose=states, check=partial(crash_end.check, teams=TEAMS)), tmp_path
    )

"""A run that changes, mints again, rotates and revokes, killed at each trace that it leaves."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.support import crash_end
from tests.support.crash_desk import Desk
from tests.support.crash_points import Point, changed_states
from tests.support.crash_series import Series, kill_everywhere
from tests.support.pilot import Ran

ROSTER = "email,team,env\nalice@acme.com,Eng,prod\nbob@acme.com,Ops,prod\ncarol@acme.com,Sales,prod\n"
TEAMS = {"eng-prod", "ops-prod", "sales-prod"}
LEAVER = "dave@acme.com,Lab,prod\n"
PRUNE = ("--prune", "--max-revoke", "1")
STRICTER = 'extends = "restricted"\n[routing]\ncache = { mode = "simple" }\n'
FOR_ENG = '[[override]]\nteam = "eng"\nprofile = "stricter"\n'
TRANSITION = timedelta(minutes=31)
"""A little more than the old secret of a rotated key lives on (facts/portkey.md 4.4)."""

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1")]


def with_work_of_every_kind(at: Desk) -> None:
    """One team's policy changed, one's key is gone, one's secret is lost, one left the roster."""
    at.pilot.write_roster(ROSTER + LEAVER)
    ran = at.main_job_here()
    assert ran.code == 0, ran.err
    at.add_foreign_key("claude-desktop-visitors-prod")
    (at.pilot.folder / "profiles").mkdir()
    (at.pilot.folder / "profiles/stricter.toml").write_text(STRICTER)
    at.write_fleet(FOR_ENG)
    at.delete_key("claude-desktop-ops-prod")
    at.lose_secret("claude-desktop-sales-prod")
    at.pilot.write_roster(ROSTER)


def wait_for_rotation(at: Desk, point: Point, ran: Ran) -> Ran:
    """Run again after the old secret's end, where the new one was lost: no key can be rotated before."""
    if not point.former.endswith("/rotate"):
        return ran
    assert ran.code == 3, ran.err
    assert "two live secrets" in ran.out
    at.clock.ahead = TRANSITION
    return at.main_job_here(*PRUNE)


def test_wherever_a_later_run_is_killed_the_next_one_accounts_for_every_key(tmp_path: Path) -> None:
    kill_everywhere(
        Series(
            ROSTER,
            with_work_of_every_kind,
            choose=changed_states,
            check=partial(crash_end.check, teams=TEAMS, more=PRUNE),
            more=PRUNE,
            settle=wait_for_rotation,
        ),
        tmp_path,
    )

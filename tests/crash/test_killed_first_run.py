"""A first run, killed from outside at each trace that it leaves, and run again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support import crash_end
from tests.support.crash_desk import Desk, desk
from tests.support.crash_points import Point, changed_states, kill, recorded, states
from tests.support.crash_series import Series, kill_everywhere

ROSTER = "email,team,env\nalice@acme.com,Eng,prod\nbob@acme.com,Ops,prod\n"
TEAMS = {"eng-prod", "ops-prod"}
MINT = "POST /v1/api-keys/workspace/service"

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1")]


def with_a_visitor(at: Desk) -> None:
    at.add_foreign_key("claude-desktop-visitors-prod")


def test_wherever_a_first_run_is_killed_the_next_one_accounts_for_every_key(tmp_path: Path) -> None:
    kill_everywhere(
        Series(ROSTER, with_a_visitor, choose=states, check=partial(crash_end.check, teams=TEAMS)), tmp_path
    )


def test_a_foreign_key_of_a_wanted_name_stays_wherever_a_run_is_killed(tmp_path: Path) -> None:
    def with_its_name_taken(at: Desk) -> None:
        description = f"managed by provision, do not edit; ledger={'f' * 32} intent={'0' * 16}"
        at.add_foreign_key("claude-desktop-ops-prod", description)

    kill_everywhere(
        Series(
            ROSTER,
            with_its_name_taken,
            choose=before_the_files,
            check=partial(crash_end.check, teams={"eng-prod"}, blocked=("ops-prod",), code=3),
            code=3,
        ),
        tmp_path,
    )


@pytest.mark.parametrize(
    ("trace", "former"),
    [
        pytest.param("commit", MINT, id="live, secret lost"),
        pytest.param("commit", "commit", id="live, secret sealed"),
    ],
)
def test_the_run_that_settles_what_was_left_can_be_killed_too(
    tmp_path: Path, trace: str, former: str
) -> None:
    with desk(tmp_path / "first", ROSTER) as at:
        with_a_visitor(at)
        _ran, points = recorded(at.main_job())
    minted = next(p for p in points if p.former == MINT)
    first = next(
        p for p in points[minted.number - 1 :] if (p.moment, p.trace, p.former) == ("before", trace, former)
    )

    def killed_once(at: Desk) -> None:
        with_a_visitor(at)
        kill(at.main_job(), first)

    kill_everywhere(
        Series(
            ROSTER,
            killed_once,
            choose=lambda points: before_the_files(points)[:8],
            check=partial(crash_end.check, teams=TEAMS),
        ),
        tmp_path,
    )


def test_files_of_a_killed_delivery_go_with_their_team(tmp_path: Path) -> None:
    with desk(tmp_path / "first", ROSTER) as at:
        _ran, points = recorded(at.main_job())
    for name in ("dist/ops-prod/files/managed-settings.json", "dist/manifest.json"):
        [renaming] = [p for p in points if (p.moment, p.trace) == ("before", f"rename to {name}")]
        with desk(tmp_path / str(renaming.number), ROSTER) as at:
            kill(at.main_job(), renaming)
            assert (at.pilot.dist / "ops-prod").exists()
            at.pilot.write_roster("email,team,env\nalice@acme.com,Eng,prod\n")
            ran = at.main_job_here("--prune", "--max-revoke", "1")
            assert ran.code == 0, ran.err
            assert not (at.pilot.dist / "ops-prod").exists()
            crash_end.check(at, {"eng-prod"})


def before_the_files(points: Sequence[Point]) -> tuple[Point, ...]:
    """Leave out what comes with the delivery, which is the same with any keys."""
    return tuple(p for p in changed_states(points) if not p.trace.startswith("rename to dist"))

"""A first run, killed from outside at each trace that it leaves, and run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import crash_end
from tests.support.crash_desk import Desk
from tests.support.crash_points import Point, changed_states, kill, recorded, states
from tests.support.crash_series import kill_everywhere
from tests.support.crash_situations import FIRST_RUN, TAKEN_NAME

MINT = "POST /v1/api-keys/workspace/service"

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1")]


def before_the_files(points: Sequence[Point]) -> tuple[Point, ...]:
    """Leave out what comes with the delivery, which is the same with any keys."""
    return tuple(p for p in changed_states(points) if not p.trace.startswith("rename to dist"))


def first(points: Sequence[Point], trace: str, former: str) -> Point:
    return next(p for p in points if (p.moment, p.trace, p.former) == ("before", trace, former))


def undisturbed(folder: Path) -> tuple[Point, ...]:
    with FIRST_RUN.at_desk(folder) as at:
        ran, points = recorded(at.main_job())
    assert ran.code == 0, ran.err
    return points


def test_the_next_run_accounts_for_every_key(tmp_path: Path) -> None:
    points = kill_everywhere(FIRST_RUN, tmp_path, states)
    traces = [p.trace for p in points if p.moment == "after"]
    assert traces.count("POST /v1/configs") == traces.count(MINT) == 2
    assert (
        traces.count("commit") >= 12
    )  # the new ledger; intent, (secret,) record of each of four; proofs; delivery


def test_a_foreign_key_of_a_wanted_name_stays(tmp_path: Path) -> None:
    kill_everywhere(TAKEN_NAME, tmp_path, before_the_files)


@pytest.mark.parametrize(
    ("trace", "former"),
    [
        pytest.param("commit", MINT, id="live and its secret lost"),
        pytest.param("commit", "commit", id="live and its secret sealed"),
    ],
)
def test_the_run_that_settles_what_was_left_can_be_killed_too(
    tmp_path: Path, trace: str, former: str
) -> None:
    points = undisturbed(tmp_path / "first")
    minted = first(points, "commit", MINT)
    left = first(points[minted.number - 1 :], trace, former)

    def left_by_a_killed_run(at: Desk) -> None:
        FIRST_RUN.prepare(at)
        kill(at.main_job(), left)

    kill_everywhere(
        replace(FIRST_RUN, prepare=left_by_a_killed_run),
        tmp_path,
        lambda points: before_the_files(points)[:6],
    )


@pytest.mark.covers("T2")
@pytest.mark.parametrize("name", ["ops-prod/files/managed-settings.json", "manifest.json"])
def test_files_of_a_delivery_that_was_killed_go_with_their_team(tmp_path: Path, name: str) -> None:
    [renaming] = [
        p
        for p in undisturbed(tmp_path / "first")
        if (p.moment, p.trace) == ("before", f"rename to dist/{name}")
    ]
    with FIRST_RUN.at_desk(tmp_path / "killed") as at:
        kill(at.main_job(), renaming)
        assert (at.pilot.dist / "ops-prod").exists()
        at.pilot.write_roster("email,team,env\nalice@acme.com,Eng,prod\n")
        ran = at.main_job_here("--prune", "--max-revoke", "1")
        assert ran.code == 0, ran.err
        assert not (at.pilot.dist / "ops-prod").exists()
        crash_end.check_keys(at, frozenset({"eng-prod"}))
        crash_end.check_drift(at)

"""Changing calls whose connection is lost, carried out or not; the same run or the next ones settle it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_client.bundled.settings import Faults
from provisioner.errors import EXIT_DONE, EXIT_PARTLY
from tests.support.crash_points import CHANGES, recorded
from tests.support.crash_situations import FIRST_RUN, LATER_RUN, Situation

pytestmark = [pytest.mark.crash, pytest.mark.covers("T1", "T27")]

LOSSES: dict[str, Callable[[int], Faults]] = {
    "before it": lambda n: Faults(drop_before=frozenset({n})),
    "after it": lambda n: Faults(drop_after=frozenset({n})),
    "after it and the next": lambda n: Faults(drop_after=frozenset({n, n + 1})),
}


def changing_calls(situation: Situation, folder: Path) -> list[tuple[int, str]]:
    """Return the changing calls of an undisturbed run, with their numbers since the gateway's start."""
    with situation.at_desk(folder) as at:
        former = at.changing_calls()
        _ran, points = recorded(at.main_job(*situation.more))
        made = [p.trace for p in points if p.moment == "after" and p.trace.startswith(CHANGES)]
        assert at.changing_calls() == former + len(made)
    return list(enumerate(made, start=former + 1))


@pytest.mark.parametrize(
    "situation", [pytest.param(FIRST_RUN, id="first run"), pytest.param(LATER_RUN, id="later run")]
)
def test_every_changing_call_can_lose_its_connection(tmp_path: Path, situation: Situation) -> None:
    calls = changing_calls(situation, tmp_path / "undisturbed")
    for (number, call), (loss, faults) in itertools.product(calls, LOSSES.items()):
        with situation.at_desk(tmp_path / f"{number}, {loss}", faults(number)) as at:
            ran = at.main_job_here(*situation.more)
            told = f"{call} lost its connection {loss}: {ran.out}{ran.err}"
            # A create is never repeated blindly; one that happened is found, a rotation's secret is not.
            unsettled = call.startswith("POST") if "before" in loss else call.endswith("/rotate")
            assert ran.code == (EXIT_PARTLY if unsettled else EXIT_DONE), told
            if unsettled:
                ran = at.main_job_here(*situation.more)
            if "two live secrets" in ran.out:
                ran = situation.wait_for_rotation(at, ran)
            assert ran.code == EXIT_DONE, told + ran.out + ran.err
            situation.check(at)

"""What a run did, as the person reads it who started it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.assign import Verdict
from provisioner.fleet import Fleet
from provisioner.render.standing import standings
from provisioner.report import outcome
from provisioner.report.outcome import Failure, RunSummary, Tally
from tests.plan.fleets import device, of_device, of_person, person, with_devices
from tests.report.rollouts import assignment, files

ONE_MDM = Fleet.model_validate({"mdm": ["jamf", "files"]})
ENGINEERING, SUPPORT = assignment("eng", "prod", 4211), assignment("support", "prod", 89)
DEV, QA = assignment("eng", "dev", 0), assignment("qa", "prod", 40)
REFUSED = 'claude-opus-5-5: status 403: "this key may not use the model"'
LINES = outcome.lines(
    standings(
        (ENGINEERING, SUPPORT, DEV, QA),
        (*files(ENGINEERING, ONE_MDM, revision=3), *files(SUPPORT, ONE_MDM, failures=(REFUSED,))),
    )
)
RUN = RunSummary(
    nothing=False,
    gateway="http://127.0.0.1:8080",
    out="dist",
    configs=Tally(created=3, kept=1),
    keys=Tally(created=2, updated=1, revoked=1),
    files=131,
    written=97,
    removed=("old-prod/scope.csv",),
    lines=LINES,
    failures=(
        Failure("claude-desktop-qa-prod", "FOREIGN key of this name", "rename that key at the gateway"),
    ),
    notices=("this is the bundled gateway, for a pilot on this machine",),
)


@pytest.mark.parametrize("width", [80, 120])
def test_a_run_with_everything_in_it(golden: Callable[[str, bytes], None], width: int) -> None:
    golden(f"report/outcome-everything-{width}.txt", outcome.text(RUN, width).encode() + b"\n")


def test_a_second_run_has_nothing_to_do() -> None:
    again = replace(
        RUN,
        nothing=True,
        configs=Tally(kept=4),
        keys=Tally(kept=4),
        written=0,
        removed=(),
        failures=(),
        notices=(),
        lines=LINES[:1],
    )
    assert outcome.text(again, 100) == (
        "nothing to do: 4 configs and 4 keys stand at http://127.0.0.1:8080, 131 files in dist\n\n"
        "next: open dist/index.html"
    )


def test_a_run_that_could_do_nothing_does_not_say_that_all_is_well() -> None:
    text = outcome.text(replace(RUN, nothing=True), 100)
    assert text.startswith("nothing was done: ")
    assert "not done: 1\n  claude-desktop-qa-prod: FOREIGN key of this name\n    fix: rename" in text


@pytest.mark.covers("S190a")
def test_each_assignment_stands_as_its_key_does() -> None:
    assert [(line.assignment, line.state) for line in LINES] == [
        ("eng-prod", "ready"),
        ("support-prod", "HOLD"),
        ("eng-dev", "key only"),
        ("qa-prod", "no key"),
    ]
    assert [line.folder for line in LINES] == ["eng-prod/", "support-prod/", "", ""]
    assert LINES[0].goes_to == ("jamf", "files")
    assert (LINES[0].revision, LINES[3].revision) == (3, None)
    assert LINES[1].held == (REFUSED,)


ADA = person("ada@acme.com")
MACS = tuple(of_device(device(f"MAC{n}", "jamf"), whose=ADA) for n in (1, 2))
FARM = Verdict("service", "svc:build-farm", "assigned", MACS[0].place)


@pytest.mark.covers("S155")
def test_devices_are_not_counted_as_people() -> None:
    team = with_devices("eng", "prod", (*MACS, of_device(device("LAB1", "jamf"))))
    handed = with_devices("ext", "prod", (of_person(person("eve@ext.com")),))
    farm = with_devices("ci", "prod", (FARM,))
    told = outcome.lines(standings((team, handed, farm), ()))
    assert [(line.people, line.devices, line.services) for line in told] == [(1, 3, 0), (1, 0, 0), (0, 0, 1)]
    text = outcome.text(replace(RUN, lines=told), 100)
    rows = [
        line.split("  ") for line in text.splitlines() if re.match("assignment  |(eng|ext|ci)-prod  ", line)
    ]
    assert [[cell.strip() for cell in row if cell][:2] for row in rows] == [
        ["assignment", "devices"], ["eng-prod", "3"], ["ext-prod", "1 person"], ["ci-prod", "1 service"],
    ]  # fmt: skip
    rows_json = outcome.as_json(replace(RUN, lines=told))["assignments"]
    assert [(row["people"], row["devices"], row["services"]) for row in rows_json] == [
        (1, 3, 0), (1, 0, 0), (0, 0, 1),
    ]  # fmt: skip


def test_without_device_data_people_are_counted_as_people() -> None:
    told = outcome.lines(standings((assignment("eng", "prod", 2), with_devices("ci", "prod", (FARM,))), ()))
    text = outcome.text(replace(RUN, lines=told), 100)
    assert "assignment  people " in text
    assert "ci-prod     1 service  " in text


@pytest.mark.covers("S187")
@pytest.mark.parametrize("nothing", [True, False])
def test_a_run_says_in_a_line_how_many_go_without(nothing: bool) -> None:
    missed = replace(RUN, nothing=nothing, not_covered={"device": 5, "person": 1})
    told = "not covered: 1 person and 5 devices; dist/not-covered.csv says why and what to do"
    assert told in outcome.text(missed, 100).splitlines()
    assert outcome.as_json(missed)["not_covered"] == {"people": 1, "devices": 5, "services": 0}
    assert "not covered" not in outcome.text(RUN, 100)


def test_many_assignments_are_cut_and_those_on_hold_are_not() -> None:
    many = tuple(replace(LINES[1], assignment=f"team{n}-prod") for n in range(100))
    text = outcome.text(replace(RUN, lines=many), 100)
    assert "... and 40 more; all of them: index.html" in text
    assert all(f"  team{n}-prod: claude-opus-5-5: status 403" in text for n in range(100))


def test_json_tells_the_same() -> None:
    value = outcome.as_json(RUN)
    assert json.loads(json.dumps(value)) == value
    assert (value["version"], value["kind"], value["nothing_to_do"]) == (1, "outcome", False)
    assert value["keys"] == {"created": 2, "updated": 1, "rotated": 0, "kept": 0, "revoked": 1}
    assert value["assignments"][1] == {
        "name": "support-prod",
        "state": "HOLD",
        "people": 89,
        "devices": 0,
        "services": 0,
        "key": "claude-desktop-support-prod",
        "revision": 1,
        "folder": "support-prod/",
        "goes_to": ["jamf", "files"],
        "held": [REFUSED],
    }
    assert value["not_covered"] == {"people": 0, "devices": 0, "services": 0}
    assert value["failures"] == [
        {
            "name": "claude-desktop-qa-prod",
            "why": "FOREIGN key of this name",
            "fix": "rename that key at the gateway",
        }
    ]

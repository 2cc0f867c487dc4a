"""Without a gateway of one's own the bundled one runs inside the tool, and is killed with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.http import Door
from gateway_client.url import parse_gateway_url
from tests.support import crash_end
from tests.support.crash_desk import Desk, GatewayClock
from tests.support.crash_points import CHANGES, Command, kill, recorded
from tests.support.crash_situations import TWO_TEAMS
from tests.support.pilot import Pilot, new_pilot


def command_at(folder: Path) -> tuple[Pilot, Command]:
    (folder / "home").mkdir(parents=True)
    pilot = new_pilot(folder)
    pilot.write_roster(TWO_TEAMS)
    (folder / "provision.toml").write_text('mdm = ["files"]\n')
    return pilot, Command(("--roster", "org.csv"), folder, {"HOME": str(folder / "home")})


@contextlib.contextmanager
def looked_at(pilot: Pilot) -> Iterator[Desk]:
    """Serve the gateway once more, where the tool finds it, to look at it beside the tool."""
    token = SecretStr((pilot.state / "gateway-admin.token").read_text().strip())
    port = parse_gateway_url(json.loads((pilot.state / "gateway.json").read_bytes())["url"]).port
    with (
        Embedded(GatewaySettings(pilot.state / "gateway.db", token), port=port) as served,
        contextlib.closing(Door(parse_gateway_url(served.url), token)) as door,
    ):
        yield Desk(pilot, served, GatewayClock(), door)


@pytest.mark.crash
@pytest.mark.covers("T1")
def test_the_next_run_accounts_for_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pilot, command = command_at(tmp_path / "undisturbed")
    ran, points = recorded(command)
    assert ran.code == 0, ran.err
    around_changes = [
        p
        for p in points
        if p.moment == "before" and (p.trace.startswith(CHANGES) or p.former.startswith(CHANGES))
    ]
    assert len(around_changes) == 8
    for point in around_changes:
        pilot, command = command_at(tmp_path / str(point.number))
        kill(command, point)
        monkeypatch.setenv("HOME", command.environment["HOME"])
        ran = pilot.run(*command.arguments)
        assert ran.code == 0, f"killed at {point}: {ran.err}"
        with looked_at(pilot) as at:
            crash_end.check(at, frozenset({"eng-prod", "ops-prod"}))

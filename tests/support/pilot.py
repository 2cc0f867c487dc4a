"""A desk to run the tool at, as an admin would, with the bundled gateway on a free port."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url
from provisioner.cli.main import run_command

ROSTER = """\
email,team,env,platform,serial
alice@acme.com,Engineering,prod,macos,C02AAAAAAAA1
bob@acme.com,Engineering,prod,windows,
alice@acme.com,Engineering,dev,,
carol@acme.com,Support,prod,linux,
"""
ADMIN_TOKEN = "admin-token-of-a-real-gateway-0123456789"


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Pilot:
    """One folder with a roster; the commands run in this process, in that folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".provision"
        self.dist = folder / "dist"
        self.write_roster(ROSTER)

    def write_roster(self, text: str) -> None:
        (self.folder / "org.csv").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        mask = os.umask(0o022)
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                contextlib.chdir(self.folder),
            ):
                code = run_command(list(arguments))
        finally:
            os.umask(mask)
        return Ran(code, out.getvalue(), err.getvalue())

    def main_job(self, *more: str) -> Ran:
        return self.run("--roster", "org.csv", *more)

    def files(self) -> dict[str, bytes]:
        return {
            p.relative_to(self.dist).as_posix(): p.read_bytes() for p in self.dist.rglob("*") if p.is_file()
        }

    @contextlib.contextmanager
    def gateway(self) -> Iterator[PortkeyGateway]:
        """Talk to the bundled gateway of this desk directly, as somebody behind the tool's back."""
        token = SecretStr((self.state / "gateway-admin.token").read_text().strip())
        with (
            Embedded(GatewaySettings(self.state / "gateway.db", token)) as served,
            contextlib.closing(Door(parse_gateway_url(served.url), token)) as door,
        ):
            yield PortkeyGateway(door)

    def audit(self) -> list[dict[str, Any]]:
        """Return every admin call that the gateway saw, oldest first."""
        token = SecretStr((self.state / "gateway-admin.token").read_text().strip())
        with Embedded(GatewaySettings(self.state / "gateway.db", token)) as served:
            return audit_of(served.url, token)


def audit_of(url: str, token: SecretStr) -> list[dict[str, Any]]:
    """Return the admin calls that a bundled gateway logged."""
    with contextlib.closing(Door(parse_gateway_url(url), token)) as door:
        found: Any = door.call("GET", "/v1/audit", query={"page_size": 1000})
    calls: list[dict[str, Any]] = found["data"]
    return sorted(calls, key=lambda call: call["id"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_pilot(folder: Path) -> Pilot:
    """Return a desk whose bundled gateway has a port of its own, so that tests can run side by side."""
    pilot = Pilot(folder)
    pilot.state.mkdir(mode=0o700)
    address = {"url": f"http://127.0.0.1:{free_port()}", "instance": ""}
    (pilot.state / "gateway.json").write_text(json.dumps(address))
    return pilot


@contextlib.contextmanager
def real_gateway(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, fleet: str = "", **settings: Any
) -> Iterator[Embedded]:
    """Serve a gateway that the fleet file names, so that the tool takes it for the organisation's own."""
    monkeypatch.setenv("GATEWAY_ADMIN", ADMIN_TOKEN)
    database = pilot.folder / "elsewhere.db"
    with Embedded(GatewaySettings(database, SecretStr(ADMIN_TOKEN), **settings)) as served:
        (pilot.folder / "provision.toml").write_text(
            f'{fleet}\n[gateway]\nproduct = "portkey"\nurl = "{served.url}"\n'
            'admin_key = { env = "GATEWAY_ADMIN" }\n'
        )
        yield served

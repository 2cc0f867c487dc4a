"""A desk at which the tool is killed: a folder, a gateway of the organisation, and keys that are not ours."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import Faults, GatewaySettings
from gateway_client.contract import KeySpec, RemoteKey
from gateway_client.http import Door
from gateway_client.portkey import PortkeyDataPlane, PortkeyGateway
from gateway_client.url import parse_gateway_url
from provisioner import naming
from provisioner.ledger.model import Snapshot
from provisioner.ledger.store import LedgerStore
from provisioner.vault import Vault, load_key
from tests.support.crash_points import Command
from tests.support.pilot import ADMIN_TOKEN, Pilot, Ran

CHANGING = ("POST", "PUT", "DELETE")
MODEL = "claude-opus-5-5"


class GatewayClock:
    """The time as the gateway sees it, which a test can move on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key that somebody else made, with all that the gateway tells of it."""

    name: str
    secret: SecretStr
    told: Any


@dataclass(frozen=True, slots=True)
class Desk:
    """An admin's folder, and the gateway that its fleet file names."""

    pilot: Pilot
    served: Embedded
    clock: GatewayClock
    door: Door
    foreign: list[ForeignKey] = field(default_factory=list)

    @property
    def gateway(self) -> PortkeyGateway:
        """The admin API, for somebody behind the tool's back."""
        return PortkeyGateway(self.door)

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.pilot.folder / "home"), "GATEWAY_ADMIN": ADMIN_TOKEN}

    def write_fleet(self, more: str = "") -> None:
        (self.pilot.folder / "provision.toml").write_text(
            f'mdm = ["files"]\n{more}\n[gateway]\nproduct = "portkey"\nurl = "{self.served.url}"\n'
            'admin_key = { env = "GATEWAY_ADMIN" }\n'
        )

    def main_job(self, *more: str) -> Command:
        """Return the main job, for a process of its own."""
        return Command(("--roster", "org.csv", "--yes", *more), self.pilot.folder, self.environment)

    def run_here(self, *arguments: str) -> Ran:
        """Run a command line in this process: quicker, where nobody is to be killed."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return self.pilot.run(*arguments)

    def main_job_here(self, *more: str) -> Ran:
        return self.run_here(*self.main_job(*more).arguments)

    def add_foreign_key(self, name: str, description: str = "made by hand") -> None:
        config = self.gateway.create_config(f"of-{name}", {"provider": "@anthropic-prod"})
        minted = self.gateway.create_key(KeySpec(name, description, config.slug, {"team": "visitors"}))
        self.foreign.append(ForeignKey(name, minted.secret, self._told(minted.id)))

    def foreign_now(self) -> list[Any]:
        """Return the foreign keys as the gateway tells them now."""
        return [self._told(key.told["id"]) for key in self.foreign]

    def _told(self, key_id: str) -> Any:
        return self.door.call("GET", f"/v1/api-keys/{key_id}")

    def ours(self) -> list[RemoteKey]:
        """Return the live keys of our naming, without the foreign ones."""
        strangers = {key.told["id"] for key in self.foreign}
        keys = self.gateway.list_keys()
        return [k for k in keys if k.name.startswith(naming.KEY_PREFIX) and k.id not in strangers]

    def delete_key(self, name: str) -> None:
        [key] = [key for key in self.ours() if key.name == name]
        self.gateway.delete_key(key.id)

    def changing_calls(self) -> int:
        """Return how many changing admin calls the gateway has answered."""
        audit: Any = self.door.call("GET", "/v1/audit", query={"page_size": 1000})
        return sum(call["method"] in CHANGING for call in audit["data"])

    def accepts(self, secret: SecretStr) -> bool:
        """Whether the data plane answers a message with this key."""
        return PortkeyDataPlane(self.door).try_model(secret, MODEL).ok

    @contextlib.contextmanager
    def books(self) -> Iterator[tuple[Snapshot, Vault]]:
        """Open ledger and vault."""
        [key_file] = (self.pilot.folder / "home").rglob("vault.key")
        with LedgerStore.open(self.pilot.state / "ledger.db") as ledger:
            yield ledger.snapshot(), Vault(load_key(key_file, may_create=False), ledger.ledger_id, ledger)

    def lose_secret(self, name: str) -> None:
        """Take a key's secret out of the vault."""
        with self.books() as (snapshot, _vault):
            lost = snapshot.keys[name].secret.vault_id
        with contextlib.closing(sqlite3.connect(self.pilot.state / "ledger.db")) as db, db:
            assert db.execute("DELETE FROM sealed WHERE vault_id = ?", (lost,)).rowcount == 1


@contextlib.contextmanager
def desk(folder: Path, roster: str, faults: Faults | None = None) -> Iterator[Desk]:
    """Set up a desk with a gateway of its own. Its folder and its home are made here."""
    home = folder.resolve() / "home"
    home.mkdir(parents=True)
    clock = GatewayClock()
    token = SecretStr(ADMIN_TOKEN)
    settings = GatewaySettings(home.parent / "elsewhere.db", token, faults=faults or Faults())
    with (
        Embedded(settings, clock=clock) as served,
        contextlib.closing(Door(parse_gateway_url(served.url), token)) as door,
    ):
        made = Desk(Pilot(home.parent), served, clock, door)
        made.pilot.write_roster(roster)
        made.write_fleet()
        yield made

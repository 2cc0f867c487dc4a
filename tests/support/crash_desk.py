"""A desk at which the tool is killed: a folder, a gateway of the organisation, and a key that is not ours.

`held` says what must be true of it once a run has come to its end.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
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
from provisioner import files, naming
from provisioner.ledger.model import Snapshot
from provisioner.ledger.store import LedgerStore
from provisioner.vault import Vault, load_key
from tests.support.crash_points import Command
from tests.support.pilot import ADMIN_TOKEN, Pilot, Ran, audit_of

FOREIGN = "claude-desktop-visitors-prod"
CHANGING = ("POST", "PUT", "DELETE")
MODEL = "claude-opus-5-5"


class GatewayClock:
    """The time as the gateway sees it, which a test can move on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Desk:
    """An admin's folder, with a gateway that the fleet file names."""

    pilot: Pilot
    served: Embedded
    clock: GatewayClock
    admin: PortkeyGateway
    foreign: dict[str, SecretStr] = field(default_factory=dict)
    """Keys that somebody else made: id to secret."""

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.pilot.folder / "home"), "GATEWAY_ADMIN": ADMIN_TOKEN}

    def command(self, *arguments: str) -> Command:
        """Return the main job as a command for a process of its own."""
        return Command(("--roster", "org.csv", "--yes", *arguments), self.pilot.folder, self.environment)

    def run_here(self, *arguments: str) -> Ran:
        """Run any command line in this process: quicker, and nobody kills it."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return self.pilot.run(*arguments)

    def main_job_here(self, *arguments: str) -> Ran:
        return self.run_here(*self.command(*arguments).arguments)

    def write_fleet(self, more: str = "") -> None:
        (self.pilot.folder / "provision.toml").write_text(
            f'mdm = ["files"]\n{more}\n[gateway]\nproduct = "portkey"\nurl = "{self.served.url}"\n'
            'admin_key = { env = "GATEWAY_ADMIN" }\n'
        )

    def add_foreign_key(self, name: str, description: str = "made by hand") -> None:
        """Make a key behind the tool's back, with a config of its own."""
        config = self.admin.create_config(f"of-{name}", {"provider": "@anthropic-prod"})
        minted = self.admin.create_key(KeySpec(name, description, config.slug, {"team": "visitors"}))
        self.foreign[minted.id] = minted.secret

    def foreign_keys(self) -> list[Any]:
        """Return the foreign keys as the gateway tells them, whole."""
        return [self.told("GET", f"/v1/api-keys/{identity}") for identity in self.foreign]

    def ours(self) -> list[RemoteKey]:
        """Return the live keys of our naming, without the foreign ones."""
        keys = self.admin.list_keys()
        return [k for k in keys if k.name.startswith(naming.KEY_PREFIX) and k.id not in self.foreign]

    def told(self, method: str, path: str) -> Any:
        with contextlib.closing(_door(self.served.url, SecretStr(ADMIN_TOKEN))) as door:
            return door.call(method, path)  # type: ignore[arg-type]  # the tests' methods are GET

    def changing_calls(self) -> int:
        """Return how many changing admin calls the gateway has answered."""
        calls = audit_of(self.served.url, SecretStr(ADMIN_TOKEN))
        return sum(call["method"] in CHANGING for call in calls)

    def accepts(self, secret: SecretStr) -> bool:
        """Whether the data plane answers a message with this key."""
        with contextlib.closing(_door(self.served.url, None)) as door:
            return PortkeyDataPlane(door).try_model(secret, MODEL).ok

    @contextlib.contextmanager
    def books(self) -> Iterator[tuple[Snapshot, Vault]]:
        """Open ledger and vault as a run would."""
        with LedgerStore.open(self.pilot.state / "ledger.db") as ledger:
            key = load_key(self.pilot.folder / "home/.config/provision/vault.key", may_create=False)
            yield ledger.snapshot(), Vault(key, ledger.ledger_id, ledger)

    def lose_secret(self, key_name: str) -> None:
        """Take a key's secret out of the vault."""
        with self.books() as (snapshot, _vault):
            lost = snapshot.keys[key_name].secret.vault_id
        with contextlib.closing(sqlite3.connect(self.pilot.state / "ledger.db")) as db, db:
            assert db.execute("DELETE FROM sealed WHERE vault_id = ?", (lost,)).rowcount == 1

    def delete_key(self, name: str) -> None:
        """Delete a key of ours at the gateway, behind the tool's back."""
        [key] = [key for key in self.ours() if key.name == name]
        self.admin.delete_key(key.id)

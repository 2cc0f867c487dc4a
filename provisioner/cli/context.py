"""The composition root: the only place that chooses what implements a port."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import SecretStr

from gateway_client.contract import DataPlane, Gateway
from gateway_client.http import Door
from gateway_client.portkey import PortkeyDataPlane, PortkeyGateway
from gateway_client.url import GatewayUrl, parse_gateway_url
from provisioner import admin_key, files, project
from provisioner.cli import output
from provisioner.cli.options import Setup
from provisioner.errors import InputError, UsageError
from provisioner.fleet import Fleet
from provisioner.fleet import Gateway as GatewaySettings
from provisioner.ledger import lock
from provisioner.ledger.store import LedgerStore
from provisioner.mint import Bench
from provisioner.project import Places, Project
from provisioner.report.pseudonyms import Pseudonyms
from provisioner.vault import Vault, load_key, pseudonym_mac

SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Connected:
    """A gateway that answers, and what the artifacts say of it."""

    gateway: Gateway
    base_url: str
    data_plane: DataPlane | None
    """None for the bundled gateway: its keys need no proof."""
    place: str
    """Gateway and workspace, as the ledger remembers them."""

    @property
    def real(self) -> bool:
        """Whether this is a gateway of the organisation, where changes are asked for first."""
        return self.data_plane is not None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything open: ledger, vault, gateway."""

    bench: Bench
    connected: Connected


def now() -> datetime:
    """Return the time, in UTC and whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def places(setup: Setup, roster: Path | None) -> Places:
    """Return where the inputs are."""
    return Places(roster, setup.fleet, setup.profiles)


def survey(setup: Setup, roster: Path | None) -> Project:
    """Read and decide everything, and leave what is wrong with the decisions in the coverage."""
    found = project.survey(places(setup, roster), now().date())
    output.recognise(found.roster, keep=found.words)
    return found


def load(setup: Setup, roster: Path | None) -> Project:
    """Read and decide everything; problems of the decisions are an `InputError`, too."""
    found = survey(setup, roster)
    if found.coverage.problems:
        raise InputError(found.coverage.problems)
    return found


def pseudonyms() -> Pseudonyms:
    """Return the pseudonyms of this user's vault key, which is made where there is none."""
    return Pseudonyms(pseudonym_mac(load_key(vault_key_file(), may_create=True)))


@contextmanager
def desk(setup: Setup, fleet: Fleet) -> Iterator[Desk]:
    """Open state and gateway under the lock: one run at a time, since even a look makes state and serves."""
    with ExitStack() as stack:
        ledger, vault = stack.enter_context(records(setup.state))
        connected = stack.enter_context(gateway(fleet, setup.state))
        yield Desk(Bench(connected.gateway, ledger, vault, now, output.say, connected.place), connected)


@contextmanager
def records(folder: Path) -> Iterator[tuple[LedgerStore, Vault]]:
    """Open ledger and vault under the lock; no gateway is asked."""
    with ExitStack() as stack:
        state = state_folder(folder)
        stack.enter_context(lock.held(state / "lock", _owner(), output.say))
        ledger = stack.enter_context(LedgerStore.open(state / "ledger.db"))
        output.recognise_keys(ledger.snapshot)
        vault = Vault(
            load_key(vault_key_file(), may_create=not ledger.sealed_ids()), ledger.ledger_id, ledger
        )
        for vault_id in sorted(ledger.sealed_ids())[:1]:
            vault.open(vault_id)  # another user's vault key is told before anything is done with it
        yield ledger, vault


def state_folder(folder: Path) -> Path:
    """Make the state folder: 0700, ignored by git, on this machine's disk."""
    files.refuse_synced(folder)
    files.make_private_folder(folder)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        files.write_whole(ignore, b"*\n", files.PUBLIC_FILE)
    return folder


def vault_key_file() -> Path:
    """Return the vault key's place in the user's configuration folder."""
    return Path(click.get_app_dir("provision")) / "vault.key"


@contextmanager
def gateway(fleet: Fleet, state: Path) -> Iterator[Connected]:
    """Connect to the fleet's gateway; without one, to the bundled one, served or embedded for this run."""
    if fleet.gateway.product == "bundled":
        from provisioner.cli.bundled.running import running

        with running(state) as (url, token), _door(parse_gateway_url(url), token) as door:
            yield Connected(PortkeyGateway(door), url, None, "the bundled gateway")
    else:
        with _real(fleet.gateway) as connected:
            yield connected


@contextmanager
def _real(settings: GatewaySettings) -> Iterator[Connected]:
    if settings.admin_key is None or settings.url is None:
        raise UsageError("the fleet file names no gateway url and admin key")  # refused at load already
    admin_url = parse_gateway_url(settings.url, allow_private=settings.allow_private)
    data_url = parse_gateway_url(settings.data_url or settings.url, allow_private=settings.allow_private)
    ca_file = None if settings.ca_file is None else Path(settings.ca_file)
    key = admin_key.fetch(settings.admin_key, os.environ)
    with _door(admin_url, key, ca_file) as door, _door(data_url, None, ca_file) as data_door:
        admin = PortkeyGateway(door, settings.workspace)
        admin.check()
        skew = door.clock_skew or 0.0
        if abs(skew) > SKEW_SECONDS:
            output.say(
                f"warning: this machine's clock is {skew:.0f} s off the gateway's; expiry dates suffer"
            )
        workspace = f", workspace {settings.workspace}" if settings.workspace else ""
        yield Connected(admin, str(data_url), PortkeyDataPlane(data_door), f"{admin_url}{workspace}")


def _door(
    url: GatewayUrl, credential: SecretStr | None, ca_file: Path | None = None
) -> AbstractContextManager[Door]:
    return closing(Door(url, credential, ca_file=ca_file))


def _owner() -> dict[str, str]:
    return {
        "pid": str(os.getpid()),
        "host": platform.node(),
        "user": getpass.getuser(),
        "since": f"{now():%Y-%m-%d %H:%M:%S} UTC",
    }

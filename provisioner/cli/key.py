"""`provision key list` and `write`: the live keys, and one of them into a file that is handed out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli import options
from provisioner.cli.options import Setup
from provisioner.errors import UsageError

if TYPE_CHECKING:
    from provisioner.ledger.store import LedgerStore
    from provisioner.vault import Vault


@click.group("key")
def command() -> None:
    """List the keys, and hand one out; works without the gateway."""


@command.command("list")
@options.setup
def list_keys(setup: Setup) -> None:
    """List the live keys: whose, until when, how they stand. Never the keys themselves."""
    from provisioner.cli import context, output
    from provisioner.ledger import keys
    from provisioner.report import keys as report

    with _opened(setup.state) as (ledger, _vault):
        found = keys.listed(ledger.snapshot().keys, ledger.sealed_ids(), context.now())
    if setup.json:
        output.result_json(report.as_json(found))
    else:
        output.result(report.text(found, output.width()))


@command.command("write")
@click.argument("name", metavar="NAME")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="A new file for the key and nothing else; no option prints a key.",
)
@options.roster_option(required=False)
@options.setup
def write(name: str, target: Path, roster: Path | None, setup: Setup) -> None:
    """Write one key to a new file, to be handed out and deleted.

    NAME is a key's name, svc:NAME, or the address of a person with one key; an alias with --roster.
    """
    from provisioner import handover
    from provisioner.cli import context, output
    from provisioner.ledger import keys
    from provisioner.report import keys as report

    people = () if roster is None else context.survey(setup, roster).roster.people
    with _opened(setup.state) as (ledger, vault):
        output.recognise(typed=name)
        key = keys.find(ledger.snapshot().keys, name, people)
        handover.write(key, vault, target)
        [told] = keys.listed({key.name: key}, ledger.sealed_ids(), context.now())
    if told.state != "live":
        output.say(f"warning: this key is {told.state}; see provision key list")
    output.say(f"wrote {told.name} ({told.fingerprint}) to {target}; hand it over, then delete the file")
    if setup.json:
        output.result_json(report.as_json([told]))


@contextmanager
def _opened(state: Path) -> Iterator[tuple[LedgerStore, Vault]]:
    """Open what a run has made; a folder without a run is left as it is."""
    from provisioner.cli import context

    if not (state / "ledger.db").exists():
        raise UsageError(
            f"no ledger in {state}: nothing was applied yet", hint="run: provision --roster FILE"
        )
    with context.records(state) as opened:
        yield opened

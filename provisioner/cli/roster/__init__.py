"""`provision roster ...`: look at a roster before it is used; one module a verb."""

from __future__ import annotations

import click

from provisioner.cli.roster import check


@click.group("roster")
def command() -> None:
    """Look at a roster before it is used."""


command.add_command(check.command)

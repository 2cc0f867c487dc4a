"""`provision roster ...`: look at a roster before it is used; one module a verb."""

from __future__ import annotations

import click

from provisioner.cli.roster import check, diff, explain, headers, unmatched


@click.group("roster")
def command() -> None:
    """Look at a roster before it is used."""


command.add_command(check.command)
command.add_command(diff.command)
command.add_command(explain.command)
command.add_command(headers.command)
command.add_command(unmatched.command)

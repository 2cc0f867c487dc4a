"""`provision apply plan.json`: carry out a plan that somebody has read."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("apply")
@click.argument("plan_file", type=options.FILE, metavar="PLAN.JSON")
@options.max_revoke_option
@options.setup
@click.pass_context
def command(context: click.Context, plan_file: Path, max_revoke: int | None, setup: Setup) -> None:
    """Carry out a plan; refused when stale or edited."""
    from provisioner.cli import run

    context.exit(run.apply_plan(plan_file=plan_file, setup=setup, max_revoke=max_revoke))

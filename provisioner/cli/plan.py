"""`provision plan`: what would be done, for people on stdout, for `apply` in a file."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("plan")
@options.roster_option(required=False)
@options.prune_option
@click.option("-o", "--output", "target", type=options.FILE, help="Write the plan for `provision apply`.")
@options.setup
def command(roster: Path | None, prune: bool, target: Path | None, setup: Setup) -> None:
    """Show what `provision --roster` would do; changes nothing at the gateway.

    Without --roster, the sources that the fleet file names are read.
    """
    from provisioner import files, rollout
    from provisioner.cli import context, output
    from provisioner.plan import paper
    from provisioner.report import plan as report

    loaded = context.load(setup, roster)
    with context.desk(setup, loaded.fleet) as desk:
        made = rollout.make_plan(loaded, desk.bench, prune=prune)
        if target is not None:
            files.write_whole(target, paper.written(made.plan, desk.bench.vault.mac))
    if setup.json:
        output.result_json(report.as_json(made.plan))
    else:
        output.result(report.text(made.plan, output.width()))

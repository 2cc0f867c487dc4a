"""`provision roster check FILE`: every problem of a roster at once, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("check")
@click.argument("file", type=options.FILE, metavar="FILE")
@options.setup
def command(file: Path, setup: Setup) -> None:
    """Read a roster and tell every problem in it; touches no gateway and no file."""
    from provisioner import project
    from provisioner.cli import context, output
    from provisioner.report import roster as report

    loaded = project.load(context.places(setup, file), context.now().date())
    if setup.json:
        output.result_json(report.as_json(loaded.roster, loaded.assignments))
    else:
        output.result(report.text(loaded.roster, loaded.assignments, output.width()))

"""`provision roster unmatched`: texts without a team, and people without a rule."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("unmatched")
@options.roster_option(required=False)
@options.setup
def command(roster: Path | None, setup: Setup) -> None:
    """List texts that map to no team, people whom no rule matches, and lines to paste."""
    from provisioner.cli import context, output
    from provisioner.report import unmatched as report

    seen = context.survey(setup, roster)
    if setup.json:
        output.result_json(report.as_json(seen.fleet, seen.coverage))
    else:
        output.result(report.text(seen.fleet, seen.coverage, output.width()))
    if seen.coverage.problems:
        output.say("note: problems stop a run with this roster; provision roster check tells them")

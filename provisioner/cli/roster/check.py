"""`provision roster check [FILE]`: who there is, who gets what, and every problem of a roster at once."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup
from provisioner.errors import EXIT_DONE, EXIT_USAGE, InputError


@click.command("check")
@click.argument("file", type=options.FILE, metavar="[FILE]", required=False)
@options.setup
@click.pass_context
def command(click_context: click.Context, file: Path | None, setup: Setup) -> None:
    """Tell who gets what by a roster, and every problem in it; touches no gateway and no file.

    Without FILE, the sources that the fleet file names are read.
    """
    from provisioner.cli import context, output
    from provisioner.report import idle
    from provisioner.report import roster as report

    seen = context.survey(setup, file)
    if setup.json:
        rules = {"idle_rules": idle.as_json(seen.coverage, seen.fleet, seen.rules_at)}
        output.result_json(report.as_json(seen.roster, seen.coverage, seen.rules_at) | rules)
    else:
        width = output.width()
        told = report.text(seen.roster, seen.coverage, seen.rules_at, width)
        unused = idle.text(seen.coverage, seen.fleet, seen.rules_at, width)
        output.result(f"{told}\n\n{unused}" if unused else told)
    if problems := seen.coverage.problems:
        output.problems(problems, json=False)  # the JSON result has them
        output.say(f"error: {InputError(problems).message}")
    click_context.exit(EXIT_USAGE if problems else EXIT_DONE)

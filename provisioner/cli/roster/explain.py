"""`provision roster explain WHO`: the story of one person, device or service."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("explain")
@click.argument("who", metavar="WHO")
@options.roster_option(required=False)
@options.setup
def command(who: str, roster: Path | None, setup: Setup) -> None:
    """Tell the story of one: rows, rules, device, artifact, key.

    WHO is an address or alias, a serial number, a device's name, an MDM's or directory's id, or svc:NAME.
    """
    from provisioner.cli import context, output
    from provisioner.report import explain, explain_json, lookup
    from provisioner.report.decided import Decided

    seen = context.survey(setup, roster)
    output.recognise(typed=who)
    decided = Decided(seen.roster, seen.fleet, seen.coverage, seen.rules_at, str(setup.out))
    found = lookup.find(seen.coverage.verdicts, who)
    if setup.json:
        output.result_json(explain_json.as_json(decided, found))
    else:
        output.result(explain.text(decided, found, output.width()))
    if seen.coverage.problems:
        output.say("note: problems stop a run with this roster; provision roster check tells them")

"""`provision drift`: what is different between roster, ledger, gateway and files."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup
from provisioner.errors import EXIT_DONE, EXIT_DRIFT


@click.command("drift")
@options.roster_option(required=False)
@click.option("--html", type=options.FILE, metavar="FILE", help="Write the report as a page, too.")
@options.setup
@click.pass_context
def command(click_context: click.Context, roster: Path | None, html: Path | None, setup: Setup) -> None:
    """Compare what was applied with gateway and files; exit 4 when something drifted.

    Without --roster, the roster as it was last applied counts.
    """
    from provisioner import assets, files, inspection, project
    from provisioner.cli import context, output
    from provisioner.render.templates import Templates
    from provisioner.report import drift as report

    loaded = None if roster is None else context.load(setup, roster)
    fleet = project.fleet_of(setup.fleet) if loaded is None else loaded.fleet
    with context.desk(setup, fleet) as desk:
        found = inspection.look(desk.bench, loaded)
    if html is not None:
        files.write_whole(
            html, output.page(report.html(found, Templates(assets.template_texts()))), files.PUBLIC_FILE
        )
    if setup.json:
        output.result_json(report.as_json(found))
    else:
        output.result(report.text(found, output.width()))
    click_context.exit(EXIT_DRIFT if found.drifted else EXIT_DONE)

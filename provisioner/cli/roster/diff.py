"""`provision roster diff OLD NEW`: who joined, moved and left between two rosters."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.cli.options import Setup


@click.command("diff")
@click.argument("old", type=options.FILE, metavar="OLD")
@click.argument("new", type=options.FILE, metavar="NEW")
@click.option("--fleet", type=options.FILE, help="Fleet file for plain files  [default: provision.toml]")
@click.option(
    "--profiles", type=options.FOLDER, help="Your own policy profiles  [default: profiles/ beside it]"
)
@options.pseudonymise_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="For people, for machines or for a spreadsheet.",
)
def command(old: Path, new: Path, fleet: Path | None, profiles: Path | None, form: str) -> None:
    """Tell who joined, moved and left between two rosters, fleet files or assignments.csv."""
    from provisioner import project
    from provisioner.cli import context, output
    from provisioner.report import roster_diff as report
    from provisioner.roster import diff

    setup = Setup(fleet, profiles, Path(), Path(), form == "json")

    def side(place: Path) -> diff.Side:
        known = diff.side_of_table(project.read_bytes(place), str(place))
        if known is not None:
            return known
        seen = context.survey(setup, place)
        if seen.coverage.problems:
            output.say(f"note: problems stop a run with {place}; provision roster check tells them")
        return diff.side_of_coverage(seen.coverage, str(place))

    found = diff.compare(side(old), side(new))
    if form == "json":
        output.result_json(report.as_json(found))
    elif form == "csv":
        output.result(report.as_csv(found).decode())
    else:
        output.result(report.text(found, output.width()))

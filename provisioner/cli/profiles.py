"""`provision profiles list` and `show`: the policy profiles, resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli import options
from provisioner.cli.options import Setup

if TYPE_CHECKING:
    from provisioner.policy.load import Resolved


@click.group("profiles")
def command() -> None:
    """Look at the policy profiles: what a team in an env may do."""


@command.command("list")
@options.setup
def list_profiles(setup: Setup) -> None:
    """List the profiles, shipped and your own."""
    from provisioner.cli import output
    from provisioner.report import profiles as report

    resolved = _resolved(setup, None).values()
    if setup.json:
        output.result_json(report.list_json(resolved))
    else:
        output.result(report.list_text(resolved, output.width()))


@command.command("show")
@click.argument("name")
@options.setup
def show(name: str, setup: Setup) -> None:
    """Show a profile resolved, with where each value comes from."""
    from provisioner.cli import output
    from provisioner.report import profiles as report

    resolved = _resolved(setup, name)[name]
    if setup.json:
        output.result_json(report.as_json(resolved))
    else:
        output.result(report.text(resolved, output.width()))


def _resolved(setup: Setup, name: str | None) -> dict[str, Resolved]:
    """Return one profile, or all of them."""
    from provisioner import project
    from provisioner.policy.load import resolve_all

    sources = project.profile_sources(setup.fleet, setup.profiles)
    labels = project.profile_labels(project.fleet_of(setup.fleet))
    return resolve_all(sorted(sources) if name is None else [name], sources, labels)

"""`provision init`: a commented fleet file to start from."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.errors import UsageError


@click.command("init")
@click.option(
    "--fleet", type=options.FILE, default=Path("provision.toml"), show_default=True, help="Where to write it."
)
def command(fleet: Path) -> None:
    """Write a commented provision.toml; everything in it is optional."""
    from provisioner import assets, files
    from provisioner.cli import output

    if fleet.exists():
        raise UsageError(f"{fleet} is there already", hint="edit it, or name another file with --fleet")
    files.write_whole(fleet, assets.template_text("provision.toml").encode(), files.PUBLIC_FILE)
    output.result(f"wrote {fleet}; every line of it is optional")

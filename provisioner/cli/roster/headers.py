"""`provision roster headers FILE`: which export a file is, and what is understood of it."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options


@click.command("headers")
@click.argument("file", type=options.FILE, metavar="FILE")
@options.pseudonymise_option
@options.format_option
def command(file: Path, json: bool) -> None:
    """Tell which preset fits an export, which columns it understands, and what to write in provision.toml."""
    from provisioner.cli import output
    from provisioner.errors import UsageError
    from provisioner.report import headers as report
    from provisioner.roster import fit
    from provisioner.roster.problems import Problems

    problems = Problems(str(file))
    try:
        with file.open("rb") as stream:
            found = fit.look(stream, str(file), problems)
    except OSError as exc:
        hint = "name a file that exists and is yours"
        raise UsageError(f"can't read {file}: {exc.strerror}", hint) from exc
    if found is None:
        raise problems.error()
    if json:
        output.result_json(report.as_json(found))
    else:
        output.result(report.text(found, output.width()))
    if found.problems:
        output.problems(found.problems, json=False)  # the JSON result has them
        output.say("note: these problems would stop a run")

"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
PSEUDONYMISE = "--pseudonymise"


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a command finds and puts things, and how it prints."""

    fleet: Path | None
    profiles: Path | None
    state: Path
    out: Path
    json: bool


def setup(command: Command) -> Command:
    """Add the shared options and hand them on as one `setup` argument."""

    @click.option("--fleet", type=FILE, help="Fleet file  [default: provision.toml, if it is there]")
    @click.option("--profiles", type=FOLDER, help="Your own policy profiles  [default: profiles/ beside it]")
    @click.option(
        "--state", type=FOLDER, default=Path(".provision"), show_default=True, help="Ledger and vault."
    )
    @click.option(
        "--out", type=FOLDER, default=Path("dist"), show_default=True, help="Folder for the artifacts."
    )
    @pseudonymise_option
    @format_option
    @functools.wraps(command)
    def wrapped(
        fleet: Path | None, profiles: Path | None, state: Path, out: Path, json: bool, **rest: Any
    ) -> Any:
        return command(setup=Setup(fleet, profiles, state, out, json), **rest)

    return wrapped  # type: ignore[return-value]  # click's decorators keep what they wrap


def format_option(command: Command) -> Command:
    """Add `--format table|json`, handed on as `json: bool`."""
    return click.option(
        "--format",
        "json",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        callback=lambda _context, _option, value: value == "json",
        help="For people or for machines.",
    )(command)


def pseudonymise_option(command: Command) -> Command:
    """Add `--pseudonymise`; `cli.main` looks for it before anything is read, so that errors obey it, too."""
    return click.option(
        PSEUDONYMISE,
        is_flag=True,
        expose_value=False,
        help="Print people and devices under stable pseudonyms.",
    )(command)


def wants_json(arguments: list[str]) -> bool:
    """Tell whether a command line asks for JSON; for errors that come before its options are read."""
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def roster_option(*, required: bool) -> Callable[[Command], Command]:
    """Add `--roster FILE`."""
    return click.option(
        "--roster", type=FILE, required=required, metavar="FILE", help="Who is in which team and env."
    )


max_revoke_option = click.option(
    "--max-revoke",
    type=click.IntRange(min=0),
    metavar="N",
    help="Revoke up to N keys without asking, for CI.",
)
yes_option = click.option("--yes", is_flag=True, help="Go ahead on a real gateway without asking.")
prune_option = click.option("--prune", is_flag=True, help="Revoke keys that the roster no longer asks for.")

"""The entry point: the group of commands, and the one place where an error becomes an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any, ClassVar

import click

from provisioner.cli import options, output
from provisioner.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_USAGE, InputError, ProvisionError

UNSUPPORTED = "native Windows is not supported"
UNSUPPORTED_HINT = "run provision in WSL: the artifacts that it makes for Windows are the same"


class Commands(click.Group):
    """Imports a command's module when it is asked for, so that start-up stays quick."""

    MODULES: ClassVar[dict[str, str]] = {
        "apply": "apply",
        "drift": "drift",
        "gateway": "gateway",
        "init": "init",
        "key": "key",
        "plan": "plan",
        "profiles": "profiles",
        "roster": "roster",
    }

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the command names in order."""
        return sorted(self.MODULES)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Return a command, imported now."""
        if name not in self.MODULES:
            return None
        module = importlib.import_module(f"provisioner.cli.{self.MODULES[name]}")
        command: click.Command = module.command
        return command


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(package_name="provision")
@options.roster_option(required=False)
@options.prune_option
@options.max_revoke_option
@options.yes_option
@options.setup
@click.pass_context
def provision(context: click.Context, /, roster: Any, **given: Any) -> None:
    """Put Claude Code and Claude Desktop behind an AI gateway, for a whole organisation.

    `provision --roster org.csv` does it all: it reads the roster, creates routing configs and
    keys at the gateway, and writes the files that go into Jamf, Kandji or Intune.
    """
    if context.invoked_subcommand is not None:
        typed = click.core.ParameterSource.COMMANDLINE
        for option in context.command.params:
            if context.get_parameter_source(option.name or "") is typed:
                raise click.UsageError(f"put {option.opts[0]} after {context.invoked_subcommand}")
        return
    if roster is None:
        click.echo(context.get_help())
        return
    from provisioner.cli import run

    context.exit(run.main_job(roster=roster, **given))


def main() -> None:
    """Run the tool and exit with its code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command line and return its exit code; every error ends here."""
    if os.name == "nt":
        output.say(f"error: {UNSUPPORTED}")
        output.say(f"hint: {UNSUPPORTED_HINT}")
        return EXIT_USAGE
    os.umask(0o077)
    with output.one_run():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    try:
        if options.PSEUDONYMISE in arguments:
            from provisioner.cli import context

            output.pseudonymise(context.pseudonyms())
        code = provision.main(args=arguments, prog_name="provision", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        output.say("interrupted; run the same command again to go on")
        return EXIT_INTERRUPTED
    except click.ClickException as exc:
        with io.StringIO() as shown:
            exc.show(shown)
            output.told(shown.getvalue().rstrip("\n"))
        return EXIT_USAGE
    except InputError as exc:
        output.problems(exc.problems, json=options.wants_json(arguments))
        return _told(exc)
    except ProvisionError as exc:
        return _told(exc)
    except KeyboardInterrupt:
        output.say("interrupted; run the same command again to go on")
        return EXIT_INTERRUPTED
    except OSError as exc:  # the disk is full, a folder is somebody else's: not our bug
        place = "" if exc.filename is None else f": {exc.filename}"
        return _told(ProvisionError(f"{(exc.strerror or type(exc).__name__).lower()}{place}"))
    except Exception as exc:  # noqa: BLE001  # the boundary: everything else is our bug, told with a log
        return _outside(exc)


def _told(exc: ProvisionError) -> int:
    output.say(f"error: {exc.message}")
    if exc.hint:
        output.say(f"hint: {exc.hint}")
    return exc.exit_code


def _outside(exc: Exception) -> int:
    """Tell an error of the gateway, or else our own bug."""
    from gateway_client.errors import GatewayError

    if isinstance(exc, GatewayError):
        return _told(ProvisionError(exc.message, exc.hint))
    from provisioner.cli import bug

    output.say(f"error: this is a bug in provision: {type(exc).__name__}; details in {bug.written(exc)}")
    return EXIT_BUG

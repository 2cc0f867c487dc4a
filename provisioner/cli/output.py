"""stdout is the result, stderr the rest. Nothing else in the tool prints.

Under `--pseudonymise` everything passes `Pseudonyms` here, the last place before it leaves (T30).
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import click

from provisioner.errors import UsageError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from provisioner.errors import Problem
    from provisioner.ledger.model import Snapshot
    from provisioner.report.pseudonyms import Pseudonyms
    from provisioner.roster.model import Roster

_pseudonyms: ContextVar[Pseudonyms | None] = ContextVar("pseudonyms", default=None)


@contextmanager
def one_run() -> Iterator[None]:
    """Forget at the end of the block what `pseudonymise` was told in it."""
    token = _pseudonyms.set(None)
    try:
        yield
    finally:
        _pseudonyms.reset(token)


def pseudonymise(pseudonyms: Pseudonyms) -> None:
    """Print people and devices under pseudonyms from here on."""
    _pseudonyms.set(pseudonyms)


def recognise(*rosters: Roster, typed: str = "", keep: Iterable[str] = ()) -> None:
    """Make known who and what must not be printed under its name: a roster's, and what somebody typed.

    `keep` are words that stay readable, though somebody may be called so.
    """
    if pseudonyms := _pseudonyms.get():
        pseudonyms.keep(keep)
        for roster in rosters:
            pseudonyms.know_roster(roster)
        pseudonyms.know_typed(typed)


def recognise_keys(snapshot: Callable[[], Snapshot]) -> None:
    """Make known for whom a ledger has keys."""
    if pseudonyms := _pseudonyms.get():
        pseudonyms.know_keys(record.spec.metadata for record in snapshot().keys.values())


def say(line: str) -> None:
    """Tell progress or a notice on stderr."""
    told(f"provision: {_inert(line)}")


def told(text: str) -> None:
    """Print text on stderr as it is, which is printable already."""
    click.echo(_masked(text), err=True)


def result(text: str) -> None:
    """Print a result on stdout."""
    click.echo(_inert(_masked(text.rstrip("\n"))))


def result_json(value: Any) -> None:
    """Print a result on stdout as JSON: sorted, so that equal results are equal bytes."""
    pseudonyms = _pseudonyms.get()
    shown = value if pseudonyms is None else pseudonyms.tree(value)
    click.echo(json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=True))


def page(written: bytes) -> bytes:
    """Return an HTML report as it may be written to a file."""
    pseudonyms = _pseudonyms.get()
    return written if pseudonyms is None else pseudonyms.page(written)


def problems(found: Sequence[Problem], *, json: bool) -> None:
    """Tell the problems of input files on stderr, and as a result, too, where JSON is asked for."""
    from provisioner.report import problems as report

    if pseudonyms := _pseudonyms.get():
        found = [pseudonyms.problem(problem) for problem in found]
    if json:
        result_json(report.as_json(found))
    told(report.text(found).rstrip("\n"))


def _masked(text: str) -> str:
    pseudonyms = _pseudonyms.get()
    return text if pseudonyms is None else pseudonyms.text(text)


def _inert(text: str) -> str:
    """Return text without what moves a cursor or turns text around; a file's name may hold it (T15)."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def width() -> int:
    """Return how many characters a line of the terminal holds; 100 where stdout is none."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


def somebody_is_there() -> bool:
    """Tell whether a question can be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Ask a person on the terminal and return what was typed."""
    answer: str = click.prompt(_masked(question), err=True, default="", show_default=False)
    return answer


def ask_secret(what: str) -> SecretStr:
    """Ask for a secret, which is not shown; without a terminal it is the first line of standard input."""
    from pydantic import SecretStr  # slow to import, and wanted by one command

    if sys.stdin.isatty():
        typed: str = click.prompt(_masked(what), err=True, default="", show_default=False, hide_input=True)
    else:
        typed = sys.stdin.readline()
    if not typed.strip():
        raise UsageError(f"no {what} was given", hint="type it, or send it to standard input")
    return SecretStr(typed.strip())


def confirm(question: str) -> bool:
    """Ask a person yes or no; no is the default."""
    return click.confirm(_masked(question), err=True, default=False)

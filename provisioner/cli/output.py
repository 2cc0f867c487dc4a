"""stdout is the result, stderr the rest. Nothing else in the tool prints."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import click


def say(line: str) -> None:
    """Tell progress or a notice on stderr."""
    click.echo(f"provision: {_inert(line)}", err=True)


def result(text: str) -> None:
    """Print a result on stdout."""
    click.echo(_inert(text.rstrip("\n")))


def result_json(value: Any) -> None:
    """Print a result on stdout as JSON: sorted, so that equal results are equal bytes."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True))


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
    answer: str = click.prompt(question, err=True, default="", show_default=False)
    return answer


def confirm(question: str) -> bool:
    """Ask a person yes or no; no is the default."""
    return click.confirm(question, err=True, default=False)

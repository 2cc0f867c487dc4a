"""What can go wrong, as one tree. Edges translate foreign exceptions into it; only `cli` exits.

ProvisionError                exit 1   failed
├── UsageError                exit 2   bad usage, or a question nobody is there to answer
│   ├── InputError            exit 2   files with problems, all of them at once
│   ├── PlanRefused           exit 2   a plan that is stale, edited or from another vault
│   ├── OutputRefused         exit 2   a place where key-bearing files must not be written
│   └── ArtifactError         exit 2   settings that a format or an MDM can't carry
├── Busy                      exit 75  another run holds the lock
├── LedgerError               exit 1   the ledger can't be read, or its chain is broken
├── VaultError                exit 1   a sealed secret can't be opened
└── BrokenArtifact            exit 70  what we rendered does not read back: our bug

Messages: lower case, no full stop, what - where - value. `hint` says what to type or do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_DRIFT = 4
EXIT_BUG = 70
EXIT_BUSY = 75
EXIT_INTERRUPTED = 130


class ProvisionError(Exception):
    """Root of everything the tool reports in one line; anything else is our bug."""

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ProvisionError):
    """Bad usage, or a question that nobody is there to answer."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one input file, told so that an admin can mend it without asking.

    `row` is the line in the file (1 = header) where the record starts; `value` is already
    escaped by `naming.shown`, so that it is safe on a terminal.
    """

    file: str
    row: int | None
    column: str | None
    code: str
    message: str
    fix: str
    value: str | None = None

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}:{self.row}"
        where = f"{place}: {self.column}" if self.column else place
        value = "" if self.value is None else f" {self.value}"
        return f"{where}: {self.code}: {self.message}{value} - {self.fix}"


class InputError(UsageError):
    """One or more input files have problems; carries all of them, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        files = ", ".join(dict.fromkeys(p.file for p in self.problems))
        super().__init__(f"{count} problem{'' if count == 1 else 's'} in {files}; nothing was changed")


class PlanRefused(UsageError):
    """A plan that is stale, was edited, or was made under another vault key."""


class OutputRefused(UsageError):
    """Key-bearing files were about to be written where they could leak."""


class ArtifactError(UsageError):
    """Settings, mostly of a policy profile, that a format or an MDM can't carry."""


class Busy(ProvisionError):
    """Another run holds the state's lock."""

    exit_code = EXIT_BUSY


class LedgerError(ProvisionError):
    """The ledger can't be opened, or its hash chain is broken."""


class VaultError(ProvisionError):
    """A sealed secret can't be opened, or the vault key is missing."""


class BrokenArtifact(ProvisionError):
    """A rendered file does not read back as what went in."""

    exit_code = EXIT_BUG

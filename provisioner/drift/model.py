"""Findings: one difference between what the ledger says and what is seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layer = Literal["roster", "gateway", "artifacts"]
Code = Literal[
    "NOT_APPLIED",  # asked for, or changed since, and no run has made it
    "LEAVER",  # a live key that the roster no longer asks for
    "RENAMED",  # two keys of one person: the address is spelt otherwise now
    "UNFINISHED",  # a run broke off; the next one settles it
    "MISSING",  # the ledger knows it, it is not there
    "CHANGED",  # it is there, and different
    "EXPIRED",  # the gateway refuses the key
    "FOREIGN",  # our naming, not our making
    "EDITED",  # a file's bytes are not what was written
    "STALE",  # a file of a former revision
    "EXPOSED",  # a key-bearing file that others can read
    "LEFTOVER",  # a file in our folders that no run wrote
]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One difference, with who fixes it where."""

    layer: Layer
    code: Code
    subject: str
    """A key, config or file by name."""
    expected: str
    seen: str
    fix: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one look, and what was looked at."""

    findings: tuple[Finding, ...]
    keys: int
    configs: int
    files: int
    gateway: str
    roster_file: str

    @property
    def drifted(self) -> bool:
        """Whether there is anything to report."""
        return bool(self.findings)

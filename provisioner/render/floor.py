"""Client versions as their vendors write them, `2.1.285`: does a fleet's floor reach one? Pure."""

from __future__ import annotations

import re

from provisioner import naming
from provisioner.errors import ArtifactError

VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}\Z")


def reaches(floor: str | None, version: str) -> bool:
    """Tell whether every client of the fleet has `version`; without a floor nothing is known, so no.

    Raises `ArtifactError` for a floor that is not three numbers: Claude Code fails open on one
    (facts/claude-code.md 3).
    """
    if floor is None:
        return False
    if not VERSION.match(floor):
        raise ArtifactError(f"client version floor is not three numbers: {naming.shown(floor)}")
    return _numbers(floor) >= _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

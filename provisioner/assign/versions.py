"""Clients' versions as an inventory tells them, against the fleet's floors. Pure."""

from __future__ import annotations

import re
from functools import cache

from provisioner.fleet import Fleet
from provisioner.roster.model import Facts

_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")


def too_old(facts: Facts, fleet: Fleet) -> str:
    """Return what is below its floor, for people, or nothing; what no fact tells is not too old."""
    told = (
        _below("Claude Code", facts.get("claudecodeversion"), fleet.claude_code.minimum_version),
        _below("Claude Desktop", facts.get("claudedesktopversion"), fleet.claude_desktop.minimum_version),
    )
    return "; ".join(filter(None, told))


@cache
def _below(product: str, text: str | None, floor: str | None) -> str:
    found = _VERSION.search(text) if text and floor else None
    if found is None or floor is None or _numbers(found[0]) >= _numbers(floor):
        return ""
    return f"{product} {found[0]} is below {floor}"


def _numbers(version: str) -> tuple[int, ...]:
    numbers = tuple(map(int, version.split(".")))
    return numbers + (0,) * (4 - len(numbers))

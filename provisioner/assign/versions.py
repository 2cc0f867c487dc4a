"""Clients' versions as an inventory tells them, against the fleet's floors. Pure."""

from __future__ import annotations

import re
from functools import cache

from provisioner.fleet import Fleet
from provisioner.roster.model import Facts

CLAUDE_CODE, CLAUDE_DESKTOP = "claudecodeversion", "claudedesktopversion"
"""The facts that tell which version a device has, where `columns` names them."""

_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")


def asked(fleet: Fleet) -> frozenset[str]:
    """Return the facts that `too_old` looks at."""
    code, desktop = fleet.claude_code.minimum_version, fleet.claude_desktop.minimum_version
    return frozenset(fact for fact, floor in ((CLAUDE_CODE, code), (CLAUDE_DESKTOP, desktop)) if floor)


def too_old(facts: Facts, fleet: Fleet) -> str:
    """Return what is below its floor, for people, or nothing; what no fact tells is not too old."""
    told = (
        _below("Claude Code", facts.get(CLAUDE_CODE), fleet.claude_code.minimum_version),
        _below("Claude Desktop", facts.get(CLAUDE_DESKTOP), fleet.claude_desktop.minimum_version),
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

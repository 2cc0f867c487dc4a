"""Text of a directory to a team or an env: `[roster.teams]`, or the text's own slug. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from provisioner.fleet.patterns import pattern
from provisioner.fleet.sources import RosterRules
from provisioner.roster.cells import Spelled, read_spelled


class Named(NamedTuple):
    """A slug, and how people write it."""

    slug: str
    display: str


class Teams:
    """Knows the team and the env that text stands for; each distinct text is judged once."""

    def __init__(self, rules: RosterRules) -> None:
        self._table = bool(rules.teams)
        self._exact: dict[str, tuple[int, str]] = {}
        self._wild: list[tuple[int, str, re.Pattern[str]]] = []
        for at, (text, team) in enumerate(rules.teams.items()):
            if "*" in text:
                self._wild.append((at, team, pattern((text,))))
            else:
                self._exact.setdefault(text.strip().casefold(), (at, team))
        self._envs = frozenset(rules.envs)
        self._teams: dict[str, Named | None] = {}

    def team(self, text: str) -> Named | None:
        """Return the team of the first pattern that fits, or None; without a table, the text's own slug."""
        if text not in self._teams:
            self._teams[text] = self._looked_up(text) if self._table else _spelled(text, "team")
        return self._teams[text]

    def env(self, text: str) -> str | None:
        """Return the env that text spells; None where it is none, or none of `roster.envs`."""
        env = _spelled(text, "env")
        return env.slug if env and (not self._envs or env.slug in self._envs) else None

    def _looked_up(self, text: str) -> Named | None:
        folded = text.strip().casefold()
        found = [self._exact[folded]] if folded in self._exact else []
        found += [(at, team) for at, team, wild in self._wild if wild.match(folded)]
        team = min(found)[1] if found else None
        return None if team is None else Named(team, team)


def _spelled(text: str, field: str) -> Named | None:
    """Return a name that is fit for files, headers and keys; dirty text is none (T4, T13, T15)."""
    read = read_spelled(text.strip(), field)
    return Named(read.slug, read.display) if isinstance(read, Spelled) else None

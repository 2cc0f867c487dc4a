"""One condition of all rules at once: which rules a text lets pass. Pure.

A set of rules is a number whose bit n stands for rule n.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from provisioner.fleet import Rule
from provisioner.fleet.patterns import Wanted, pattern, spelled


class Condition:
    """One name that rules ask about (`department`): which rules a text lets pass."""

    def __init__(self, name: str, rules: Iterable[Rule]) -> None:
        self.name = name
        self._without = 0
        self._present = 0
        self._exact: dict[str, int] = {}
        wild: dict[str, int] = {}
        for at, rule in enumerate(rules):
            if name not in rule.when:
                self._without |= 1 << at
            for text in _texts(rule.when.get(name, ())):
                if not text.strip("*"):
                    self._present |= 1 << at
                elif "*" in text:
                    wild[text] = wild.get(text, 0) | 1 << at
                else:
                    self._exact[text] = self._exact.get(text, 0) | 1 << at
        self._wild = [(_compiled(text), bits) for text, bits in wild.items()]
        self._some_wild = pattern(wild) if wild else None
        self._asked = bool(self._present or self._exact or self._wild)
        self.seen: dict[str | None, int] = {None: self._without, "": self._without}
        """What `of` has answered so far."""

    def of(self, text: str | None) -> int:
        """Return the rules that a text lets pass; without one, those that don't ask."""
        passing = self.seen.get(text)
        if passing is None:
            passing = self.seen[text] = self.fresh(text or "")
        return passing

    def fresh(self, text: str) -> int:
        """Return the same without keeping it: for texts that hardly ever come twice."""
        if not self._asked:
            return self._without
        folded = text.strip().casefold()
        if not folded:
            return self._without
        passing = self._without | self._present | self._exact.get(folded, 0)
        if self._some_wild is not None and self._some_wild.match(folded):
            for wild, bits in self._wild:
                if wild.match(folded):
                    passing |= bits
        return passing

    def any_of(self, texts: Iterable[str]) -> int:
        """Return the rules that at least one of some texts lets pass."""
        passing = self._without
        for text in texts:
            passing |= self.of(text)
        return passing

    def takes_only(self, text: str, other: str, at: int) -> bool:
        """Whether a rule asks, and takes the one text and not the other."""
        taken, without = self.of(text) & ~self._without, self.of(other)
        return bool(taken >> at & 1) and not without >> at & 1

    def matched(self, rule: Rule, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the texts by which a rule matches: in the order of its list, then of the alphabet."""
        wanted = rule.when.get(self.name, ())
        if len(texts) < 2 or not wanted:
            return texts if wanted else ()
        found: dict[str, None] = {}
        folded = [(text, text.strip().casefold()) for text in sorted(texts)]
        for one in _texts(wanted):
            fits = _compiled(one).match if "*" in one else one.__eq__
            found |= dict.fromkeys(text for text, compared in folded if fits(compared))
        return tuple(found)


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return pattern((text,))


def _texts(wanted: Iterable[Wanted]) -> list[str]:
    """Return what texts may be, folded."""
    return [text.strip().casefold() for text in spelled(wanted)]

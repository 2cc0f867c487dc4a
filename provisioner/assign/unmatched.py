"""People whom no rule matches, told by what their directory says of them, the most frequent first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from provisioner.assign.model import Verdict
from provisioner.assign.rules import Match, Unmapped
from provisioner.errors import Problem
from provisioner.fleet import Fleet
from provisioner.naming import shown
from provisioner.roster.model import Person, Place, Roster

PROBLEMS_MAX = 20
"""Texts that get a problem of their own; the rest is counted in one."""


class _Lost(NamedTuple):
    """People for whom one thing is missing."""

    unmapped: Unmapped | None
    """None: no rule asks what would have to be mapped."""
    people: list[Verdict]


class Unmatched:
    """Keeps the texts that map to nothing, with the people who have them."""

    def __init__(self) -> None:
        self._people: dict[Unmapped, dict[str, None]] = {}

    def note(self, person: Person, match: Match) -> None:
        """Keep what of a person, or of one of the person's devices, maps to nothing."""
        for unmapped in match.unmapped:
            self._people.setdefault(unmapped, {})[person.identity] = None

    def counted(self) -> Mapping[str, Mapping[str, int]]:
        """Return by fact how many people have each text, the most frequent first."""
        counted: dict[str, dict[str, int]] = {}
        for unmapped, people in sorted(self._people.items(), key=lambda item: (-len(item[1]), item[0])):
            of_fact = counted.setdefault(unmapped.fact, {})
            of_fact[unmapped.text] = max(len(people), of_fact.get(unmapped.text, 0))
        return dict(sorted(counted.items()))

    def problems(self, people: Iterable[Verdict], roster: Roster, fleet: Fleet) -> Iterator[Problem]:
        """Yield a problem for each distinct text that leaves people without a rule; the rest per file."""
        if not fleet.assign or fleet.roster.unmatched == "skip":
            return
        lost = self._lost([v for v in people if v.reason == "NO_RULE"])
        files = {source.file: at for at, source in enumerate(roster.sources)}
        for one in lost[:PROBLEMS_MAX]:
            yield _problem(one, min((v.place for v in one.people), key=lambda p: (files.get(p.file, 0), p)))
        if rest := lost[PROBLEMS_MAX:]:
            count = sum(len(one.people) for one in rest)
            message = f"{_people(count)} no rule besides, for {len(rest)} further causes"
            fix = "mend the frequent ones first, then look again"
            yield Problem(roster.file, None, None, "NO_RULE", message, fix)

    def _lost(self, verdicts: Sequence[Verdict]) -> list[_Lost]:
        by_person: dict[str, Unmapped] = {}
        for unmapped in sorted(self._people):
            for identity in self._people[unmapped]:
                by_person.setdefault(identity, unmapped)
        groups: dict[object, _Lost] = {}
        for verdict in verdicts:
            unmapped_text = by_person.get(verdict.id)
            key = unmapped_text or verdict.place.file
            groups.setdefault(key, _Lost(unmapped_text, [])).people.append(verdict)
        return sorted(
            groups.values(),
            key=lambda one: (-len(one.people), one.unmapped or Unmapped("", one.people[0].place.file, "")),
        )


def told_unmapped(match: Match) -> str:
    """Return for people what maps to nothing: `department "Fnord" maps to no team`."""
    return "; ".join(f"{one.fact} {shown(one.text)} maps to no {one.wanted}" for one in match.unmapped)


def _problem(one: _Lost, place: Place) -> Problem:
    who = f"{_people(len(one.people))} no rule"
    if one.unmapped is None:
        fix = 'add an [[assign]] for them, the last one without when; or set roster.unmatched = "skip"'
        return Problem(place.file, place.row, None, "NO_RULE", f"{who}, first this row", fix)
    fact, text, wanted = one.unmapped
    if wanted == "team":
        fix = f'add {shown(text)} = "..." to [roster.teams], or a rule for them'
    else:
        fix = "add the env to roster.envs, or a rule for them that says env"
    message = f"{who}, first this row: {fact} maps to no {wanted}"
    return Problem(place.file, place.row, fact, "NO_RULE", message, fix, shown(text))


def _people(count: int) -> str:
    return "1 person matches" if count == 1 else f"{count} people match"

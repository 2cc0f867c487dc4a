"""Two rosters held against each other: who joined, moved, left, and who only is called differently. Pure.

Somebody is found again by identity, then by directory id and aliases, so that a new spelling is never
a leaver and a joiner. A key that two people of one side have tells nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from provisioner.assign.model import Coverage, Verdict
from provisioner.errors import InputError, Problem
from provisioner.render.cells import read_csv
from provisioner.roster.kinds import SERVICE_PREFIX

_COLUMNS = ("person", "alias_ids", "team", "env", "source_row", "gets")
_RENAMED_PERCENT = 80
_RENAMED_LEAST = 2
_BOM = b"\xef\xbb\xbf"


class Standing(NamedTuple):
    """What somebody has a key for."""

    team: str
    env: str


@dataclass(frozen=True, slots=True)
class Member:
    """One person or service of a side."""

    identity: str
    aliases: tuple[str, ...]
    directory_id: str | None
    artifacts: tuple[Standing, ...]
    """What reaches the devices."""
    keys: tuple[Standing, ...]
    """What gives a key alone."""
    source: str
    """File and row."""
    refused: tuple[Standing, ...] = ()
    """What rows and rules say and something else forbids; a former run's table does not tell it."""

    @property
    def standings(self) -> tuple[Standing, ...]:
        """All of them, each once; none: no rule matched."""
        return tuple(dict.fromkeys((*self.artifacts, *self.keys, *self.refused)))

    @property
    def covered(self) -> bool:
        """Whether there is something that the person or service gets; the table lists nobody else."""
        return bool(self.artifacts or self.keys)


@dataclass(frozen=True, slots=True)
class Side:
    """Everybody at one time."""

    label: str
    members: tuple[Member, ...]
    covered_only: bool = False


class Change(NamedTuple):
    """Somebody who joined, moved or left."""

    person: str
    before: tuple[Standing, ...]
    after: tuple[Standing, ...]
    source: str


class Respelled(NamedTuple):
    """Identities that became others: one for one, several that are one now, or one that is several now.

    Addresses that were handed on can make several of several.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    source: str


class Renamed(NamedTuple):
    """A team that is called differently now."""

    before: str
    after: str
    people: int
    """Who were and are in it."""


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences, each list by name."""

    old: str
    new: str
    joiners: tuple[Change, ...]
    movers: tuple[Change, ...]
    leavers: tuple[Change, ...]
    teams: tuple[Renamed, ...]
    identities: tuple[Respelled, ...]
    same: int
    """Those on the new side with nothing to tell but perhaps their team's new name."""

    def __bool__(self) -> bool:
        return bool(self.joiners or self.movers or self.leavers or self.teams or self.identities)


def side_of_coverage(coverage: Coverage, label: str) -> Side:
    """Return the side of a roster and its rules: all people and services that are not left out."""
    found: dict[str, list[Verdict]] = {}
    for verdict in coverage.verdicts:
        person = verdict.person
        if person is not None and person.left_out is None:
            found.setdefault(person.identity, []).append(verdict)
        elif verdict.service is not None:
            found.setdefault(verdict.id, []).append(verdict)
    return Side(label, tuple(_member(identity, verdicts) for identity, verdicts in found.items()))


def _member(identity: str, verdicts: Sequence[Verdict]) -> Member:
    person = verdicts[0].person
    artifacts: list[Standing] = []
    keys: dict[str | None, Standing] = {}  # by assignment: each key is told once, as the table tells it
    refused: list[Standing] = []
    for verdict in verdicts:
        choice = verdict.choice
        if choice is not None and choice.gives != "skip":
            standing = Standing(choice.team, choice.env)
            if verdict.status == "assigned":
                artifacts.append(standing)
            elif verdict.status == "key-only":
                keys.setdefault(verdict.assignment, standing)
            else:
                refused.append(standing)
        for second in verdict.seconds:
            if second.key_only:
                keys.setdefault(second.assignment, Standing(second.choice.team, second.choice.env))
    place = verdicts[0].place
    return Member(
        identity,
        person.aliases if person else (),
        person.directory_id if person else None,
        tuple(dict.fromkeys(artifacts)),
        tuple(dict.fromkeys(keys.values())),
        f"{place.file}:{place.row}",
        tuple(dict.fromkeys(refused)),
    )


def side_of_table(data: bytes, label: str) -> Side | None:
    """Return the side of a former run's `assignments.csv`; None for any other file.

    Raises `InputError` for one that was cut or edited so that it can't be read.
    """
    data = data.removeprefix(_BOM)
    header = data.partition(b"\n")[0].decode(errors="replace").strip().split(",")
    if not set(_COLUMNS) <= set(header):
        return None
    index = [header.index(column) for column in _COLUMNS]
    found: dict[str, tuple[str, str, dict[Standing, None], dict[Standing, None]]] = {}
    for number, row in enumerate(_rows(data, label), 2):
        if len(row) != len(header):
            fix = "take the file as the run wrote it"
            message = f"{len(row)} cells where the header has {len(header)}"
            raise InputError([Problem(label, number, None, "ROW_TOO_SHORT", message, fix)])
        person, aliases, team, env, source, gets = (row[at] for at in index)
        if person and team:
            _aliases, _source, artifacts, keys = found.setdefault(person, (aliases, source, {}, {}))
            (artifacts if gets == "artifact" else keys)[Standing(team, env)] = None
    members = (
        Member(person, tuple(aliases.split()), None, tuple(artifacts), tuple(keys), source)
        for person, (aliases, source, artifacts, keys) in found.items()
    )
    return Side(label, tuple(members), covered_only=True)


def _rows(data: bytes, label: str) -> list[list[str]]:
    try:
        return read_csv(data)[1:]
    except (ValueError, csv.Error) as exc:
        fix = "take the file as the run wrote it"
        problem = Problem(label, None, None, "UNDECODABLE", "no UTF-8 table of a run", fix)
        raise InputError([problem]) from exc


def compare(old: Side, new: Side) -> Diff:
    """Return what became of everybody of the old side, and who is new.

    Against a former run's table what somebody gets is compared, and not what was refused.
    """
    if old.covered_only or new.covered_only:
        old, new = _without_refused(old), _without_refused(new)
    before, after = _matched(old.members, new.members)
    teams = _renamed_teams(old.members, new.members, before)
    called = {team.before: team.after for team in teams}
    joiners, movers = [], []
    same = 0
    for at, member in enumerate(new.members):
        known = [old.members[o] for o in after[at]]
        if not known:
            if member.covered or not old.covered_only:
                joiners.append(Change(member.identity, (), member.standings, member.source))
            continue
        stood = tuple(dict.fromkeys(standing for one in known for standing in one.standings))
        spelled = tuple(sorted(one.identity for one in known))
        if _moved(known, member, called):
            movers.append(Change(member.identity, stood, member.standings, member.source))
        elif spelled == (member.identity,):
            same += 1
    leavers = []
    for at, member in enumerate(old.members):
        if not before[at] and (member.covered or not new.covered_only):
            leavers.append(Change(member.identity, member.standings, (), member.source))
    return Diff(
        old.label,
        new.label,
        tuple(sorted(joiners)),
        tuple(sorted(movers)),
        tuple(sorted(leavers)),
        tuple(teams),
        tuple(sorted(_respelled(old.members, new.members, before, after))),
        same,
    )


def _without_refused(side: Side) -> Side:
    return replace(side, members=tuple(replace(m, refused=()) if m.refused else m for m in side.members))


def _moved(before: Sequence[Member], after: Member, called: Mapping[str, str]) -> bool:
    """Tell whether standings differ, or what reaches devices; of people who are one now only the former.

    No order is compared: it is that of devices in their files.
    """

    def now(standings: Iterable[Standing]) -> set[Standing]:
        return {Standing(called.get(s.team, s.team), s.env) for s in standings}

    if now(s for one in before for s in one.standings) != set(after.standings):
        return True
    return len(before) == 1 and now(before[0].artifacts) != set(after.artifacts)


def _matched(old: Sequence[Member], new: Sequence[Member]) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each old member the new ones, and for each new one the old ones, who are the same."""
    before: list[list[int]] = [[] for _ in old]
    after: list[list[int]] = [[] for _ in new]

    def pair(o: int, n: int) -> None:
        before[o].append(n)
        after[n].append(o)

    identities = {member.identity: n for n, member in enumerate(new)}
    for o, member in enumerate(old):
        if (found := identities.get(member.identity)) is not None:
            pair(o, found)
    old_keys, new_keys = _keys(old, new)
    by_name = sorted(range(len(old)), key=lambda o: old[o].identity)
    for o in (o for o in by_name if not before[o]):
        linked = _linked(old[o], new_keys)
        free = [n for n in linked if not after[n]]
        if linked:
            pair(o, min(free or linked, key=lambda n: new[n].identity))
    for n in sorted((n for n in range(len(new)) if not after[n]), key=lambda n: new[n].identity):
        if linked := _linked(new[n], old_keys):
            pair(min(linked, key=lambda o: old[o].identity), n)
    return before, after


def _respelled(
    old: Sequence[Member], new: Sequence[Member], before: Sequence[list[int]], after: Sequence[list[int]]
) -> Iterator[Respelled]:
    """Yield every group of people who are the same where the names of the two sides differ."""
    seen: set[int] = set()
    for start in range(len(new)):
        if start in seen or not after[start]:
            continue
        news, olds = {start}, set(after[start])
        while (grown := {n for o in olds for n in before[o]}) != news:
            news, olds = grown, {o for n in grown for o in after[n]}
        seen |= news
        first = min(news, key=lambda n: new[n].identity)
        names = tuple(sorted(old[o].identity for o in olds)), tuple(sorted(new[n].identity for n in news))
        if names[0] != names[1]:
            yield Respelled(*names, new[first].source)


def _spellings(member: Member) -> Iterator[str]:
    yield member.identity
    yield from member.aliases
    if member.directory_id:
        yield f"id:{member.directory_id.lower()}"


def _keys(*sides: Sequence[Member]) -> list[dict[str, int]]:
    """Return for each side what each key means; one that two people of either side have means nobody."""
    keys: list[dict[str, int]] = [{} for _ in sides]
    twice: set[str] = set()
    for found, members in zip(keys, sides, strict=True):
        for at, member in enumerate(members):
            twice.update(key for key in _spellings(member) if found.setdefault(key, at) != at)
    return [{key: at for key, at in found.items() if key not in twice} for found in keys]


def _linked(member: Member, keys: Mapping[str, int]) -> list[int]:
    return sorted({keys[key] for key in _spellings(member) if key in keys})


def _renamed_teams(
    old: Sequence[Member], new: Sequence[Member], before: Sequence[list[int]]
) -> list[Renamed]:
    """Return teams that vanished where one appeared with most of the same people; services don't count."""
    old_teams, new_teams = _teams(old), _teams(new)
    vanished = {team: people for team, people in old_teams.items() if team not in new_teams}
    appeared = {team: people for team, people in new_teams.items() if team not in old_teams}
    candidates = []
    for team, people in vanished.items():
        now = {n for o in people for n in before[o]}
        for other in {s.team for n in now for s in new[n].standings} & appeared.keys():
            both = sum(1 for o in people if appeared[other].intersection(before[o]))
            if both >= _RENAMED_LEAST and both * 100 >= _RENAMED_PERCENT * max(
                len(people), len(appeared[other])
            ):
                candidates.append(Renamed(team, other, both))
    renamed: list[Renamed] = []
    for candidate in sorted(candidates, key=lambda c: (-c.people, c.before, c.after)):
        if not any(candidate.before == r.before or candidate.after == r.after for r in renamed):
            renamed.append(candidate)
    return sorted(renamed)


def _teams(members: Iterable[Member]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for at, member in enumerate(members):
        for standing in member.standings:
            team = found.setdefault(standing.team, set())
            if not member.identity.startswith(SERVICE_PREFIX):
                team.add(at)
    return found

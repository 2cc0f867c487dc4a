"""From verdicts to assignments: who is in each, whose key it has, how it travels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property

from provisioner import naming
from provisioner.assign.model import Assignment, Channel, Choice, Verdict
from provisioner.assign.units import Unit
from provisioner.assign.verdicts import Desk
from provisioner.policy.model import Policy
from provisioner.roster.model import Roster

Order = Callable[[Choice], tuple[int, int, int]]


@dataclass
class Gathered:
    """An assignment as it comes together."""

    unit: Unit
    members: list[Verdict] = field(default_factory=list)
    keys: dict[str, Choice] = field(default_factory=dict)
    """Identities, or ids of services and shared devices, that get the key alone, with the choice that gives
    it."""

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Each choice that leads here, once."""
        found = {id(v.choice): v.choice for v in self.members if v.choice is not None}
        found |= {id(choice): choice for choice in self.keys.values()}
        return tuple(found.values())

    @property
    def config(self) -> str:
        """The name of its config."""
        return naming.config_name(self.unit.team, self.unit.env)


def gather(
    verdicts: Iterable[Verdict], carriers: Iterable[Verdict], desk: Desk, order: Order
) -> list[Gathered]:
    """Return what verdicts lead to: `carriers` are the members, what else gives a key is key-only.

    Of several choices that give one and the same key, the first by `order` counts.
    """
    gathered: dict[Unit, Gathered] = {}

    def at(unit: Unit) -> Gathered:
        found = gathered.get(unit)
        if found is None:
            found = gathered[unit] = Gathered(unit)
        return found

    def give(unit: Unit, who: str, choice: Choice) -> None:
        keys = at(unit).keys
        before = keys.setdefault(who, choice)
        if before is not choice and order(choice) < order(before):
            keys[who] = choice

    units = desk.units
    for verdict in carriers:
        if verdict.status == "assigned" and verdict.choice is not None:
            at(units.of_verdict(verdict, verdict.choice)).members.append(verdict)
    for verdict in verdicts:
        keys = [second.choice for second in verdict.seconds if second.key_only] if verdict.seconds else []
        if verdict.status == "key-only" and verdict.choice is not None:
            keys.insert(0, verdict.choice)
        for choice in keys:
            who = verdict.person.identity if verdict.person is not None else verdict.id
            give(units.of_key(verdict, choice), who, choice)
        if (kept := verdict.choice) is not None and verdict.keeps:
            labelled = kept.attribution == "device" or verdict.person is None
            who = verdict.id if labelled else verdict.email
            give(units.of_kept(verdict, kept), who, kept)
    return list(gathered.values())


def in_order(roster: Roster) -> Order:
    """Return the key by which choices are in order: rows as they stand in the files, then rules."""
    files = {source.file: at for at, source in enumerate(roster.sources)}

    def order(choice: Choice) -> tuple[int, int, int]:
        if choice.row is not None:
            return 0, files.get(choice.row.file, 0), choice.row.row
        return 1, choice.rule or 0, 0

    return order


def assignments(
    gathered: Iterable[Gathered], tenant: str, order: Order, desk: Desk, policies: Mapping[str, Policy]
) -> tuple[Assignment, ...]:
    """Return the assignments, in the order of the first choice that leads to each."""
    placed = [
        (order(first), g.unit.name, first, g) for g in gathered for first in [min(g.choices, key=order)]
    ]
    placed.sort(key=lambda item: item[:2])
    return tuple(_assignment(g, first, tenant, desk, policies) for _, _, first, g in placed)


def _assignment(
    gathered: Gathered, first: Choice, tenant: str, desk: Desk, policies: Mapping[str, Policy]
) -> Assignment:
    unit = gathered.unit
    own = unit.person is not None or unit.service is not None
    ends = [choice.expires for choice in gathered.choices if choice.expires is not None] if own else []
    display = first.team_display if first.row else min(c.team_display for c in gathered.choices)
    return Assignment(
        name=unit.name,
        tenant=tenant,
        team=unit.team,
        env=unit.env,
        team_display=unit.display or display,
        policy=policies[first.profile],
        config_name=gathered.config,
        key_name=naming.key_name(unit.key),
        members=tuple(gathered.members),
        key_only=tuple(gathered.keys),
        person=unit.person,
        service=unit.service,
        label=unit.label,
        channel=_channel(gathered, desk),
        expires_at=_midnight(min(ends)) if ends else None,
        # What a row says of a person can stand on that person's own key only.
        extra_metadata=first.row.extra if own and first.row else (),
    )


def _channel(gathered: Gathered, desk: Desk) -> Channel:
    if gathered.unit.service is not None:
        return "files"
    if gathered.unit.pool is not None:
        return "image"
    # Only a person's own assignment is handed out, and all of it or nothing is.
    by_hand = gathered.unit.person is not None and gathered.members and desk.handed_out(gathered.members[0])
    return "handout" if by_hand else "mdm"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

"""From a roster to assignments: the unit that reaches a device, and who is in it. Pure.

Two profiles that force one preference domain have no defined winner, so each person's devices
get exactly one assignment: that of the person's first row. Further rows give keys only
(rollout 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from provisioner import naming
from provisioner.assign.model import Assignment, Choice, Coverage, RulesAt, Second, Verdict
from provisioner.fleet import Fleet
from provisioner.policy.model import Policy
from provisioner.roster.model import Entry, Person, Roster


@dataclass
class _Growing:
    choice: Choice
    person: str | None
    members: list[Verdict] = field(default_factory=list)
    key_only: list[str] = field(default_factory=list)


def cover(
    roster: Roster, fleet: Fleet, policies: Mapping[str, Policy], *, today: date, rules_at: RulesAt
) -> Coverage:
    """Return the assignments in the order of their first row; `policies` by profile name."""
    growing: dict[str, _Growing] = {}
    verdicts = []
    firsts: list[tuple[int, str, Choice, str]] = []
    for person in roster.people:
        choices = [_choice(row, fleet) for row in person.rows]
        names = [_name(choice, person) for choice in choices]
        seconds = tuple(Second(n, True, c) for n, c in zip(names[1:], choices[1:], strict=True))
        verdict = Verdict(
            "person",
            person.identity,
            "assigned",
            person.place,
            person=person,
            assignment=names[0],
            choice=choices[0],
            seconds=seconds,
            attribution="key" if choices[0].scope == "person" else "variable",
            expected=person.identity,
        )
        verdicts.append(verdict)
        firsts += [
            (row.row, n, c, person.identity) for row, n, c in zip(person.rows, names, choices, strict=True)
        ]
    for _row, name, choice, identity in sorted(firsts, key=lambda first: first[0]):
        growing.setdefault(name, _Growing(choice, identity if choice.scope == "person" else None))
    for verdict in verdicts:
        growing[verdict.assignment or ""].members.append(verdict)
        for second in verdict.seconds:
            growing[second.assignment].key_only.append(verdict.id)
    assignments = tuple(_assignment(name, g, roster.tenant, policies) for name, g in growing.items())
    return Coverage(assignments, tuple(verdicts), {})


def _choice(row: Entry, fleet: Fleet) -> Choice:
    return Choice(
        team=row.team,
        team_display=row.team_display,
        env=row.env,
        profile=fleet.profile_for(row.team, row.env),
        ring=None,
        scope=fleet.keys.scope,
        attribution="variable",
        pool=None,
        expires=row.expires,
        gives="artifact",
        rule=None,
        row=row,
    )


def _name(choice: Choice, person: Person) -> str:
    name = naming.assignment_name(choice.team, choice.env)
    return f"{name}-{naming.person_suffix(person.identity)}" if choice.scope == "person" else name


def _assignment(name: str, growing: _Growing, tenant: str, policies: Mapping[str, Policy]) -> Assignment:
    choice = growing.choice
    one = growing.person is not None
    return Assignment(
        name=name,
        tenant=tenant,
        team=choice.team,
        env=choice.env,
        team_display=choice.team_display,
        policy=policies[choice.profile],
        config_name=naming.config_name(choice.team, choice.env),
        key_name=naming.key_name(name),
        members=tuple(growing.members),
        key_only=tuple(growing.key_only),
        person=growing.person,
        expires_at=_midnight(choice.expires) if one else None,
        # What a row says of a person can stand on that person's own key only.
        extra_metadata=choice.row.extra if one and choice.row else (),
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)

"""From a roster to assignments: the unit that reaches a device, and who is in it. Pure.

Two profiles that force one preference domain have no defined winner, so each person's devices
get exactly one assignment: that of the person's first row. Further rows give keys only
(rollout 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from provisioner import naming
from provisioner.fleet import Fleet
from provisioner.policy.model import Policy
from provisioner.roster.model import Entry, Roster

PERSON_METADATA = ("user", "_user")
"""Portkey's user analytics read `_user`, the admin guide's readers `user` (C9)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One team in one env (or one person of it), with the people whose devices get it."""

    name: str
    tenant: str
    team: str
    env: str
    team_display: str
    policy: Policy
    config_name: str
    key_name: str
    members: tuple[Entry, ...]
    """People whose first row this is: their devices get the artifacts."""
    key_only: tuple[Entry, ...]
    """People whose first row is elsewhere: they can use the key, no artifact reaches them."""
    person: str | None = None
    """The one person's address under key scope `person`."""
    expires_at: datetime | None = None
    extra_metadata: tuple[tuple[str, str], ...] = ()

    @property
    def key_metadata(self) -> Mapping[str, str]:
        """The key's own metadata, which no request header can change on Portkey (C10)."""
        who = {} if self.person is None else dict.fromkeys(PERSON_METADATA, self.person)
        return {"tenant": self.tenant, "team": self.team, "env": self.env, **who, **dict(self.extra_metadata)}


def assign(roster: Roster, fleet: Fleet, policies: Mapping[str, Policy]) -> tuple[Assignment, ...]:
    """Return the assignments in the order of their first row; `policies` by profile name."""
    first_row: dict[str, int] = {}
    for entry in roster.entries:
        first_row.setdefault(entry.email, entry.row)
    groups: dict[str, list[Entry]] = {}
    per_person = fleet.keys.scope == "person"
    for entry in roster.entries:
        name = naming.assignment_name(entry.team, entry.env)
        if per_person:
            name = f"{name}-{naming.person_suffix(entry.email)}"
        groups.setdefault(name, []).append(entry)
    return tuple(
        _assignment(name, entries, roster.tenant, fleet, policies, first_row, per_person)
        for name, entries in groups.items()
    )


def _assignment(
    name: str,
    entries: list[Entry],
    tenant: str,
    fleet: Fleet,
    policies: Mapping[str, Policy],
    first_row: Mapping[str, int],
    per_person: bool,
) -> Assignment:
    head = entries[0]
    return Assignment(
        name=name,
        tenant=tenant,
        team=head.team,
        env=head.env,
        team_display=head.team_display,
        policy=policies[fleet.profile_for(head.team, head.env)],
        config_name=naming.config_name(head.team, head.env),
        key_name=naming.key_name(name),
        members=tuple(e for e in entries if first_row[e.email] == e.row),
        key_only=tuple(e for e in entries if first_row[e.email] != e.row),
        person=head.email if per_person else None,
        expires_at=_midnight(head.expires) if per_person else None,
        # What a row says of a person can stand on that person's own key only.
        extra_metadata=head.extra if per_person else (),
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)

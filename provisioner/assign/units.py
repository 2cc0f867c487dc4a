"""The unit of an assignment: whose it is, and what it, its config and its key are called. Pure."""

from __future__ import annotations

from typing import NamedTuple

from provisioner import naming
from provisioner.assign.model import Choice, Verdict
from provisioner.fleet import Fleet
from provisioner.roster.model import Device, Person, Service


class Unit(NamedTuple):
    """What makes an assignment another one; two of these with one name are a collision."""

    name: str
    team: str
    """As in names of configs and metadata of keys: the profile's under granularity `policy-env`."""
    env: str
    key: str
    """The assignment after which the key is called."""
    display: str | None = None
    """None: as the team is written."""
    person: str | None = None
    service: str | None = None
    label: str | None = None
    pool: str | None = None


class Units:
    """Tells the unit of each choice; each is worked out once."""

    def __init__(self, fleet: Fleet) -> None:
        self._by_policy = fleet.granularity == "policy-env"
        self._teams: dict[tuple[str, str, str], Unit] = {}
        self._persons: dict[tuple[str, str, str], Unit] = {}

    def of(self, choice: Choice, person: Person | None, device: Device | None = None) -> Unit:
        """Return the unit that a choice puts somebody or something into.

        `device` only where an artifact reaches it; a mere key carries no label.
        """
        if device is not None and choice.attribution == "device":
            return self._labelled(choice, device)
        if choice.scope == "person" and person is not None:
            whose = (choice.team, choice.env, person.identity)
            unit = self._persons.get(whose)
            if unit is None:
                unit = self._persons[whose] = _of_person(*whose)
            return unit
        asked = (choice.team, choice.env, choice.profile)
        unit = self._teams.get(asked)
        if unit is None:
            unit = self._teams[asked] = self._of_team(*asked)
        return unit

    def of_service(self, choice: Choice, service: Service) -> Unit:
        """Return the unit of a service: its key is its own."""
        team, env = choice.team, choice.env
        name = f"{naming.assignment_name(team, env)}-{naming.person_suffix(service.id)}"
        return Unit(name, team, env, name, service=service.id)

    def of_verdict(self, verdict: Verdict, choice: Choice) -> Unit:
        """Return the unit whose artifacts a verdict gives."""
        if verdict.service is not None:
            return self.of_service(choice, verdict.service)
        return self.of(choice, verdict.person, verdict.device)

    def of_key(self, verdict: Verdict, choice: Choice) -> Unit:
        """Return the unit whose key alone a verdict gives."""
        if verdict.service is not None:
            return self.of_service(choice, verdict.service)
        return self.of(choice, verdict.person)

    def of_kept(self, verdict: Verdict, choice: Choice) -> Unit:
        """Return the unit whose key is on a device: the pool's, the person's or the team's."""
        if choice.pool is not None and verdict.device is not None:
            return self._labelled(choice, verdict.device)
        return self.of(choice, verdict.person)

    def _of_team(self, team: str, env: str, profile: str) -> Unit:
        first = profile if self._by_policy else team
        name = naming.assignment_name(first, env)
        return Unit(name, first, env, name, profile if self._by_policy else None)

    def _labelled(self, choice: Choice, device: Device) -> Unit:
        """Return the unit of a shared device, which has its team's key, or of a pool, which has its own."""
        team, env = choice.team, choice.env
        group = naming.assignment_name(team, env)
        if choice.pool is not None:
            name = f"{group}-{choice.pool}"
            return Unit(name, team, env, name, label=f"device:{choice.pool}", pool=choice.pool)
        name = f"{group}-{naming.person_suffix(device.id)}"
        return Unit(name, team, env, group, label=f"device:{device.serial or device.id}")


def _of_person(team: str, env: str, identity: str) -> Unit:
    name = f"{naming.assignment_name(team, env)}-{naming.person_suffix(identity)}"
    return Unit(name, team, env, name, person=identity)

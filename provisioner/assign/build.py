"""From a roster to who gets what: one verdict for everybody and everything, and the assignments. Pure.

Two profiles that force one preference domain have no defined winner, so each device gets exactly
one assignment (rollout 1). Where inventories list devices, these carry the artifacts and a person
has what the person's devices have; without them people stand for their devices. Decisions that a
plain row writes down by name go before rules; of rules the first that matches wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from provisioner.assign import addresses, conflicts, rows
from provisioner.assign.devices import Devices
from provisioner.assign.gather import assignments, gather, in_order
from provisioner.assign.looks import is_unlisted
from provisioner.assign.model import Coverage, RulesAt, Verdict
from provisioner.assign.people import People
from provisioner.assign.rules import Rules
from provisioner.assign.services import of_service
from provisioner.assign.units import Units
from provisioner.assign.unmatched import Unmatched
from provisioner.assign.verdicts import Desk
from provisioner.fleet import Fleet
from provisioner.policy.model import Policy
from provisioner.roster.model import Device, Roster


def cover(
    roster: Roster, fleet: Fleet, policies: Mapping[str, Policy], *, today: date, rules_at: RulesAt
) -> Coverage:
    """Return what becomes of everybody and everything; `policies` by profile name.

    What plain rows give comes first among the assignments, in the order of the rows, then what
    rules give, in theirs. Bad data raises nothing: it is a verdict's reason, or among the problems.
    """
    rules = Rules(fleet)
    identities = addresses.known(roster.people)
    reached = _reached(roster) if roster.inventory else frozenset()
    desk = Desk(fleet, policies, rules, Units(fleet), identities, today, roster.inventory, reached)
    unmatched = Unmatched()
    named = rows.named_by(roster.devices) if roster.inventory else frozenset()
    standings = {p.identity: rows.standing(p, named) for p in roster.people if p.rows}
    of_devices = Devices(desk, roster, standings, unmatched)
    of_people = People(desk, standings, unmatched)
    decide = _by_devices if roster.inventory else _by_people
    people, devices, carriers = decide(roster, of_people, of_devices)
    services = [of_service(desk, service) for service in roster.services]
    verdicts = (*people, *devices, *services)
    order = in_order(roster)
    gathered = gather(verdicts, (*carriers, *services), desk, order)
    made = assignments(gathered, roster.tenant, order, desk, policies)
    problems = [
        *of_devices.problems,
        *conflicts.devices_twice(made),
        *conflicts.meeting_names(gathered, order, rules_at),
        *conflicts.profiles(gathered, policies, order, rules_at),
        *conflicts.per_user_budgets(made, rules_at.file),
        *unmatched.problems(people, roster, fleet),
    ]
    problems += () if problems else conflicts.nobody(verdicts, fleet, rules_at)
    return Coverage(made, verdicts, unmatched.counted(), tuple(problems))


def _reached(roster: Roster) -> frozenset[str]:
    """Return the identities of people with a device that somebody manages.

    A Linux machine counts, though no MDM lists it: a row names it, and its own tools reach it. A user
    enrolment takes no profile: its person is as good as unmanaged.
    """
    listed = (
        device.owner
        for device in roster.devices
        if device.owner and device.managed and device.enrolment != "byod-user" and _is_computer(device)
    )
    linux = (p.identity for p in roster.people if p.rows and any(r.platform == "linux" for r in p.rows))
    return frozenset((*listed, *linux))


def _is_computer(device: Device) -> bool:
    return device.platform is not None and not is_unlisted(device)


def _by_devices(
    roster: Roster, of_people: People, of_devices: Devices
) -> tuple[list[Verdict], list[Verdict], list[Verdict]]:
    """Return the verdicts over people and devices, and those of both that carry artifacts."""
    devices = of_devices.one_channel([of_devices.decide(device) for device in roster.devices])
    owned: dict[str, list[Verdict]] = {}
    for verdict in devices:
        if verdict.person is not None and verdict.reason not in ("NOT_A_COMPUTER", "NOT_IN_INVENTORY"):
            owned.setdefault(verdict.person.identity, []).append(verdict)
    people, carriers = [], []
    for person in roster.people:
        verdict, carries = of_people.beside_devices(person, owned.get(person.identity, ()))
        people.append(verdict)
        if carries:
            carriers.append(verdict)
    return people, devices, carriers + devices


def _by_people(
    roster: Roster, of_people: People, of_devices: Devices
) -> tuple[list[Verdict], list[Verdict], list[Verdict]]:
    """Return the same where no inventory lists devices: those that rows name are their people's."""
    people = [of_people.standing_for_devices(person) for person in roster.people]
    by_identity = {verdict.id: verdict for verdict in people} if roster.devices else {}
    devices, nobodys = [], []
    for device in roster.devices:
        owner = by_identity.get(device.owner or "")
        if owner is None or any(row.kind == "device" for row in device.rows):
            verdict = of_devices.decide(device)
            nobodys.append(verdict)
        else:
            verdict = of_devices.follow(device, owner)
        devices.append(verdict)
    return people, devices, people + nobodys

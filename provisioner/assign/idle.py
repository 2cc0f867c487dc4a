"""Rules that match nobody and nothing: a text misspelled, or a group that nobody is in any more. Pure."""

from __future__ import annotations

from provisioner.assign.model import Coverage
from provisioner.assign.rules import Rules
from provisioner.fleet import Fleet
from provisioner.roster.model import Device, Person


def idle_rules(coverage: Coverage, fleet: Fleet) -> tuple[int, ...]:
    """Return the indexes in `[[assign]]` of rules that match none of those whom rules were asked about.

    A rule can match and be in no verdict: whoever is refused gets no seconds, and a second match that
    gives the same again is not kept. So everybody is asked about once more, but only if some rule is in
    no verdict.
    """
    idle = set(range(len(fleet.assign)))
    for verdict in coverage.verdicts:
        for choice in (verdict.choice, *(second.choice for second in verdict.seconds)):
            if choice is not None and choice.rule is not None:
                idle.discard(choice.rule)
    if not idle:
        return ()
    rules = Rules(fleet)
    for person, device in _asked_about(coverage):
        idle.difference_update(choice.rule for choice in rules.match(person, device).choices)
    if any(verdict.kind == "service" for verdict in coverage.verdicts):
        idle.difference_update(choice.rule for choice in rules.match_service().choices)
    return tuple(sorted(idle))


def _asked_about(coverage: Coverage) -> list[tuple[Person | None, Device | None]]:
    """Return whom rules decide over: devices with their people, and people whose devices do not stand for
    them."""
    owners = {v.device.owner for v in coverage.verdicts if v.kind == "device" and v.device is not None}
    subjects: list[tuple[Person | None, Device | None]] = []
    for verdict in coverage.verdicts:
        person = verdict.person
        here = person if person is not None and person.left_out is None else None
        if verdict.device is not None and verdict.reason != "NOT_A_COMPUTER":
            subjects.append((here, verdict.device))
        elif verdict.kind == "person" and here is not None and (here.rows or here.identity not in owners):
            subjects.append((here, None))
    return subjects

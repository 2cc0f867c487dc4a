"""Groups and tags that put an assignment onto its devices: what they are called, and who is in them. Pure.

A ring is a smaller group of the same assignment. Groups here never overlap: the ring files of an
assignment, and the one for what has no ring, make up the whole together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from provisioner import naming
from provisioner.assign import Assignment, Verdict
from provisioner.errors import ArtifactError, BrokenArtifact
from provisioner.fleet import Fleet
from provisioner.render.destinations import destinations
from provisioner.render.model import Mdm
from provisioner.roster.model import Device, Inventory, Person


class Placed(NamedTuple):
    """A device in a group."""

    device: Device
    person: Person | None
    """None also where the device has a label of its own: what is its person's is nothing to it."""


@dataclass(frozen=True, slots=True)
class Group:
    """The devices of one assignment and ring in one MDM."""

    mdm: Inventory
    assignment: str
    ring: int | None
    """None: what no ring was given to."""
    members: tuple[Placed, ...]

    @property
    def name(self) -> str:
        """What it is called in the console; a tag in Kandji."""
        return group_of(self.mdm, self.assignment, self.ring)


def group_of(mdm: Mdm, assignment: str, ring: int | None = None) -> str:
    """Return what the group or tag is called in a console; empty for plain files, which have none."""
    match mdm:
        case "jamf":
            return f"AIGateway {assignment}" if ring is None else f"AIGateway {assignment} ring {ring}"
        case "kandji":
            return f"aigw-{assignment}" if ring is None else f"aigw-{assignment}-ring{ring}"
        case "intune":
            return f"AIGateway-{assignment}" if ring is None else f"AIGateway-{assignment}-ring{ring}"
        case "files":
            return ""
        case _:
            assert_never(mdm)


def groups(assignments: Sequence[Assignment], fleet: Fleet) -> tuple[Group, ...]:
    """Return the groups of all MDMs, in the order of the assignments, rings first.

    Raises:
        BrokenArtifact: a device is a member twice.
        ArtifactError: two groups would have one name.
    """
    _prove_disjoint(assignments)
    found = [group for assignment in assignments for group in _of(assignment, fleet)]
    named: dict[tuple[str, str], Group] = {}
    for group in found:
        other = named.setdefault((group.mdm, group.name), group)
        if other is not group:
            raise ArtifactError(
                f"two groups would be called {group.name}: a ring of one assignment, and another assignment",
                hint="rename the env so that it does not end like a ring",
            )
    return tuple(found)


def _of(assignment: Assignment, fleet: Fleet) -> Iterator[Group]:
    if assignment.channel != "mdm":
        return
    ways = destinations(assignment, fleet)
    placed: dict[tuple[Inventory, int | None], list[Placed]] = {}
    for verdict in assignment.members:
        device = verdict.device
        if device is not None and device.mdm is not None and (device.mdm, device.platform) in ways:
            person = None if assignment.label else verdict.person
            placed.setdefault((device.mdm, ring_of(verdict)), []).append(Placed(device, person))
    for (mdm, ring), members in sorted(placed.items(), key=_by_ring):
        yield Group(mdm, assignment.name, ring, tuple(members))


def _by_ring(item: tuple[tuple[Inventory, int | None], object]) -> tuple[str, bool, int]:
    (mdm, ring), _members = item
    return mdm, ring is None, ring or 0


def ring_of(verdict: Verdict) -> int | None:
    """Return the ring that a device was given to."""
    return verdict.choice.ring if verdict.choice else None


def _prove_disjoint(assignments: Iterable[Assignment]) -> None:
    """Raise where a device gets two assignments: two profiles for one domain have no defined winner."""
    seen: dict[str, str] = {}
    for assignment in assignments:
        for verdict in assignment.members:
            if verdict.device is None:
                continue
            if (other := seen.get(verdict.device.id)) is not None:
                device = naming.shown(verdict.device.id)
                raise BrokenArtifact(f"device {device} is in {other} and in {assignment.name}")
            seen[verdict.device.id] = assignment.name

"""Where an assignment's artifacts go: through which MDM, onto which platform. Pure."""

from __future__ import annotations

from typing import NamedTuple

from provisioner.assign import Assignment
from provisioner.fleet import Fleet
from provisioner.render.model import Artifact, Mdm
from provisioner.roster.model import Inventory, Platform


class Destination(NamedTuple):
    """One way onto one kind of device."""

    mdm: Mdm
    platform: Platform


THROUGH_MDM = frozenset(
    {
        Destination("jamf", "macos"),
        Destination("kandji", "macos"),
        Destination("intune", "macos"),
        Destination("intune", "windows"),
    }
)
"""What has a profile; everything else gets plain files."""


def everything(fleet: Fleet) -> frozenset[Destination]:
    """Return every way that the fleet file has."""
    ways = (Destination(mdm, platform) for mdm in fleet.mdm for platform in fleet.platforms)
    return frozenset(way for way in ways if way.mdm == "files" or way in THROUGH_MDM)


def destinations(assignment: Assignment, fleet: Fleet) -> frozenset[Destination]:
    """Return what an assignment must serve.

    A device goes the way of its own MDM; it gets plain files where that has no profile for it, or
    is not in the fleet file. For devices that no inventory lists it is everything that the fleet
    has. Empty: the fleet file has no way to the members.
    """
    ways = everything(fleet)
    devices = (v.device for v in assignment.members)
    kinds = {(None, None) if d is None else (d.mdm, d.platform) for d in devices}
    return frozenset(way for mdm, platform in kinds for way in _of(mdm, platform, ways))


def serves(artifact: Artifact, ways: frozenset[Destination]) -> bool:
    """Whether a file for a console is for one of these ways."""
    match artifact.mdm:
        case None:
            return True
        case "files":
            return any(way.mdm == "files" for way in ways)
        case "intune":
            return any(way.mdm == "intune" and way.platform == artifact.path.parts[2] for way in ways)
        case mdm:
            return Destination(mdm, "macos") in ways


def _of(
    mdm: Inventory | None, platform: Platform | None, ways: frozenset[Destination]
) -> frozenset[Destination]:
    fitting = frozenset(way for way in ways if platform in (None, way.platform))
    if mdm is None:
        return fitting
    return frozenset(way for way in fitting if way.mdm == mdm) or frozenset(
        way for way in fitting if way.mdm == "files"
    )

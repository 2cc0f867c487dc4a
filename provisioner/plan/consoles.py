"""How many objects each MDM's console will hold, and which dated limits that touches. Pure.

Limits are facts with their source and the day they were read (facts/mdm.md, rollout 2); the marks
are those of that file: S read in a source, K general knowledge, U unsettled. Where a console has
no published limit, as Jamf and Kandji for the size of a profile, there is none here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from provisioner import digest
from provisioner.assign import Assignment, Verdict
from provisioner.assign.model import Attribution
from provisioner.fleet import Fleet
from provisioner.render.destinations import Destination, destinations
from provisioner.render.groups import ring_of
from provisioner.render.model import Mdm
from provisioner.roster.model import Inventory, Platform

Kind = Literal[
    "configuration profile",  # Jamf
    "smart group",
    "custom profile",  # Kandji
    "tag",
    "macOS custom profile",  # Intune
    "Windows custom profile",
    "remediation",
    "group",
]
Measure = Kind | Literal["bytes of a profile", "tagged device"]

PROFILES: Mapping[Destination, Kind] = {
    Destination("jamf", "macos"): "configuration profile",
    Destination("kandji", "macos"): "custom profile",
    Destination("intune", "macos"): "macOS custom profile",
    Destination("intune", "windows"): "Windows custom profile",
}
"""What holds the settings, by way."""
WINDOWS = Destination("intune", "windows")
NOBODY_KNOWS: tuple[None, None] = (None, None)
"""For a person whose devices no inventory lists."""
GROUPS: Mapping[Inventory, Kind] = {"jamf": "smart group", "kandji": "tag", "intune": "group"}
NOTE_PERCENT = 50


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that a console does not go past."""

    mdm: Inventory
    measure: Measure
    most: int
    says: str
    source: str
    dated: str
    mark: Literal["S", "K", "U"]


LIMITS = (
    Limit(
        "intune", "remediation", 200, "remediation packages in a tenant, everybody else's included",
        "MicrosoftDocs/memdocs deploy-remediations", "2025-09", "S",
    ),
    Limit(
        "intune", "bytes of a profile", 1_000_000, "bytes in a macOS custom profile",
        "MicrosoftDocs/memdocs configure-custom-settings-apple", "2026-02-09", "S",
    ),
    Limit(
        "kandji", "tagged device", 10_000, "API requests an hour, and a tag takes one for each device",
        "support.kandji.io/api", "2026-11-20", "S",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Advice:
    """What a vendor asks for from some number of objects on."""

    mdm: Inventory
    measure: Kind
    least: int
    says: str
    source: str
    dated: str
    mark: Literal["S", "K", "U"]


ADVICE = (
    Advice(
        "jamf", "smart group", 20,
        "changing smart groups is heavy for the server, and it wants 5 connections at a time at most:"
        " make them in batches",
        "developer.jamf.com scalability best practices", "2026-11-20", "S",
    ),
    Advice(
        "kandji", "tag", 2,
        "put all of them into one conditional block, in the printed order: its first match wins,"
        " while two blocks would give a device two profiles",
        "docs.iru.com using-conditional-logic-in-blueprints", "2026-11-20", "S",
    ),
    Advice(
        "intune", "Windows custom profile", 100,
        "by Graph, an app may write 100 device configurations in 20 seconds: let the script wait as told",
        "Microsoft Graph throttling limits", "2026-11-20", "S",
    ),
    Advice(
        "intune", "macOS custom profile", 100,
        "by Graph, an app may write 100 device configurations in 20 seconds: let the script wait as told",
        "Microsoft Graph throttling limits", "2026-11-20", "S",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """What one assignment puts into one console."""

    mdm: Inventory
    assignment: str
    rings: tuple[int | None, ...]
    """Those of its devices there. None: no ring."""
    objects: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Touched:
    """A limit that is half used or more."""

    limit: Limit
    used: int
    ways: tuple[str, ...]
    """What to do, the best first."""

    @property
    def passed(self) -> bool:
        """Whether nothing is left of it."""
        return self.used >= self.limit.most


@dataclass(frozen=True, slots=True)
class Consoles:
    """What the consoles will hold."""

    held: tuple[Held, ...] = ()
    touched: tuple[Touched, ...] = ()
    advice: tuple[Advice, ...] = ()
    policy_env: Mapping[Inventory, Mapping[Kind, int]] | None = None
    """The totals under `granularity = "policy-env"`; None where that is chosen already, or helps nothing."""

    @property
    def totals(self) -> dict[Inventory, Counter[Kind]]:
        """The number of objects by MDM and kind."""
        return _totals(self.held)


Units = Mapping[str, Sequence[Assignment]]
"""What gets an object of its own: an assignment, or all those that would share one."""


def consoles(assignments: Sequence[Assignment], fleet: Fleet) -> Consoles:
    """Return how many objects the assignments make in each MDM, and which limits that touches."""
    held = tuple(_held({a.name: (a,) for a in assignments}, fleet))
    totals = _totals(held)
    joined = totals if fleet.granularity == "policy-env" else _totals(_held(_by_policy(assignments), fleet))
    return Consoles(
        held=held,
        touched=tuple(_touched(assignments, fleet, held, joined)),
        advice=tuple(a for a in ADVICE if a.mdm in totals and totals[a.mdm][a.measure] >= a.least),
        policy_env=joined if joined != totals else None,
    )


def _by_policy(assignments: Iterable[Assignment]) -> Units:
    """Return the assignments as `policy-env` would join them: whatever is one person's or device's stays."""
    units: dict[str, list[Assignment]] = {}
    for a in assignments:
        name = f"{a.policy.name}-{a.env}" if a.user is None else f"{a.name} alone"
        units.setdefault(name, []).append(a)
    return units


def _held(units: Units, fleet: Fleet) -> Iterator[Held]:
    for name, assignments in units.items():
        profiles: set[Destination] = set()
        rings: dict[Mdm, set[int | None]] = {}
        scripted = False
        for assignment in assignments:
            if assignment.channel != "mdm":
                continue
            ways = destinations(assignment, fleet) & PROFILES.keys()
            profiles |= ways
            for device, ring, attribution in {_traits(v) for v in assignment.members}:
                reached = {way for way in ways if device in (NOBODY_KNOWS, way)}
                for way in reached:
                    rings.setdefault(way.mdm, set()).add(ring)
                scripted |= attribution == "script" and WINDOWS in reached
        for mdm in fleet.mdm:
            kinds = [PROFILES[way] for way in sorted(profiles) if way.mdm == mdm]
            if mdm == "files" or not kinds:
                continue
            if "Windows custom profile" in kinds and fleet.intune.remediation_key:
                kinds.remove("Windows custom profile")
                kinds.append("remediation")
            elif scripted and mdm == "intune":
                kinds.append("remediation")
            here = rings.get(mdm, set())
            objects = {**dict.fromkeys(kinds, 1), GROUPS[mdm]: _groups(mdm, here)}
            yield Held(mdm, name, tuple(sorted(here, key=_none_last)), objects)


def _groups(mdm: Inventory, rings: Collection[int | None]) -> int:
    """Return how many groups fill an assignment of these rings: each has one, and so has the rest.

    In Jamf that of the rest is the whole assignment, and is there where every device has a ring too: the
    profile is scoped to it (`_once/jamf/smart-groups.csv`).
    """
    return len({None, *rings} if mdm == "jamf" and rings else rings)


def _traits(verdict: Verdict) -> tuple[tuple[Inventory | None, Platform | None], int | None, Attribution]:
    """Return all of a member that decides about objects, so that each kind of member is looked at once."""
    device = verdict.device
    way = NOBODY_KNOWS if device is None or device.mdm is None else (device.mdm, device.platform)
    return way, ring_of(verdict), verdict.attribution


def _none_last(ring: int | None) -> tuple[bool, int]:
    return ring is None, ring or 0


def _totals(held: Iterable[Held]) -> dict[Inventory, Counter[Kind]]:
    totals: dict[Inventory, Counter[Kind]] = {}
    for one in held:
        totals.setdefault(one.mdm, Counter()).update(one.objects)
    return totals


def _touched(
    assignments: Sequence[Assignment],
    fleet: Fleet,
    held: Sequence[Held],
    joined: Mapping[Inventory, Counter[Kind]],
) -> Iterator[Touched]:
    by_name = {a.name: a for a in assignments}
    for limit in LIMITS:
        if limit.mdm not in fleet.mdm:
            continue
        if limit.measure == "bytes of a profile":
            used, ways = _largest(
                [by_name[h.assignment] for h in held if "macOS custom profile" in h.objects]
            )
        elif limit.measure == "tagged device":
            used, ways = _tagged(assignments), (BY_USER_GROUP,)
        else:
            makers = [by_name[h.assignment] for h in held if limit.measure in h.objects]
            used = len(makers)
            fewer = joined.get(limit.mdm, Counter[Kind]())[limit.measure]
            ways = tuple(_fewer_objects(makers, fewer))
        if used * 100 >= limit.most * NOTE_PERCENT:
            yield Touched(limit, used, ways)


BY_USER_GROUP = "assign by the directory's user groups instead of tags, or set the tags over several hours"


def _tagged(assignments: Iterable[Assignment]) -> int:
    devices = (v.device for a in assignments if a.channel == "mdm" for v in a.members)
    return sum(device is not None and device.mdm == "kandji" for device in devices)


def _largest(assignments: Iterable[Assignment]) -> tuple[int, tuple[str, ...]]:
    """Return what the settings of the largest policy take at least, as compact JSON."""
    policies = {a.policy.name: a.policy for a in assignments}
    sizes = {n: len(digest.canonical(asdict(p.hardening))) for n, p in policies.items()}
    if not sizes:
        return 0, ()
    name = max(sizes, key=lambda n: (sizes[n], n))
    return sizes[name], (f"shorten the settings of the profile {name}",)


def _fewer_objects(makers: Sequence[Assignment], joined: int) -> Iterator[str]:
    """Yield what would make fewer objects of a kind that these assignments make one each of."""
    if joined < len(makers):
        yield f'granularity = "policy-env" makes {joined:,} of them'
    persons = sum(a.person is not None for a in makers)
    if persons:
        yield f'key = "team" for {persons:,} people with keys of their own (keys.scope, or key in the rule)'
    labels = sum(a.label is not None for a in makers)
    if labels:
        yield f'another attribution for {labels:,} labels: attribution = "none", or one pool for many devices'
    if persons + labels < len(makers):
        yield "fewer teams: let more texts map to one in [roster.teams]"

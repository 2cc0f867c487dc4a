"""`index.html`: the page that a person opens to see what to upload where, and how. Pure.

It holds no key, no address of a person and no time; people are counted, and `scope.csv` names
them. The words stand in `templates/index.html.j2`; here is what they are about. Menus are as seen
2026-11 (rollout 2.1 to 2.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, get_args

from provisioner.assign import Coverage
from provisioner.assign.model import Channel, Reason
from provisioner.render import page as html
from provisioner.render.bundle import BundleFile, Table
from provisioner.render.groups import Group, group_of
from provisioner.render.model import Mdm, Upload
from provisioner.render.reasons import MEANING
from provisioner.render.standing import Standing, State, standings
from provisioner.render.templates import Templates
from provisioner.roster.model import Inventory, RowKind

Place = Literal["jamf", "kandji", "intune-macos", "intune-windows", "files", "image", "handout"]

TITLES: dict[Place, str] = {
    "jamf": "Jamf Pro",
    "kandji": "Kandji (Iru)",
    "intune-macos": "Intune, macOS",
    "intune-windows": "Intune, Windows",
    "files": "Plain files",
    "image": "Image build",
    "handout": "Hand-out",
}
"""In the order of the walk."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One file as the page shows it."""

    path: str
    upload: Upload
    holds_key: bool

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Console:
    """The files of one assignment for one console, or the plain ones."""

    place: Place
    main: tuple[Shown, ...]
    """What the walk begins with."""
    other: tuple[Shown, ...]
    """For replacing, and for other ways."""
    groups: tuple[Group, ...]
    """What it goes to in this console, the first ring first; empty where no inventory lists devices."""
    whole: str
    """The group of the whole assignment; empty for files."""

    @property
    def title(self) -> str:
        """What people call the console."""
        return TITLES[self.place]

    @property
    def object_name(self) -> str:
        """What the object is called in the console."""
        return self.main[0].upload.object_name

    def named(self, name: str) -> Shown | None:
        """Return the file of that name, where there is one."""
        return next((f for f in (*self.main, *self.other) if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Row:
    """One assignment; people as a number only."""

    name: str
    team: str
    """As written in the roster."""
    env: str
    channel: Channel
    members: int
    kind: RowKind
    """What the members are."""
    ends: str | None
    """The day from which the key is dead, where it has one."""
    key: str
    user_known: bool
    """Whether what stands as `user` is in the profile already, so that no device has to name a person."""
    revision: int | None
    state: State
    held: tuple[str, ...]
    consoles: tuple[Console, ...]
    """Empty unless it is ready."""


@dataclass(frozen=True, slots=True)
class Missed:
    """How many people, devices or services are not covered for one reason."""

    kind: RowKind
    reason: Reason
    meaning: str
    count: int


DETAILED_MAX = 250
"""Assignments whose steps are spelled out, 13 KB each; with keys per person there are thousands."""


def page(
    templates: Templates,
    coverage: Coverage,
    files: tuple[BundleFile, ...],
    groups: Sequence[Group] = (),
    tables: Sequence[Table] = (),
) -> bytes:
    """Return the page; the same coverage and files give the same bytes."""
    assignments = coverage.assignments
    by_assignment: dict[str, list[Group]] = {}
    for group in groups:
        by_assignment.setdefault(group.assignment, []).append(group)
    rows = [_row(s, by_assignment.get(s.assignment.name, ())) for s in standings(assignments, files)]
    ready = [row for row in rows if row.state == "ready"]
    used = {console.place for row in ready for console in row.consoles}
    return html.written(
        templates,
        "index.html.j2",
        script="copy.js.j2",
        tenant=assignments[0].tenant if assignments else "",
        rows=rows,
        covered=Counter(v.kind for v in coverage.verdicts if v.status == "assigned"),
        missed=tuple(_missed(coverage)),
        inherits=any(_inherits(a.policy.hardening.claude_code) for a in assignments),
        detailed=DETAILED_MAX,
        places=[place for place in TITLES if place in used],
        once={mdm: [t.path for t in tables if t.mdm == mdm] for mdm in get_args(Inventory)},
        rings=any(group.ring is not None for group in groups),
        uploads=sum(len(console.main) for row in ready for console in row.consoles),
        variables=sorted({variable for file in files for variable in file.artifact.variables}),
        readers=sorted({file.artifact.key_readers for file in files if file.holds_secret}),
    )


def _inherits(claude_code: Mapping[str, object]) -> bool:
    """Whether WSL takes part in what Windows is told (facts/claude-code.md 1.1)."""
    return claude_code.get("wslInheritsWindowsSettings") is True


def _missed(coverage: Coverage) -> Iterator[Missed]:
    counts = Counter((v.kind, v.reason) for v in coverage.verdicts if v.status == "not-covered")
    for kind in get_args(RowKind):
        for reason, meaning in MEANING.items():
            if count := counts[kind, reason]:
                yield Missed(kind, reason, meaning, count)


def _row(standing: Standing, groups: Sequence[Group]) -> Row:
    assignment = standing.assignment
    return Row(
        name=assignment.name,
        team=assignment.team_display,
        env=assignment.env,
        channel=assignment.channel,
        members=len(assignment.members),
        kind=assignment.members[0].kind if assignment.members else "person",
        ends=None if assignment.expires_at is None else f"{assignment.expires_at:%Y-%m-%d}",
        key=assignment.key_name,
        user_known=assignment.user is not None,
        revision=standing.revision,
        state=standing.state,
        held=standing.held,
        consoles=tuple(_consoles(standing, groups)) if standing.state == "ready" else (),
    )


def _consoles(standing: Standing, groups: Sequence[Group]) -> Iterator[Console]:
    for place in TITLES:
        main: list[Shown] = []
        other: list[Shown] = []
        mdm: Mdm = "files"
        for file in standing.files:
            if (upload := file.artifact.upload) is not None and _place(file) == place:
                shown = Shown(file.path, upload, file.holds_secret)
                (other if upload.optional else main).append(shown)
                mdm = file.artifact.mdm or "files"
        if main:
            here = tuple(group for group in groups if group.mdm == mdm)
            yield Console(place, tuple(main), tuple(other), here, group_of(mdm, standing.assignment.name))


def _place(file: BundleFile) -> str:
    """Return the console of a file, Intune's by platform: its folders below the assignment's say it."""
    _assignment, folder, *rest = file.artifact.path.parts
    return f"intune-{rest[0]}" if folder == "intune" else folder

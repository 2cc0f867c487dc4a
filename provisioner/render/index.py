"""`index.html`: the page that a person opens to see what to upload where, and how. Pure.

It holds no key, no address of a person and no time; people are counted, and `scope.csv` names
them. The words stand in `templates/index.html.j2`; here is what they are about. Menus are as seen
2026-11 (rollout 2.1 to 2.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from provisioner.assign import Assignment
from provisioner.render import page as html
from provisioner.render.bundle import BundleFile
from provisioner.render.model import Upload
from provisioner.render.standing import Standing, State, standings
from provisioner.render.templates import Templates

Place = Literal["jamf", "kandji", "intune-macos", "intune-windows", "files"]

TITLES: dict[Place, str] = {
    "jamf": "Jamf Pro",
    "kandji": "Kandji (Iru)",
    "intune-macos": "Intune, macOS",
    "intune-windows": "Intune, Windows",
    "files": "Plain files",
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
    people: int
    key: str
    revision: int | None
    state: State
    held: tuple[str, ...]
    consoles: tuple[Console, ...]
    """Empty unless it is ready."""


DETAILED_MAX = 250
"""Assignments whose steps are spelled out, 13 KB each; with keys per person there are thousands."""


def page(templates: Templates, assignments: tuple[Assignment, ...], files: tuple[BundleFile, ...]) -> bytes:
    """Return the page; the same assignments and files give the same bytes."""
    rows = [_row(standing) for standing in standings(assignments, files)]
    ready = [row for row in rows if row.state == "ready"]
    used = {console.place for row in ready for console in row.consoles}
    return html.written(
        templates,
        "index.html.j2",
        script="copy.js.j2",
        tenant=assignments[0].tenant if assignments else "",
        rows=rows,
        detailed=DETAILED_MAX,
        places=[place for place in TITLES if place in used],
        uploads=sum(len(console.main) for row in ready for console in row.consoles),
        variables=sorted({variable for file in files for variable in file.artifact.variables}),
        readers=sorted({file.artifact.key_readers for file in files if file.holds_secret}),
    )


def _row(standing: Standing) -> Row:
    assignment = standing.assignment
    return Row(
        name=assignment.name,
        team=assignment.team_display,
        env=assignment.env,
        people=len(assignment.members),
        key=assignment.key_name,
        revision=standing.revision,
        state=standing.state,
        held=standing.held,
        consoles=tuple(_consoles(standing.files)) if standing.state == "ready" else (),
    )


def _consoles(files: tuple[BundleFile, ...]) -> Iterator[Console]:
    for place in TITLES:
        main: list[Shown] = []
        other: list[Shown] = []
        for file in files:
            if (upload := file.artifact.upload) is not None and _place(file) == place:
                shown = Shown(file.path, upload, file.holds_secret)
                (other if upload.optional else main).append(shown)
        if main:
            yield Console(place, tuple(main), tuple(other))


def _place(file: BundleFile) -> str:
    """Return the console of a file, Intune's by platform: its folder below the assignment's says it."""
    mdm = file.artifact.mdm or ""
    return f"intune-{file.artifact.path.parts[2]}" if mdm == "intune" else mdm

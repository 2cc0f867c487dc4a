"""How each assignment stands after a delivery: may it go out, is it held, has it a key at all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from provisioner.assign import Assignment
from provisioner.render.bundle import BundleFile
from provisioner.render.model import Mdm

State = Literal["ready", "HOLD", "no key", "key only"]


@dataclass(frozen=True, slots=True)
class Standing:
    """An assignment with the files that were made for it."""

    assignment: Assignment
    files: tuple[BundleFile, ...]

    @property
    def held(self) -> tuple[str, ...]:
        """What its key failed at; the whole assignment waits, files without a key too (S190a)."""
        return tuple(dict.fromkeys(why for file in self.files for why in file.held))

    @property
    def state(self) -> State:
        """`no key`: people wait for it, and nothing could be made; `key only`: it is on nobody's device."""
        if not self.assignment.members:
            return "key only"
        if not self.files:
            return "no key"
        return "HOLD" if self.held else "ready"

    @property
    def revision(self) -> int | None:
        """None without files."""
        return self.files[0].revision if self.files else None

    @property
    def mdms(self) -> tuple[Mdm, ...]:
        """Where its files go, in the order of the walk."""
        return tuple(dict.fromkeys(f.artifact.mdm for f in self.files if f.artifact.mdm))


def standings(assignments: Iterable[Assignment], files: Iterable[BundleFile]) -> tuple[Standing, ...]:
    """Return one standing per assignment, in their order."""
    made: dict[str | None, list[BundleFile]] = {}
    for file in files:
        made.setdefault(file.artifact.assignment, []).append(file)
    return tuple(Standing(a, tuple(made.get(a.name, ()))) for a in assignments)

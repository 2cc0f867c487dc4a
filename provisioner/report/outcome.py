"""What a run did, for the person who started it, and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from provisioner.render.model import Mdm
from provisioner.render.standing import Standing, State
from provisioner.report.columns import counted, cut, hanging, joined, plain, table
from provisioner.report.roster import KINDS
from provisioner.roster.model import RowKind

ROWS_MAX = 60
"""Assignments in the table; what is not ready is told one by one below it."""
REMOVED_MAX = 40
PLACES: Mapping[Mdm, str] = {"jamf": "Jamf", "kandji": "Kandji", "intune": "Intune", "files": "files"}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many configs, or keys, of each fate; what a broken-off run had made counts as created."""

    created: int = 0
    updated: int = 0
    rotated: int = 0
    kept: int = 0
    revoked: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that was not done, with the reason and what to do."""

    name: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment in the output folder."""

    assignment: str
    people: int
    """People who get it, or whose devices do."""
    devices: int
    """0 where no source lists devices."""
    services: int
    key: str
    revision: int | None
    """None without artifacts."""
    goes_to: tuple[Mdm, ...]
    held: tuple[str, ...]
    """What its key failed at; empty when it is proven."""
    state: State

    @property
    def folder(self) -> str:
        """Below the output folder; empty without artifacts."""
        return f"{self.assignment}/" if self.goes_to else ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to."""

    nothing: bool
    """Whether it changed neither the gateway nor a file."""
    gateway: str
    """The gateway's URL, for people."""
    out: str
    """The output folder as the person knows it."""
    configs: Tally
    keys: Tally
    files: int
    """Files of ours in the output folder now."""
    written: int
    """Files that were new or different."""
    removed: tuple[str, ...]
    """What a former run had left there."""
    lines: tuple[Line, ...]
    failures: tuple[Failure, ...] = ()
    not_covered: Mapping[RowKind, int] = field(default_factory=dict)
    """How many get nothing and should; `not-covered.csv` in the output folder lists them."""
    notices: tuple[str, ...] = ()
    """Sentences that the person should know, e.g. what the bundled gateway is for."""


def lines(standings: Iterable[Standing]) -> tuple[Line, ...]:
    """Return a line per assignment, in their order."""
    return tuple(
        Line(
            assignment=s.assignment.name,
            people=len({m.email for m in s.assignment.members if m.email}),
            devices=sum(m.kind == "device" for m in s.assignment.members),
            services=sum(m.kind == "service" for m in s.assignment.members),
            key=s.assignment.key_name,
            revision=s.revision,
            goes_to=s.mdms,
            held=s.held,
            state=s.state,
        )
        for s in standings
    )


def text(summary: RunSummary, width: int) -> str:
    """Return the outcome for a terminal of `width` characters; the last line says what to do next."""
    parts = [
        list(_done(summary, width)),
        [] if summary.nothing else list(_table(summary, width)),
        list(_held(summary, width)),
        list(_without_key(summary)),
        list(_failed(summary, width)),
        list(_removed(summary)),
        list(_not_covered(summary, width)),
        [line for notice in summary.notices for line in hanging("note: ", plain(notice), width)],
        [f"next: open {plain(summary.out)}/index.html"],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def as_json(summary: RunSummary) -> dict[str, Any]:
    """Return the summary; `folder` of a line is empty without artifacts, `devices` 0 without device data."""
    return {
        "version": 1,
        "kind": "outcome",
        "nothing_to_do": summary.nothing,
        "gateway": summary.gateway,
        "out": summary.out,
        "configs": asdict(summary.configs),
        "keys": asdict(summary.keys),
        "files": summary.files,
        "written": summary.written,
        "removed": list(summary.removed),
        "assignments": [
            {
                "name": line.assignment,
                "state": line.state,
                "people": line.people,
                "devices": line.devices,
                "services": line.services,
                "key": line.key,
                "revision": line.revision,
                "folder": line.folder,
                "goes_to": list(line.goes_to),
                "held": list(line.held),
            }
            for line in summary.lines
        ],
        "failures": [asdict(failure) for failure in summary.failures],
        "not_covered": {many: summary.not_covered.get(kind, 0) for kind, (_one, many) in KINDS.items()},
        "notices": list(summary.notices),
    }


def _done(summary: RunSummary, width: int) -> Iterator[str]:
    configs, keys = summary.configs, summary.keys
    if summary.nothing:
        stands = joined([counted(configs.kept, "config"), counted(keys.kept, "key")])
        done = "nothing was done: " if summary.failures else "nothing to do: "
        files = f"{counted(summary.files, 'file')} in {plain(summary.out)}"
        yield from hanging(done, f"{stands} stand at {plain(summary.gateway)}, {files}", width)
        return
    removed = f", {len(summary.removed):,} removed" if summary.removed else ""
    rows = (
        (summary.gateway, "configs", _fates(configs)),
        ("", "keys", _fates(keys)),
        (summary.out, "files", f"{summary.written:,} written{removed}, {summary.files:,} in all"),
    )
    yield from table(rows, width, indent=0)


def _fates(tally: Tally) -> str:
    return ", ".join(f"{count:,} {fate}" for fate, count in asdict(tally).items() if count) or "none"


def _table(summary: RunSummary, width: int) -> Iterator[str]:
    devices = any(line.devices for line in summary.lines)
    header = ("assignment", "devices" if devices else "people", "key", "rev", "state")
    rows = [
        (
            line.assignment,
            _members(line, devices=devices),
            line.key,
            "-" if line.revision is None else str(line.revision),
            line.state,
        )
        for line in summary.lines[:ROWS_MAX]
    ]
    yield from table([header, *rows], width, indent=0)
    if len(summary.lines) > ROWS_MAX:
        yield f"... and {len(summary.lines) - ROWS_MAX:,} more; all of them: index.html"
    # The fleet file names the consoles for all assignments, so one line says it for each.
    if places := dict.fromkeys(PLACES[mdm] for line in summary.lines for mdm in line.goes_to):
        yield ""
        yield f"where it goes: {joined(list(places))}, from {plain(summary.out)}/ASSIGNMENT/"


def _members(line: Line, *, devices: bool) -> str:
    """Return how many get it; in words where they are something else than the column's heading says."""
    if line.services:
        return counted(line.services, "service")
    if devices and line.people and not line.devices:
        return counted(line.people, "person", "people")
    return f"{line.devices if devices else line.people:,}"


def _not_covered(summary: RunSummary, width: int) -> Iterator[str]:
    missed = [counted(n, *KINDS[kind]) for kind in KINDS if (n := summary.not_covered.get(kind, 0))]
    if missed:
        told = f"{joined(missed)}; {plain(summary.out)}/not-covered.csv says why and what to do"
        yield from hanging("not covered: ", told, width)


def _held(summary: RunSummary, width: int) -> Iterator[str]:
    held = [line for line in summary.lines if line.state == "HOLD"]
    if held:
        told = "on HOLD, left off uploads.csv: the key failed its test request"
        yield f"{counted(len(held), 'assignment')} {told}"
    for line in held:
        for why in line.held:
            yield from hanging(f"  {plain(line.assignment)}: ", plain(why), width)
    if held:
        yield "  fix: mend it at the gateway, then run the same command again"


def _without_key(summary: RunSummary) -> Iterator[str]:
    names = [plain(line.assignment) for line in summary.lines if line.state == "no key"]
    if names:
        yield f"{counted(len(names), 'assignment')} without a key, so without artifacts"
        yield from cut([f"  {name}" for name in names], ROWS_MAX, "  ... and {} more")


def _failed(summary: RunSummary, width: int) -> Iterator[str]:
    if summary.failures:
        yield f"not done: {len(summary.failures):,}"
    for failure in summary.failures:
        yield from hanging(f"  {plain(failure.name)}: ", plain(failure.why), width)
        yield from hanging("    fix: ", plain(failure.fix), width)


def _removed(summary: RunSummary) -> Iterator[str]:
    if summary.removed:
        yield f"removed, left by a former run: {len(summary.removed):,}"
        yield from cut([f"  {plain(path)}" for path in summary.removed], REMOVED_MAX, "  ... and {} more")

"""The driver of drift: look at ledger, gateway and output folder, and compare. Changes nothing."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from provisioner import digest, files, mint
from provisioner.drift import artifacts, gateway, roster
from provisioner.drift.model import Finding, Report
from provisioner.errors import UsageError
from provisioner.fleet import fleet_digest
from provisioner.ledger.model import Snapshot
from provisioner.mint import Bench
from provisioner.plan import build, renamed
from provisioner.project import Project


def look(bench: Bench, project: Project | None) -> Report:
    """Return all findings; without a project, against the roster as it was last applied.

    Raises:
        UsageError: nothing was applied yet.
    """
    snapshot = bench.ledger.snapshot()
    if snapshot.applied is None or snapshot.folder is None:
        raise UsageError("nothing was applied yet", hint="run: provision --roster FILE")
    mint.confirm_place(snapshot, bench.place)
    seen = mint.observe(bench.gateway, frozenset(snapshot.configs))
    out = Path(snapshot.folder.out)
    on_disk = {path.as_posix(): _seen(out / path) for path in files.walk(out)}
    findings: list[Finding] = [
        *(() if project is None else roster.changed(_digests(project), snapshot.applied)),
        *_roster_findings(project, snapshot),
        *gateway.findings(snapshot, seen),
        *artifacts.findings(snapshot.folder, on_disk, _older(bench)),
    ]
    return Report(
        findings=tuple(findings),
        keys=len(snapshot.keys),
        configs=len(snapshot.configs),
        files=len(snapshot.folder.files),
        gateway=bench.gateway.url,
        roster_file=snapshot.applied.roster_file if project is None else project.roster.file,
    )


def _digests(project: Project) -> dict[str, str]:
    return {
        "roster": project.roster.digest,
        "fleet": fleet_digest(project.fleet),
        "profiles": project.policies_digest,
    }


def _roster_findings(project: Project | None, snapshot: Snapshot) -> Iterator[Finding]:
    if project is None:
        last = snapshot.applied.wanted if snapshot.applied else ()
        return roster.findings(dict.fromkeys(last, "a row of the roster last applied"), snapshot)
    wanted = build.wanted(project.assignments).keys
    same = renamed.successors(snapshot.keys, wanted, project.roster.people)
    return roster.findings({k.name: k.assignment for k in wanted.values()}, snapshot, same)


def _older(bench: Bench) -> dict[str, frozenset[str]]:
    """Return the digests of former deliveries by path."""
    older: dict[str, set[str]] = {}
    for delivered in bench.ledger.deliveries():
        for file in delivered.files:
            older.setdefault(file.path, set()).add(file.sha256)
    return {path: frozenset(digests) for path, digests in older.items()}


def _seen(path: Path) -> artifacts.SeenFile:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return artifacts.SeenFile(None, stat.S_IMODE(status.st_mode))
    return artifacts.SeenFile(digest.sha256(path.read_bytes()), stat.S_IMODE(status.st_mode))

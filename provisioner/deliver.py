"""The output folder: render, seal, check, write what changed, remove what a former run left.

Revisions rise only when an assignment's settings change, so that a second run writes no byte.
The ledger then knows every file's digest, and drift needs no trust in the folder.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from provisioner import digest, files
from provisioner.assign import Assignment, Coverage
from provisioner.fleet import Fleet
from provisioner.ledger.model import Delivered, DeliveredFile, Folder, KeyRecord, Revision, Snapshot
from provisioner.render import bundle, groups, index, once, tables
from provisioner.render.bundle import TABLE_MODE, BundleFile
from provisioner.render.destinations import destinations, serves
from provisioner.render.model import Artifact, Delivery
from provisioner.render.templates import Templates
from provisioner.seal import sealed
from provisioner.secret import SecretRef
from provisioner.vault import Vault

STAND_IN = SecretRef("stand-in", "0" * 12)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery in memory: every file's bytes, and what the ledger will know of it."""

    folder: Folder
    bundle: tuple[BundleFile, ...]
    contents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Press:
    """What every delivery of one run shares."""

    fleet: Fleet
    base_url: str
    organization_uuid: str
    domains: tuple[str, ...]
    """Mail domains of the roster, lower case."""
    templates: Templates
    vault: Vault

    def rehearse(self, coverage: Coverage, assignments: tuple[Assignment, ...]) -> tuple[str, ...]:
        """Render with a stand-in for the keys, before any is minted; return the paths that will hold one.

        Args:
            coverage: for what is about all assignments.
            assignments: those of it to render.

        Raises:
            ArtifactError: what the fleet file or a profile asks for can't be rendered.
        """
        once.tables(coverage, groups.groups(coverage.assignments, self.fleet))
        paths = []
        for assignment in assignments:
            for artifact in self._artifacts(assignment, STAND_IN, 1):
                sealed(artifact, lambda _reference: SecretStr("stand-in"))
                if artifact.secrets:
                    paths.append(artifact.path.as_posix())
        return tuple(paths)

    def prepare(self, coverage: Coverage, snapshot: Snapshot, out: Path) -> Prepared:
        """Render and seal all that the assignments and the ledger's keys give.

        Raises:
            VaultError: a sealed key doesn't open.
        """
        revisions = dict(snapshot.folder.revisions) if snapshot.folder else {}
        made: list[tuple[BundleFile, bytes]] = []
        for assignment in coverage.assignments:
            record = snapshot.keys.get(assignment.key_name)
            secret = None if record is None else self.vault.open(record.secret.vault_id)
            if record is None or secret is None or not assignment.members:
                continue  # no key or secret: blocked or pending, as the report says; no members: keys only
            revision, rendered = self._rendered(assignment, record, snapshot)
            revisions[assignment.name] = revision
            opened = {record.secret: secret}.__getitem__
            for artifact in rendered:
                data = sealed(artifact, opened)
                mode = files.PRIVATE_FILE if artifact.private else files.PUBLIC_FILE
                made.append((BundleFile(artifact, digest.sha256(data), mode, revision.number, record), data))
        entries = tuple(entry for entry, _data in made)
        grouped = groups.groups(coverage.assignments, self.fleet)
        told = (tables.assignments(coverage), tables.not_covered(coverage), *once.tables(coverage, grouped))
        tenant = coverage.assignments[0].tenant if coverage.assignments else ""
        shown = {
            "manifest.json": bundle.manifest(tenant, snapshot.ledger_id, entries, told),
            "uploads.csv": bundle.uploads(entries),
            "index.html": index.page(self.templates, coverage, entries, grouped, told),
        }
        files_of = (
            *(_delivered(entry) for entry in entries),
            *(DeliveredFile(t.path, digest.sha256(t.data), TABLE_MODE) for t in told),
            *(DeliveredFile(n, digest.sha256(d), files.PUBLIC_FILE) for n, d in shown.items()),
        )
        contents = {entry.path: data for entry, data in made} | {t.path: t.data for t in told} | shown
        folder = Folder(str(out.resolve()), {file.path: file for file in files_of}, revisions)
        return Prepared(folder, entries, contents)

    def _rendered(
        self, assignment: Assignment, record: KeyRecord, snapshot: Snapshot
    ) -> tuple[Revision, tuple[Artifact, ...]]:
        """Render under the former revision number; only when that shows a change, again under the next."""
        former = snapshot.folder.revisions.get(assignment.name) if snapshot.folder else None
        number = former.number if former else 1
        rendered = self._artifacts(assignment, record.secret, number)
        content = _content(rendered)
        if former is not None and content != former.content:
            number += 1
            rendered = self._artifacts(assignment, record.secret, number)
            content = _content(rendered)
        if assignment.channel == "mdm":
            ways = destinations(assignment, self.fleet)
            rendered = tuple(artifact for artifact in rendered if serves(artifact, ways))
        return Revision(number, content), (*rendered, bundle.scope(assignment))

    def _artifacts(self, assignment: Assignment, key: SecretRef, revision: int) -> tuple[Artifact, ...]:
        delivery = Delivery(
            assignment=assignment.name,
            tenant=assignment.tenant,
            team=assignment.team,
            env=assignment.env,
            base_url=self.base_url,
            key=key,
            models=assignment.policy.models,
            hardening=assignment.policy.hardening,
            revision=revision,
            organization_uuid=self.organization_uuid,
            profile=assignment.policy.name,
            user=assignment.user,
            user_is="service" if assignment.service else "device" if assignment.label else "key",
            extra_metadata=assignment.extra_metadata,
            claude_code_floor=self.fleet.claude_code.minimum_version,
            claude_desktop_floor=self.fleet.claude_desktop.minimum_version,
            domains=self.domains,
        )
        return tuple(bundle.artifacts(delivery, assignment, self.fleet, self.templates))


def _content(artifacts: tuple[Artifact, ...]) -> str:
    return digest.of({a.path.as_posix(): a.settings_digest for a in artifacts})


def _delivered(entry: BundleFile) -> DeliveredFile:
    artifact = entry.artifact
    return DeliveredFile(entry.path, entry.sha256, entry.mode, artifact.settings_digest, artifact.assignment)


def write(prepared: Prepared, out: Path) -> tuple[str, ...]:
    """Write the files that are not there as they should be, and return their paths.

    Raises:
        OutputRefused: a folder on the way is a link.
    """
    files.make_private_folder(out)
    written, checked = [], {out}
    for file in prepared.folder.files.values():
        path = out / file.path
        for folder in reversed(path.relative_to(out).parents):
            if out / folder not in checked:
                files.make_private_folder(out / folder)
                checked.add(out / folder)
        if not _stands(path, file):
            files.write_whole(path, prepared.contents[file.path], file.mode)
            written.append(file.path)
    return tuple(written)


def remove_leftovers(former: Iterable[Delivered], now: Folder, out: Path) -> tuple[str, ...]:
    """Remove what former runs wrote to this folder and this one did not; other files are not ours.

    All of the ledger's deliveries count, not only the last: a run may have been killed before it
    removed anything.
    """
    ours = {file.path for delivered in former if delivered.out == now.out for file in delivered.files}
    removed = []
    for path in sorted(ours - now.files.keys()):
        if (out / path).is_symlink() or (out / path).exists():
            (out / path).unlink()
            removed.append(path)
    files.remove_unfinished(out)
    files.remove_empty(out)
    return tuple(removed)


def _stands(path: Path, file: DeliveredFile) -> bool:
    try:
        seen = path.lstat()
        return (
            stat.S_ISREG(seen.st_mode)
            and stat.S_IMODE(seen.st_mode) == file.mode
            and digest.sha256(path.read_bytes()) == file.sha256
        )
    except FileNotFoundError:
        return False

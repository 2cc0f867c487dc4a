"""The output folder: render, seal, check, write what changed, remove what a former run left.

Revisions rise only when an assignment's settings change, so that a second run writes no byte.
The ledger then knows every file's digest, and drift needs no trust in the folder.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from provisioner import digest, files
from provisioner.assign import Assignment
from provisioner.errors import VaultError
from provisioner.fleet import Fleet
from provisioner.ledger.model import Delivered, DeliveredFile, KeyRecord, Revision, Snapshot
from provisioner.render import bundle, index
from provisioner.render.bundle import BundleFile
from provisioner.render.model import Artifact, Delivery
from provisioner.render.templates import Templates
from provisioner.seal import sealed
from provisioner.secret import SecretRef
from provisioner.vault import Vault


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a delivery did to the output folder; paths are below it."""

    delivered: Delivered
    bundle: tuple[BundleFile, ...]
    written: tuple[str, ...]
    removed: tuple[str, ...]
    former_out: str | None
    """Another folder that the last run wrote to; its files hold keys and stay."""


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

    def deliver(self, assignments: tuple[Assignment, ...], snapshot: Snapshot, out: Path) -> Outcome:
        """Bring the output folder to what the assignments and the ledger's keys say.

        Raises:
            OutputRefused: the folder is a link, or a place where keys would leak.
            VaultError: a key's secret is not in the vault.
        """
        files.refuse_leaky(out)
        files.make_private_folder(out)
        revisions: dict[str, Revision] = {}
        made: list[tuple[BundleFile, bytes]] = []
        for assignment in assignments:
            if not assignment.members:
                continue  # nobody's device gets it: keys only
            record = snapshot.keys.get(assignment.key_name)
            if record is None:
                continue  # its key is blocked or pending, and the report says so
            revision, rendered = self._rendered(assignment, record, snapshot)
            revisions[assignment.name] = revision
            for artifact in rendered:
                data = sealed(artifact, self._opened)
                mode = files.PRIVATE_FILE if artifact.secrets else files.PUBLIC_FILE
                entry = BundleFile(artifact, digest.sha256(data), mode, revision.number, record)
                made.append((entry, data))
        entries = tuple(entry for entry, _data in made)
        tables = {
            "manifest.json": bundle.manifest(_tenant(assignments), snapshot.ledger_id, entries),
            "uploads.csv": bundle.uploads(entries),
            "index.html": index.page(self.templates, assignments, entries),
        }
        delivered = Delivered(
            out=str(out.resolve()),
            files=(
                *(_delivered(entry) for entry in entries),
                *(DeliveredFile(n, digest.sha256(d), files.PUBLIC_FILE) for n, d in tables.items()),
            ),
            revisions=revisions,
        )
        contents = {entry.path: data for entry, data in made} | tables
        written = tuple(_write_changed(out, delivered, contents))
        removed = tuple(_remove_leftovers(out, snapshot.delivered, delivered))
        former = snapshot.delivered.out if snapshot.delivered else delivered.out
        return Outcome(delivered, entries, written, removed, None if former == delivered.out else former)

    def _rendered(
        self, assignment: Assignment, record: KeyRecord, snapshot: Snapshot
    ) -> tuple[Revision, tuple[Artifact, ...]]:
        """Render under the former revision number; only when that shows a change, again under the next."""
        former = snapshot.delivered.revisions.get(assignment.name) if snapshot.delivered else None
        number = former.number if former else 1
        rendered = self._artifacts(assignment, record, number)
        content = _content(rendered)
        if former is not None and content != former.content:
            number += 1
            rendered = self._artifacts(assignment, record, number)
            content = _content(rendered)
        return Revision(number, content), (*rendered, bundle.scope(assignment))

    def _artifacts(self, assignment: Assignment, record: KeyRecord, revision: int) -> tuple[Artifact, ...]:
        delivery = Delivery(
            assignment=assignment.name,
            tenant=assignment.tenant,
            team=assignment.team,
            env=assignment.env,
            base_url=self.base_url,
            key=record.secret,
            models=assignment.policy.models,
            hardening=assignment.policy.hardening,
            revision=revision,
            organization_uuid=self.organization_uuid,
            profile=assignment.policy.name,
            user=assignment.person,
            extra_metadata=assignment.extra_metadata,
            claude_code_floor=self.fleet.claude_code.minimum_version,
            claude_desktop_floor=self.fleet.claude_desktop.minimum_version,
            domains=self.domains,
        )
        return tuple(bundle.artifacts(delivery, self.fleet, self.templates))

    def _opened(self, reference: SecretRef) -> SecretStr:
        value = self.vault.open(reference.vault_id)
        if value is None:
            raise VaultError(
                f"the secret of the key with fingerprint {reference.fingerprint} is not in the vault",
                hint="run provision --roster FILE again: it rotates such a key",
            )
        return value


def _content(artifacts: tuple[Artifact, ...]) -> str:
    return digest.of({a.path.as_posix(): a.settings_digest for a in artifacts})


def _tenant(assignments: tuple[Assignment, ...]) -> str:
    return assignments[0].tenant if assignments else ""


def _delivered(entry: BundleFile) -> DeliveredFile:
    artifact = entry.artifact
    return DeliveredFile(entry.path, entry.sha256, entry.mode, artifact.settings_digest, artifact.assignment)


def _write_changed(out: Path, delivered: Delivered, contents: Mapping[str, bytes]) -> Iterator[str]:
    checked: set[Path] = set()
    for file in delivered.files:
        path = out / file.path
        for folder in reversed(path.relative_to(out).parents):
            if (out / folder) not in checked:
                files.make_private_folder(out / folder)
                checked.add(out / folder)
        if not _stands(path, file):
            files.write_whole(path, contents[file.path], file.mode)
            yield file.path


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


def _remove_leftovers(out: Path, former: Delivered | None, now: Delivered) -> Iterator[str]:
    """Remove files that the former run wrote here and this one did not; others are not ours to touch."""
    if former is None or former.out != now.out:
        return
    kept = {file.path for file in now.files}
    for file in former.files:
        if file.path not in kept and (out / file.path).exists():
            (out / file.path).unlink()
            yield file.path
    files.remove_empty(out)

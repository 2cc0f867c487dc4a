"""Which artifacts an assignment gets for which MDM, and the tables that describe the whole. Pure.

The tables hold digests, ids and fingerprints, never a secret, and no time: the same input gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import assert_never

from provisioner import digest
from provisioner.assign import Assignment
from provisioner.fleet import Fleet
from provisioner.ledger.model import KeyRecord
from provisioner.policy.model import PlainTree
from provisioner.render import handout, images, macos, plainfiles, services, windows
from provisioner.render.cells import csv_bytes, read_table, write_table
from provisioner.render.groups import group_of
from provisioner.render.model import Artifact, Delivery, Mdm, Upload
from provisioner.render.serialize import json_bytes
from provisioner.render.templates import Templates

SCOPE_HEADER = ("email", "serial", "platform", "device_name", "mdm", "mdm_id", "ring")
UPLOADS_HEADER = (
    "order", "mdm", "console_path", "object_type", "object_name", "file", "scope_group", "scope_file",
    "holds_secret", "sha256", "done_at", "done_by", "object_id",
)  # fmt: skip


def artifacts(
    delivery: Delivery, assignment: Assignment, fleet: Fleet, templates: Templates
) -> Iterator[Artifact]:
    """Yield an assignment's artifacts, for every console of the fleet file in that order.

    Which of them its members need `destinations.serves` says: a revision shall not rise for all
    because somebody has the first device of another kind.
    """
    match assignment.channel:
        case "mdm":
            yield from _for_consoles(delivery, fleet, templates)
        case "files":
            yield from services.artifacts(delivery)
        case "image":
            platforms = {v.platform for v in assignment.members}
            known = {p for p in platforms if p is not None}
            yield from images.artifacts(delivery, fleet.platforms if None in platforms else known)
        case "handout":
            yield from handout.artifacts(delivery, assignment.expires_at, templates)
        case _:
            assert_never(assignment.channel)


def _for_consoles(delivery: Delivery, fleet: Fleet, templates: Templates) -> Iterator[Artifact]:
    for mdm in fleet.mdm:
        if mdm == "files":
            yield from plainfiles.artifacts(delivery)
        elif "macos" in fleet.platforms:
            yield from macos.artifacts(delivery, mdm)
        if mdm == "intune" and "windows" in fleet.platforms:
            yield from windows.artifacts(delivery, templates, remediation_key=fleet.intune.remediation_key)


def scope(assignment: Assignment) -> Artifact:
    """Return `scope.csv`: the people, devices or services that the assignment's files go to."""
    rows: list[PlainTree] = []
    for v in assignment.members:
        device, ring = v.device, v.choice.ring if v.choice else None
        seen = (device.name or "", device.mdm or "", device.mdm_id or "") if device else ("", "", "")
        who = v.service.id if v.service else v.email
        rows.append([who, v.serial, v.platform or "", *seen, "" if ring is None else str(ring)])
    return Artifact(
        path=PurePosixPath(assignment.name, "scope.csv"),
        content=[list(SCOPE_HEADER), *rows],
        write=write_table,
        read=read_table,
        assignment=assignment.name,
        personal=True,
    )


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One written file, as the manifest tells it."""

    artifact: Artifact
    sha256: str
    mode: int
    revision: int
    key: KeyRecord

    @property
    def path(self) -> str:
        """Below the output folder, with slashes."""
        return self.artifact.path.as_posix()

    @property
    def holds_secret(self) -> bool:
        """Whether a key is in it."""
        return bool(self.artifact.secrets)

    @property
    def held(self) -> tuple[str, ...]:
        """Why it must not be uploaded: what its assignment's key failed at (S190a)."""
        return self.key.failures or ()


@dataclass(frozen=True, slots=True)
class Table:
    """A file about all assignments: it names people and devices, and no key is in it."""

    path: str
    """Below the output folder, with slashes."""
    data: bytes
    mdm: Mdm | None = None


TABLE_MODE = 0o600
"""Of a table, as of a file with a key."""


def manifest(tenant: str, ledger_id: str, files: Iterable[BundleFile], tables: Iterable[Table] = ()) -> bytes:
    """Return `manifest.json`: for each file its digests, key, assignment, revision, variables and readers."""
    entries: list[PlainTree] = [_manifest_entry(f) for f in files]
    entries += [_table_entry(t) for t in tables]
    return json_bytes({"version": 1, "tenant": tenant, "ledger": ledger_id, "files": entries})


def _table_entry(table: Table) -> PlainTree:
    return {
        "path": table.path,
        "sha256": digest.sha256(table.data),
        "mode": f"{TABLE_MODE:04o}",
        "assignment": "",
        "mdm": table.mdm or "",
        "products": [],
        "person": "none",
        "variables": [],
        "holds_secret": False,
        "personal": True,
    }


def _manifest_entry(file: BundleFile) -> PlainTree:
    artifact = file.artifact
    entry: dict[str, PlainTree] = {
        "path": file.path,
        "sha256": file.sha256,
        "mode": f"{file.mode:04o}",
        "settings_sha256": artifact.settings_digest,
        "assignment": artifact.assignment or "",
        "mdm": artifact.mdm or "",
        "products": list(artifact.products),
        "revision": file.revision,
        "person": artifact.person,
        "variables": list(artifact.variables),
        "holds_secret": file.holds_secret,
        "personal": artifact.personal,
    }
    if file.holds_secret:
        entry["key"] = {
            "name": file.key.name,
            "id": file.key.id,
            "fingerprint": file.key.secret.fingerprint,
            "readable_on_device_by": artifact.key_readers,
        }
    if file.held:
        entry["hold"] = list(file.held)
    return entry


def uploads(files: Iterable[BundleFile]) -> bytes:
    """Return `uploads.csv`: what to put where, in order; what is on HOLD is left off (S190a)."""
    listed = [(f, f.artifact.upload) for f in files if f.artifact.upload is not None and not f.held]
    walk = [(file, upload) for file, upload in listed if not upload.optional]
    return csv_bytes(UPLOADS_HEADER, (_upload_row(n, *step) for n, step in enumerate(walk, start=1)))


def _upload_row(order: int, file: BundleFile, upload: Upload) -> tuple[str, ...]:
    artifact = file.artifact
    return (
        str(order),
        artifact.mdm or "",
        upload.console_path,
        upload.object_type,
        upload.object_name,
        file.path,
        group_of(artifact.mdm, artifact.assignment or "") if artifact.mdm else "",
        f"{artifact.assignment}/scope.csv",
        "yes" if file.holds_secret else "no",
        file.sha256,
        "",
        "",
        "",
    )

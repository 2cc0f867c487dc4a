"""Which artifacts an assignment gets for which MDM, and the tables that describe the whole. Pure.

The tables hold digests, ids and fingerprints, never a secret, and no time: the same input gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from provisioner.assign import Assignment
from provisioner.fleet import Fleet
from provisioner.ledger.model import KeyRecord
from provisioner.policy.model import PlainTree
from provisioner.render import macos, plainfiles, windows
from provisioner.render.cells import csv_bytes, read_table, write_table
from provisioner.render.model import Artifact, Delivery, Upload
from provisioner.render.serialize import json_bytes
from provisioner.render.templates import Templates

SCOPE_HEADER = ("email", "serial", "platform")
UPLOADS_HEADER = (
    "order", "mdm", "console_path", "object_type", "object_name", "file", "scope_file", "holds_secret",
    "sha256", "done_at", "done_by", "object_id",
)  # fmt: skip


def artifacts(delivery: Delivery, fleet: Fleet, templates: Templates) -> Iterator[Artifact]:
    """Yield an assignment's artifacts in the order of the admin's walk: Jamf, Kandji, Intune, files."""
    for mdm in fleet.mdm:
        if mdm == "files":
            yield from plainfiles.artifacts(delivery)
        elif "macos" in fleet.platforms:
            yield from macos.artifacts(delivery, mdm)
        if mdm == "intune" and "windows" in fleet.platforms:
            yield from windows.artifacts(delivery, templates, remediation_key=fleet.intune.remediation_key)


def scope(assignment: Assignment) -> Artifact:
    """Return `scope.csv`: the people and devices that the assignment's MDM objects go to."""
    rows: list[PlainTree] = [[v.email, v.serial, v.platform or ""] for v in assignment.members]
    return Artifact(
        path=PurePosixPath(assignment.name, "scope.csv"),
        content=[list(SCOPE_HEADER), *rows],
        write=write_table,
        read=read_table,
        assignment=assignment.name,
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


def manifest(tenant: str, ledger_id: str, files: Iterable[BundleFile]) -> bytes:
    """Return `manifest.json`: for each file its digests, key, assignment, revision, variables and readers."""
    return json_bytes(
        {"version": 1, "tenant": tenant, "ledger": ledger_id, "files": [_manifest_entry(f) for f in files]}
    )


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
        f"{artifact.assignment}/scope.csv",
        "yes" if file.holds_secret else "no",
        file.sha256,
        "",
        "",
        "",
    )

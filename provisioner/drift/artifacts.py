"""The ledger against the files in the output folder. Pure; the caller reads the folder.

Expected digests come from the ledger, so that an edit which also mends the manifest is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provisioner.drift.model import Finding
from provisioner.ledger.model import DeliveredFile, Folder

PRIVATE = 0o600
"""Mode of a file that holds a key."""
AGAIN = "run provision --roster FILE again to write it anew"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file in the output folder: digest of its bytes and permission bits; a link has no digest."""

    sha256: str | None
    mode: int


def findings(
    folder: Folder, seen: Mapping[str, SeenFile], older: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    """Yield what is different.

    Args:
        folder: the output folder as it should be.
        seen: every file below the output folder, by path.
        older: digests that former deliveries gave a path; a match is a file of a former revision (T19).
    """
    for file in folder.files.values():
        yield from _file(file, seen.get(file.path), older.get(file.path, frozenset()))
    folders = {path.split("/", 1)[0] for path in folder.files if "/" in path}
    for path in seen:
        if path not in folder.files and (path.split("/", 1)[0] in folders or path in older):
            yield Finding(
                "artifacts", "LEFTOVER", path, "no such file", "a file that no run wrote",
                "see what it is and remove it, so that nobody uploads it",
            )  # fmt: skip


def _file(file: DeliveredFile, found: SeenFile | None, older: frozenset[str]) -> Iterator[Finding]:
    expected = f"sha256 {file.sha256[:12]}"
    if found is None:
        yield Finding("artifacts", "MISSING", file.path, expected, "no such file", AGAIN)
    elif found.sha256 is None:
        yield Finding("artifacts", "EDITED", file.path, expected, "a link in its place", AGAIN)
    elif found.sha256 != file.sha256:
        if found.sha256 in older:
            yield Finding("artifacts", "STALE", file.path, expected, "as a former run wrote it", AGAIN)
        else:
            yield Finding("artifacts", "EDITED", file.path, expected, f"sha256 {found.sha256[:12]}", AGAIN)
    elif file.mode == PRIVATE and found.mode & ~PRIVATE:
        yield Finding(
            "artifacts", "EXPOSED", file.path, f"mode {file.mode:04o}", f"mode {found.mode:04o}", AGAIN
        )

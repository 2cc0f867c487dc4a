"""Files that may hold secrets: written whole or not at all, 0600 in 0700 folders; where they may not go."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioner.errors import OutputRefused, ProvisionError

PRIVATE_FILE = 0o600
PUBLIC_FILE = 0o644
PRIVATE_FOLDER = 0o700
UNFINISHED = ".provision-unfinished."
"""How the names of temporary files begin, by which the next run knows those of a run that was killed."""

GITS_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME")

# Folder names that sync clients use; a key in one of them is on somebody else's computer.
# As seen 2026-11; macOS keeps most of them under Library/CloudStorage or Mobile Documents.
SYNCED = (
    "onedrive", "dropbox", "google drive", "googledrive", "icloud drive", "iclouddrive", "mobile documents",
    "cloudstorage", "box", "box sync", "nextcloud", "sharepoint",
)  # fmt: skip


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents as 0700; an existing symlink in its place is refused."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    if folder.is_symlink() or not folder.is_dir():
        raise OutputRefused(
            f"{folder} is a link or not a folder", hint="name a real folder that only you can write to"
        )


def write_whole(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file atomically: a temporary file beside it (O_EXCL, 0600), then rename over it."""
    try:
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
            if mode != PRIVATE_FILE:
                temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise ProvisionError(f"can't write {path}: {exc.strerror or exc}") from exc


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, where none is yet; nothing stays of one that fails.

    Raises:
        OutputRefused: there is something of that name, or the folder can't be written to.
    """
    try:
        handle = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE
        )
    except FileExistsError as exc:
        raise OutputRefused(
            f"{path} is there already; it was not touched", hint="name a file that is not there yet"
        ) from exc
    except OSError as exc:
        raise OutputRefused(
            f"can't write {path}: {exc.strerror}", hint="name a file in a folder of yours"
        ) from exc
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        path.unlink()
        raise


def refuse_leaky(folder: Path, paths: Sequence[str] = ("key",)) -> None:
    """Refuse a place for key-bearing files that git or a sync client would carry away (T2).

    `paths` are those files below the folder, once they are known: git can ignore a folder's files
    but for some, and goes on tracking what it was told to track before.

    Raises:
        OutputRefused: the folder is a link, is inside a git work tree that does not ignore it, or
            in a cloud-synced folder.
    """
    if folder.is_symlink():
        raise OutputRefused(f"{folder} is a link", hint="name a real folder that only you can write to")
    refuse_synced(folder)
    resolved, tree = folder.resolve(), work_tree(folder)
    if tree is not None and not _git_ignores(tree, [resolved / path for path in paths]):
        inside = resolved.relative_to(tree).as_posix()
        raise OutputRefused(
            f"{resolved} lies in the git work tree {tree} and is not ignored there; its files hold keys",
            hint=f"add /{inside}/ to {tree / '.gitignore'} and git rm --cached what it tracks there,"
            " or name another folder with --out",
        )


def work_tree(folder: Path) -> Path | None:
    """Return the git work tree that a folder lies in."""
    resolved = folder.resolve()
    return next((p for p in (resolved, *resolved.parents) if (p / ".git").exists()), None)


def refuse_synced(folder: Path) -> None:
    """Refuse a folder that a sync client carries to other computers (T2)."""
    for part in folder.resolve().parts:
        name = part.casefold()
        if any(name == s or name.startswith((f"{s} -", f"{s}-")) for s in SYNCED):
            raise OutputRefused(
                f"{folder} lies in a cloud-synced folder ({part}); its files hold keys",
                hint="use a folder on a local disk",
            )


def _git_ignores(tree: Path, paths: Sequence[Path]) -> bool:
    git = shutil.which("git")
    if git is None:
        return False
    asked = [os.fsencode(path) for path in paths]
    done = subprocess.run(
        [git, "-C", str(tree), "check-ignore", "--stdin", "-z"],
        # No more than git needs for its own settings: the admin key may stand in the environment,
        # and a work tree's settings can name programs that git starts.
        env={name: os.environ[name] for name in GITS_ENVIRONMENT if name in os.environ},
        input=b"\0".join(asked),
        capture_output=True,
        check=False,
    )
    return done.stdout.split(b"\0")[:-1] == asked


def walk(folder: Path) -> Iterator[Path]:
    """Yield every file and link below a folder, relative to it, sorted; follows no links."""
    for base, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        here = Path(base).relative_to(folder)
        for name in sorted(names + [f for f in folders if (Path(base) / f).is_symlink()]):
            yield here / name


def _raise(error: OSError) -> None:
    raise error


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that a killed run left below a folder; nobody may be writing there."""
    for path in walk(folder):
        if path.name.startswith(UNFINISHED):
            (folder / path).unlink()


def remove_empty(folder: Path) -> None:
    """Remove empty folders below (and not including) a folder."""
    for base, _folders, _names in os.walk(folder, topdown=False):
        if Path(base) != folder:
            with contextlib.suppress(OSError):  # not empty: it stays
                Path(base).rmdir()

"""Key-bearing files: whole, private, and never where git or a sync client carries them away."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from provisioner import files
from provisioner.errors import OutputRefused, ProvisionError


def git(tree: Path, *arguments: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "-C", str(tree), *arguments], check=True, capture_output=True)


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_whole(path, b"one")
    files.write_whole(path, b"two", files.PUBLIC_FILE)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").write_bytes(b"x")
    with pytest.raises(ProvisionError, match="can't write"):
        files.write_whole(tmp_path / "folder", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.covers("T13")
def test_a_link_in_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "victim"
    target.write_bytes(b"untouched")
    (tmp_path / "out").symlink_to(target)
    files.write_whole(tmp_path / "out", b"new")
    assert target.read_bytes() == b"untouched"
    assert not (tmp_path / "out").is_symlink()


@pytest.mark.covers("T13")
def test_a_linked_output_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "dist").symlink_to(tmp_path / "real")
    with pytest.raises(OutputRefused, match="is a link"):
        files.make_private_folder(tmp_path / "dist")


def test_missing_folders_are_made_private(tmp_path: Path) -> None:
    files.make_private_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.covers("T2")
def test_a_git_work_tree_must_ignore_the_folder(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(OutputRefused, match="not ignored there") as refused:
        files.refuse_leaky(tmp_path / "dist")
    assert "/dist/" in (refused.value.hint or "")
    (tmp_path / ".gitignore").write_text("/dist/\n")
    files.refuse_leaky(tmp_path / "dist")
    with pytest.raises(OutputRefused):
        files.refuse_leaky(tmp_path / "sub" / "dist")


@pytest.mark.covers("T2")
def test_a_work_tree_is_refused_when_git_cannot_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("/dist/\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputRefused):
        files.refuse_leaky(tmp_path / "dist")


@pytest.mark.covers("T2")
@pytest.mark.parametrize(
    "folder",
    [
        "Dropbox/it",
        "OneDrive - Acme Corp/dist",
        "Library/CloudStorage/Box-Box/dist",
        "Library/Mobile Documents/com~apple~CloudDocs",
        "Google Drive/x",
        "iCloudDrive",
    ],
)
def test_a_synced_folder_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(OutputRefused, match="cloud-synced"):
        files.refuse_leaky(tmp_path / folder / "dist")


def test_a_folder_that_only_sounds_synced_is_fine(tmp_path: Path) -> None:
    files.refuse_leaky(tmp_path / "boxes" / "dist")
    files.refuse_leaky(tmp_path / "dropboxer")


def test_walk_lists_files_and_links_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2", "b/1", "a"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "b")
    assert [p.as_posix() for p in files.walk(tmp_path)] == ["a", "link", "b/1", "b/2"]


def test_empty_folders_are_removed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"")
    files.remove_empty(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]

"""`provision key list` and `write`: a key goes into one new file, and nowhere else."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.canary_desk import watched
from tests.support.pilot import Pilot

KEY = "claude-desktop-support-prod"
PEOPLE = "email,team,env,expires\nalice@acme.com,Engineering,prod,2099-01-31\n"


@pytest.fixture
def applied(pilot: Pilot) -> Pilot:
    assert pilot.main_job().code == 0
    return pilot


@pytest.fixture
def personal(pilot: Pilot) -> Pilot:
    (pilot.folder / "provision.toml").write_text('[keys]\nscope = "person"\n')
    pilot.write_roster(f"{PEOPLE}alice@acme.com,Engineering,dev,\nbob@acme.com,Support,prod,\n")
    assert pilot.main_job().code == 0
    return pilot


def delivered(pilot: Pilot, assignment: str) -> str:
    settings = json.loads((pilot.dist / assignment / "files/managed-settings.json").read_bytes())
    return str(settings["env"]["ANTHROPIC_AUTH_TOKEN"])


@pytest.mark.covers("T2")
def test_a_key_goes_into_a_new_private_file_and_is_told_nowhere(
    pilot: Pilot,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Every output, log, file and child process is searched for the minted keys, in all spellings."""
    with watched(pilot, monkeypatch, capfd, tmp_path_factory.mktemp("temporary")) as watch:
        watch.run("--roster", "org.csv")
        ran = watch.run("key", "write", KEY, "--to", "handout.key")
        assert ran.out == ""
        assert "delete the file" in ran.err
        path = pilot.folder / "handout.key"
        assert path.read_text() == delivered(pilot, "support-prod") + "\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.unlink()
        for line in (["list"], ["list", "--format", "json"], ["write", KEY, "--to", "-"]):
            watch.run("key", *line, code=2 if "-" in line else 0)
        watch.run("key", "write", KEY, "--to", "again.key", "--format", "json")
        (pilot.folder / "again.key").unlink()
        watch.check()


def test_the_list_says_everything_but_the_key(personal: Pilot) -> None:
    value = personal.run("key", "list", "--format", "json").json
    assert (value["version"], value["kind"]) == (1, "keys")
    told = {(k["who"], k["expires"], k["state"]) for k in value["keys"]}
    assert told == {
        ("alice@acme.com", "2099-01-31T00:00:00+00:00", "live"),
        ("alice@acme.com", None, "live"),
        ("bob@acme.com", None, "live"),
    }
    assert all(k["name"] == f"claude-desktop-{k['assignment']}" for k in value["keys"])
    lines = personal.run("key", "list").out.splitlines()
    assert [line.split()[1:3] for line in lines[1:]] == [
        ["alice@acme.com", "never"], ["alice@acme.com", "2099-01-31"], ["bob@acme.com", "never"],
    ]  # fmt: skip


def test_a_person_with_one_key_can_be_named_by_address(personal: Pilot) -> None:
    assert personal.run("key", "write", "Bob@acme.com", "--to", "bob.key").code == 0
    [folder] = (p.name for p in personal.dist.glob("support-prod-bob-*"))
    assert (personal.folder / "bob.key").read_text().strip() == delivered(personal, folder)
    several = personal.run("key", "write", "alice@acme.com", "--to", "alice.key")
    assert several.code == 2
    assert "2 keys: claude-desktop-engineering-dev-alice" in several.err
    assert not (personal.folder / "alice.key").exists()


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("claude-desktop-suport-prod", f'did you mean "{KEY}"?'),
        ("carol@acme.com", "whoever shares a team's key has none of their own"),
        ("svc:ci", "see provision key list"),
    ],
)
def test_whoever_has_no_key_is_told_what_to_do(applied: Pilot, asked: str, hint: str) -> None:
    ran = applied.run("key", "write", asked, "--to", "x.key")
    assert ran.code == 2
    assert hint in ran.err
    assert not (applied.folder / "x.key").exists()


@pytest.mark.covers("T2")
def test_a_file_that_is_there_is_never_touched(applied: Pilot) -> None:
    there, link = applied.folder / "there.key", applied.folder / "link.key"
    there.write_text("mine")
    link.symlink_to(applied.folder / "elsewhere.key")
    for path in (there, link):
        ran = applied.run("key", "write", KEY, "--to", path.name)
        assert ran.code == 2
        assert "is there already" in ran.err
    assert there.read_text() == "mine"
    assert not (applied.folder / "elsewhere.key").exists()


@pytest.mark.covers("T2")
@pytest.mark.parametrize("place", ["-", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1"])
def test_no_place_prints_a_key(applied: Pilot, place: str) -> None:
    ran = applied.run("key", "write", KEY, "--to", place)
    assert ran.code == 2
    assert "a key is not printed" in ran.err
    assert delivered(applied, "support-prod") not in ran.out + ran.err


@pytest.mark.covers("T2")
def test_places_that_carry_files_away_are_refused(applied: Pilot, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    refused = applied.run("key", "write", KEY, "--to", str(work / "x.key"))
    assert refused.code == 2
    assert "git work tree" in refused.err
    assert "--out" not in refused.err
    (work / ".gitignore").write_text("*.key\n")
    assert applied.run("key", "write", KEY, "--to", str(work / "x.key")).code == 0
    synced = tmp_path / "Dropbox"
    synced.mkdir()
    assert "cloud-synced" in applied.run("key", "write", KEY, "--to", str(synced / "x.key")).err
    assert list(synced.iterdir()) == []
    assert "is no folder" in applied.run("key", "write", KEY, "--to", str(tmp_path / "no" / "x.key")).err


def test_the_gateway_is_not_asked(applied: Pilot) -> None:
    (applied.folder / "provision.toml").write_text(
        '[gateway]\nproduct = "portkey"\nurl = "https://127.0.0.1:1"\nadmin_key = { env = "NOT_SET" }\n'
    )
    assert applied.run("key", "list").code == 0
    assert applied.run("key", "write", KEY, "--to", "x.key").code == 0


def test_before_any_run_nothing_is_made(pilot: Pilot) -> None:
    ran = pilot.run("key", "list", "--state", "none")
    assert ran.code == 2
    assert "nothing was applied yet" in ran.err
    assert not (pilot.folder / "none").exists()


@pytest.mark.covers("T2")
def test_a_full_disk_leaves_no_half_key(applied: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flush = applied.folder / "x.key", os.fsync
    seen = []

    def full(handle: int) -> None:
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            seen.append(path.stat().st_size)
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    ran = applied.run("key", "write", KEY, "--to", "x.key")
    assert ran.code == 1
    assert "no space left" in ran.err
    assert seen == [len(delivered(applied, "support-prod")) + 1]
    assert not path.exists()

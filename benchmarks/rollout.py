"""The main job for a large roster, in one process, as a multiple of writing the same bytes with plain Python.

The gateway is a dictionary, so that what is measured is our own work; ledger, vault and output are
written for real. Each round is a first run in an empty folder, followed by the plain writing of the
very same files (paths, bytes, modes) into another one. Both go where TMPDIR says: a file system in
memory (/dev/shm) shows our own work, a disk what it weighs beside the disk's.
"""

from __future__ import annotations

import argparse
import itertools
import os
import secrets
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import SecretStr

from gateway_client.contract import KeySpec, Minted, RemoteConfig, RemoteKey
from provisioner import assets, project, rollout
from provisioner.ledger.store import LedgerStore
from provisioner.mint import Bench
from provisioner.project import Places
from provisioner.render.templates import Templates
from provisioner.vault import Vault

TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
PLATFORMS = ("macos", "windows", "linux")
PHASES = ("read", "plan", "mint", "render and write")
"""Roster and profiles; ledger, gateway and plan; rehearsal, gateway, sealing and ledger; all files."""


@dataclass(slots=True)
class MemoryGateway:
    """A gateway that answers at once; what a run asks of one, and no more."""

    url: str = "http://127.0.0.1:8080"
    keys: dict[str, RemoteKey] = field(default_factory=dict)
    configs: dict[str, RemoteConfig] = field(default_factory=dict)

    def check(self) -> None:
        """It is there."""

    def list_keys(self) -> tuple[RemoteKey, ...]:
        return tuple(self.keys.values())

    def list_configs(self) -> tuple[RemoteConfig, ...]:
        return tuple(self.configs.values())

    def get_config(self, slug: str) -> RemoteConfig:
        return self.configs[slug]

    def create_config(self, name: str, body: Mapping[str, Any]) -> RemoteConfig:
        slug = f"pc-{len(self.configs):06d}"
        self.configs[slug] = RemoteConfig(slug, slug, name, body)
        return self.configs[slug]

    def create_key(self, spec: KeySpec) -> Minted:
        key_id = f"key-{len(self.keys):06d}"
        self.keys[key_id] = RemoteKey(
            key_id,
            spec.name,
            spec.description,
            "active",
            spec.config,
            spec.metadata,
            spec.budget,
            spec.rate_limits,
            spec.expires_at,
            spec.allow_config_override,
        )
        return Minted(key_id, SecretStr(secrets.token_urlsafe(32)))

    def update_config(self, slug: str, name: str, body: Mapping[str, Any]) -> None:
        raise AssertionError("a first run updates nothing")

    def update_key(self, key_id: str, spec: KeySpec) -> None:
        raise AssertionError("a first run updates nothing")

    def rotate_key(self, key_id: str) -> Minted:
        raise AssertionError("a first run rotates nothing")

    def delete_key(self, key_id: str) -> None:
        raise AssertionError("a first run deletes nothing")


def roster(people: int, teams: int) -> str:
    """Return a CSV: people in turn over the teams, every fifth with a serial number."""
    rows = ["email,name,team,env,platform,serial"]
    for n in range(people):
        serial = f"C02{n:09d}" if n % 5 == 0 else ""
        rows.append(
            f"person{n:06d}@acme.com,Person {n},Team {n % teams:03d},prod,{PLATFORMS[n % 3]},{serial}"
        )
    return "\n".join(rows) + "\n"


def run(folder: Path) -> tuple[float, ...]:
    """Run the main job on a folder's `org.csv` and return the seconds of each phase."""
    marks = [time.perf_counter()]
    loaded = project.load(Places(folder / "org.csv", folder / "provision.toml"), TODAY.date())
    marks.append(time.perf_counter())
    minting_ended = 0.0

    def said(_line: str) -> None:
        nonlocal minting_ended
        minting_ended = time.perf_counter()

    with LedgerStore.open(folder / "ledger.db") as ledger:
        vault = Vault(secrets.token_bytes(32), ledger.ledger_id, ledger)
        bench = Bench(MemoryGateway(), ledger, vault, lambda: TODAY, said, "memory")
        made = rollout.make_plan(loaded, bench, prune=False)
        marks.append(time.perf_counter())
        templates = Templates(assets.template_texts())
        job = rollout.Rollout(loaded, bench, templates, bench.gateway.url, folder / "dist", data_plane=None)
        job.apply(made)
    marks += [minting_ended, time.perf_counter()]
    return tuple(end - start for start, end in itertools.pairwise(marks))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and mode of every file, by path."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def plain(files: Mapping[str, tuple[bytes, int]], folder: Path) -> float:
    """Write the files with plain Python and return the seconds that it took."""
    start = time.perf_counter()
    for name, (data, mode) in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    text = roster(asked.people, asked.teams)
    ours: list[tuple[float, ...]] = []
    plainly: list[float] = []
    files: dict[str, tuple[bytes, int]] = {}
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            folder = Path(first)
            (folder / "org.csv").write_text(text)
            (folder / "provision.toml").touch()
            os.sync()  # what was written before is not paid for by what is measured next
            ours.append(run(folder))
            files = contents(folder / "dist")
            os.sync()
            plainly.append(plain(files, Path(second)))
    size = sum(len(data) for data, _mode in files.values())
    print(f"{asked.people:,} people in {asked.teams:,} teams, key scope team, {asked.rounds} rounds")
    print(f"{len(files):,} files, {size / 1e6:.1f} MB, in {tempfile.gettempdir()}")
    print("the gateway is a dictionary; ledger, vault and files are written; imports are not counted")
    print(f"\n{'seconds':34} {'min':>8} {'median':>8}")
    for name, times in zip(PHASES, zip(*ours, strict=True), strict=True):
        line(name, times)
    line("plain writing of the same bytes", plainly)
    print("\nas a multiple of plain writing")
    without = [sum(phases) - phases[PHASES.index("mint")] for phases in ours]
    for name, times in (("read, plan, render and write", without), ("the same with mint", map(sum, ours))):
        whole = list(times)
        print(f"{name:34} {min(whole) / min(plainly):8.1f} {median(whole) / median(plainly):8.1f}")


def line(name: str, values: list[float] | tuple[float, ...]) -> None:
    """Print minimum and median of some values."""
    print(f"{name:34} {min(values):8.3f} {median(values):8.3f}")


if __name__ == "__main__":
    main()

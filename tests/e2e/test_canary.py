"""A recognisable secret goes through the whole life of a rollout, and turns up nowhere but where it belongs (T2)."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from gateway_client import portkey_wire
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.contract import KeySpec
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url
from tests.support.leaks import Evidence, everything_logged
from tests.support.pilot import Pilot, Ran

# Every sign that a header may carry and some spelling changes, in both halves.
ADMIN = "Adm1n&C4nary\"<%41>\\x/+='" + "`$({Tail~C4nary;|#?}%2F^:@!*"
UPSTREAM = "sk-ant-upstream-canary-51d0c7/+=a94f"
VAULT = b"vault-key-canary-\x00\xff\xfe\x80<&\"'\\/+==tail"[:32].ljust(32, b"\x81")


@dataclass
class Watch:
    """What is known to be secret, and all that was seen."""

    pilot: Pilot
    evidence: Evidence
    minted: list[SecretStr]
    children: list[list[str]]

    def run(self, *arguments: str, code: int = 0) -> Ran:
        ran = self.pilot.run(*arguments)
        self.evidence.keep(f"stdout of {' '.join(arguments)}", ran.out)
        self.evidence.keep(f"stderr of {' '.join(arguments)}", ran.err)
        assert ran.code == code, ran.err
        return ran

    @property
    def secrets(self) -> dict[str, str | bytes]:
        keys = {f"minted key {n}": key.get_secret_value() for n, key in enumerate(self.minted)}
        derived = {
            f"{purpose} key": HKDF(hashes.SHA256(), 32, None, f"provision/vault/{purpose}".encode()).derive(
                VAULT
            )
            for purpose in ("seal", "mac")
        }
        bundled = self.pilot.state / "gateway-admin.token"
        token = {"bundled gateway's token": bundled.read_text().strip()} if bundled.exists() else {}
        return {"admin key": ADMIN, "vault key": VAULT, "upstream key": UPSTREAM, **keys, **derived, **token}

    @property
    def holders(self) -> set[Path]:
        """The files that hold a key on purpose."""
        manifest = self.pilot.dist / "manifest.json"
        files = json.loads(manifest.read_text())["files"] if manifest.exists() else []
        return {self.pilot.dist / f["path"] for f in files if f["holds_secret"]}

    def check(self) -> None:
        """Fail where a secret stands that should not, with all places at once."""
        own = {self.pilot.state / "gateway-admin.token", vault_key_file()}
        for path in self.holders | {p for p in own if p.exists()}:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for folder in (self.pilot.folder, Path(os.environ["HOME"]), Path(tempfile.gettempdir())):
            self.evidence.keep_files(folder, but=self.holders | own)
        assert self.evidence.leaks(self.secrets) == []


def git(pilot: Pilot, *arguments: str) -> str:
    """Run git as the admin would, without the secrets of the environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    done = subprocess.run(
        ["git", *arguments], cwd=pilot.folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def vault_key_file() -> Path:
    return Path(os.environ["HOME"]) / ".config/provision/vault.key"


@pytest.fixture
def watch(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Watch]:
    """A desk under watch: every logger on, every child process and warning noted."""
    watch = Watch(pilot, Evidence(), [], [])
    vault_key_file().parent.mkdir(parents=True, mode=0o700)
    vault_key_file().touch(0o600)
    vault_key_file().write_bytes(base64.b64encode(VAULT) + b"\n")
    temporary = pilot.folder.with_name("tmp")
    temporary.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("GATEWAY_ADMIN", ADMIN)
    read_minted = portkey_wire.minted

    def minted(reply: object) -> Any:
        told = read_minted(reply)
        watch.minted.append(told.secret)
        return told

    monkeypatch.setattr(portkey_wire, "minted", minted)
    start = subprocess.Popen.__init__

    def started(self: Any, args: Any, *rest: Any, **named: Any) -> None:
        environment = named.get("env")
        watch.children.append(list(args))
        watch.evidence.keep("arguments of children", repr(args))
        watch.evidence.keep(
            "environment of children", repr(dict(os.environ if environment is None else environment))
        )
        start(self, args, *rest, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    with warnings.catch_warnings(record=True) as warned, everything_logged(watch.evidence):
        warnings.simplefilter("always")
        yield watch
    watch.evidence.keep("warnings", "\n".join(str(w.message) for w in warned))
    for name, text in zip(("stdout", "stderr"), capfd.readouterr(), strict=True):
        watch.evidence.keep(f"the process's {name}", text)
    assert watch.evidence.leaks(watch.secrets) == []


@contextmanager
def organisation(pilot: Pilot, **settings: Any) -> Iterator[Embedded]:
    """Serve a gateway whose admin key is the canary, and name it in the fleet file."""
    with Embedded(GatewaySettings(pilot.folder / "elsewhere.db", SecretStr(ADMIN), **settings)) as served:
        name_gateway(pilot, served.url)
        yield served


def name_gateway(pilot: Pilot, url: str, source: str = '{ env = "GATEWAY_ADMIN" }') -> None:
    (pilot.folder / "provision.toml").write_text(
        f'[gateway]\nproduct = "portkey"\nurl = "{url}"\nadmin_key = {source}\n'
    )


@contextmanager
def behind_the_back(served: Embedded) -> Iterator[PortkeyGateway]:
    """Talk to the gateway as another administrator."""
    with closing(Door(parse_gateway_url(served.url), SecretStr(ADMIN))) as door:
        yield PortkeyGateway(door)


@pytest.mark.covers("T2")
def test_a_rollout_on_a_real_gateway(watch: Watch) -> None:
    git(watch.pilot, "init", "-q")
    (watch.pilot.folder / ".gitignore").write_text("/dist/\n")
    with organisation(watch.pilot) as served:
        watch.run("roster", "check", "org.csv")
        watch.run("profiles", "list")
        watch.run("profiles", "show", "standard", "--format", "json")
        watch.run("--roster", "org.csv", code=2)  # nobody is there to say yes
        watch.run("plan", "--roster", "org.csv", "-o", "plan.json", "--format", "json")
        watch.run("apply", "plan.json", "--format", "json")
        watch.run("apply", "plan.json", code=2)  # stale now
        assert len(watch.minted) == 3
        watch.run("--roster", "org.csv", "--format", "json")  # nothing to do
        with behind_the_back(served) as gateway:
            keys = {key.name: key for key in gateway.list_keys()}
            gateway.delete_key(keys["claude-desktop-support-prod"].id)
            config = keys["claude-desktop-engineering-dev"].config or ""
            gateway.create_key(KeySpec("claude-desktop-sales-prod", "not ours", config, {}))
            gateway.update_config(config, "desktop-engineering-dev", {"provider": "@bedrock-prod"})
        (watch.pilot.dist / "engineering-prod/files/managed-settings.json").write_text("{}")
        for extra in ([], ["--format", "json"], ["--html", "drift.html"]):
            watch.run("drift", *extra, code=4)
        watch.pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\nx@acme.com,Sales,prod\n")
        watch.run("--roster", "org.csv", "--yes", "--prune", "--max-revoke", "9", code=3)
        watch.run("drift", "--html", "drift.html", code=4)
    assert any("check-ignore" in child for child in watch.children)
    watch.check()


@pytest.mark.covers("T2")
def test_a_rollout_on_the_bundled_gateway(watch: Watch) -> None:
    watch.run("init")
    watch.run("--roster", "org.csv")
    watch.run("--roster", "org.csv", "--format", "json")
    watch.run("drift", "--html", "drift.html")
    assert "bundled gateway's token" in watch.secrets
    watch.check()

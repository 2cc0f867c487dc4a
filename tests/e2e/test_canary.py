"""A recognisable secret goes through the whole life of a rollout, and stays where it belongs (T2)."""

from __future__ import annotations

import base64
import errno
import html
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_bytes
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from gateway_client import http as door
from gateway_client.bundled.credentials import MintedSecret
from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.store import keys as bundled_keys
from gateway_client.contract import KeySpec
from gateway_client.http import Door
from provisioner.cli import bug
from provisioner.secret import SecretRef
from provisioner.vault import Vault
from tests.support import gateway_portkey as simulator
from tests.support.canary_desk import (
    ADMIN,
    ECHOES,
    UPSTREAM,
    VAULT,
    Watch,
    ask,
    behind_the_back,
    echoes,
    git,
    hostile,
    name_gateway,
    organisation,
    upstream,
    watched,
)
from tests.support.leaks import Evidence, encodings, found
from tests.support.pilot import Pilot, free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def watch(
    pilot: Pilot,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watch]:
    with watched(pilot, monkeypatch, capfd, tmp_path_factory.mktemp("temporary")) as watch:
        yield watch


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
    seen = {Path(place).name for place in watch.evidence.pieces}
    assert seen >= {"ledger.db", "plan.json", "drift.html", "manifest.json", "index.html", "elsewhere.db"}
    assert seen >= {
        f"log {name}" for name in ("urllib3.connectionpool", "sqlalchemy.engine.Engine", "uvicorn.asgi")
    }


@pytest.mark.covers("T2")
def test_a_rollout_on_the_bundled_gateway(watch: Watch) -> None:
    watch.run("init")
    watch.run("--roster", "org.csv")
    watch.run("--roster", "org.csv", "--format", "json")
    watch.run("drift", "--html", "drift.html")
    assert "bundled gateway's token" in watch.secrets
    watch.check()


@pytest.mark.covers("T2")
@pytest.mark.parametrize("name", list(ECHOES))
def test_a_gateway_that_quotes_the_admin_key(watch: Watch, name: str) -> None:
    with hostile(watch.pilot) as simulated:
        body = json.dumps(ECHOES[name](ADMIN)).encode()
        simulated.fault("GET", "/v1/api-keys", simulator.answering(401, body), times=99)
        for line in (["plan", "--roster", "org.csv"], ["--roster", "org.csv", "--yes", "--format", "json"]):
            assert "401" in watch.run(*line, code=1).err
    watch.check()


@pytest.mark.covers("T2")
def test_a_gateway_that_quotes_the_admin_key_half_way(watch: Watch) -> None:
    teams = "".join(f"p{n}@acme.com,Team {n},prod\n" for n in range(len(ECHOES)))
    watch.pilot.write_roster(f"email,team,env\n{teams}")
    with hostile(watch.pilot) as simulated:
        echoes(simulated, "POST", "/v1/configs")
        watch.run("--roster", "org.csv", "--yes", code=3)
        simulated.faults.clear()
        echoes(simulated, "POST", "/v1/api-keys")
        told = watch.run("--roster", "org.csv", "--yes", "--format", "json", code=3).json
        assert sum("refused" in failure["why"] for failure in told["failures"]) == len(ECHOES)
    watch.check()


@pytest.mark.covers("T2", "S190a")
def test_a_gateway_that_quotes_minted_keys(watch: Watch) -> None:
    """What a probe is answered stands in the ledger, the report, the manifest and the page."""
    teams = "".join(f"p{n}@acme.com,Team {n},prod\n" for n in range(len(ECHOES)))
    watch.pilot.write_roster(f"email,team,env\n{teams}")
    with hostile(watch.pilot) as simulated:
        echoes(simulated, "POST", "/v1/messages", 401)
        watch.run("--roster", "org.csv", "--yes", code=3)
        watch.run("--roster", "org.csv", "--yes", "--format", "json", code=3)
        watch.run("drift", "--html", "drift.html")
    assert len(watch.minted) == len(ECHOES)
    assert "401" in (watch.pilot.dist / "index.html").read_text()
    watch.check()


@pytest.mark.covers("T2")
def test_an_upstream_that_quotes_its_key(watch: Watch) -> None:
    """The gateway's answer to a probe stands in the report, so the upstream's key must not be in it."""
    with upstream() as url:
        given = {"anthropic-prod": HttpUpstream(url, SecretStr(UPSTREAM))}
        with organisation(watch.pilot, upstreams=given) as served:
            watch.run("--roster", "org.csv", "--yes", code=3)
            for _spelling in ECHOES:
                status, answer = ask(served.url, watch.minted[0])
                assert status == 401
                assert b"quoted" in answer
                watch.evidence.keep("answer to a client", answer)
    watch.check()


@pytest.mark.covers("T2")
def test_a_gateway_that_is_not_there(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_FIRST_WAIT", 0.01)
    name_gateway(watch.pilot, f"http://127.0.0.1:{free_port()}")
    watch.run("--roster", "org.csv", "--yes", code=1)
    name_gateway(watch.pilot, "https://127.0.0.1:1")
    watch.run("plan", "--roster", "org.csv", code=1)
    watch.check()


# What is not so wrong that it stops the tool before it has the secrets in its hands.
BLOWS: dict[str, Callable[[str], BaseException]] = {
    "an error": RuntimeError,
    "an error with a note": lambda text: noted(RuntimeError("no"), text),
    "an error from another": lambda text: chained(RuntimeError(text), KeyError(text)),
    "an error during another": lambda text: chained(RuntimeError(text), ValueError(text), during=True),
    "several errors": lambda text: ExceptionGroup(text, [ValueError(text), OSError(text)]),
    "a broken text": lambda text: UnicodeEncodeError("ascii", text, 0, 1, text),
    "an interruption": KeyboardInterrupt,
}


def noted(error: BaseException, note: str) -> BaseException:
    error.add_note(note)
    return error


def chained(error: BaseException, first: BaseException, *, during: bool = False) -> BaseException:
    if during:
        error.__context__ = first
    else:
        error.__cause__ = first
    return error


@pytest.mark.covers("T2")
@pytest.mark.parametrize("kind", list(BLOWS))
@pytest.mark.parametrize(
    "place", ["sealing a minted key", "opening a key for its files", "calling the gateway"]
)
def test_a_bug_with_a_secret_in_its_hands(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, place: str, kind: str
) -> None:
    blow = BLOWS[kind]

    def sealing(_vault: Vault, _vault_id: str, value: SecretStr) -> SecretRef:
        raise blow(f"can't seal {value.get_secret_value()} with {VAULT!r}")

    def opening(vault: Vault, vault_id: str) -> SecretStr | None:
        value = opened(vault, vault_id)
        raise blow(f"can't open {value and value.get_secret_value()}")

    def calling(
        _door: Door, request: object, header: str, prefix: str, credential: SecretStr | None
    ) -> object:
        raise blow(f"can't send {request!r} {header}: {prefix}{credential and credential.get_secret_value()}")

    opened = Vault.open
    with hostile(watch.pilot):
        match place:
            case "sealing a minted key":
                monkeypatch.setattr(Vault, "seal", sealing)
            case "opening a key for its files":
                monkeypatch.setattr(Vault, "open", opening)
            case "calling the gateway":
                monkeypatch.setattr(Door, "_exchange", calling)
        if kind == "an interruption":
            ran = watch.run("--roster", "org.csv", "--yes", code=130)
            assert "interrupted" in ran.err
        else:
            ran = watch.run("--roster", "org.csv", "--yes", code=70)
            [log] = Path(tempfile.gettempdir()).glob("provision-bug-*.log")
            assert str(log) in ran.err
            assert "test_canary.py" in log.read_text(), "the log has the frames"
            assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert watch.secrets.keys() >= ({"minted key 0"} if place != "calling the gateway" else set())
    watch.check()


@pytest.mark.covers("T2")
def test_a_bug_whose_log_has_no_place(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def sealing(_vault: Vault, _vault_id: str, value: SecretStr) -> SecretRef:
        raise RuntimeError(value.get_secret_value())

    def full(**_named: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Vault, "seal", sealing)
    with hostile(watch.pilot):
        monkeypatch.setattr(bug, "tempfile", SimpleNamespace(mkstemp=full))
        told = watch.run("--roster", "org.csv", "--yes", code=70).err
    assert "builtins.RuntimeError" in told
    assert "test_canary.py" in told
    assert watch.minted
    watch.check()


@pytest.mark.covers("T2")
def test_a_bug_in_the_gateway_with_a_secret_in_its_hands(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def creating(_db: object, _values: object, secret: MintedSecret, _now: object) -> str:
        watch.minted.append(secret.secret)
        raise RuntimeError(f"can't store {secret.secret.get_secret_value()}")

    monkeypatch.setattr(bundled_keys, "create", creating)
    monkeypatch.setattr(door, "_FIRST_WAIT", 0.01)
    watch.run("--roster", "org.csv", code=3)
    logged = watch.evidence.pieces["log gateway_client.bundled.bugs"]
    assert b"RuntimeError" in logged
    assert b"test_canary.py" in logged
    watch.check()


PASTED = "sk-live-C4nary-0f9d8e7c6b5a4f3e"
PASTED_WHERE = [
    f'[gateway]\nadmin_key = "{PASTED}"',
    f"[gateway]\nadmin_key = {PASTED}",
    f'[gateway]\nadmin_key = ["{PASTED}"]',
    *(f'[gateway]\nadmin_key = {{ {n} = "{PASTED}" }}' for n in ("value", "key", "secret", "token", "env")),
    f'[gateway]\nadmin_key = {{ keyring = "{PASTED}" }}',
    *(f'[gateway]\n{n} = "{PASTED}"' for n in ("api_key", "key", "secret", "token", "password")),
    *(
        f'[gateway]\nproduct = "portkey"\nurl = "{url}"\nadmin_key = {{ env = "X" }}'
        for url in (f"https://admin:{PASTED}@gw.acme.com", f"https://gw.acme.com?key={PASTED}", PASTED)
    ),
    f'[gateway]\nx-portkey-api-key = "{PASTED}"',
    f'[gatway]\napi_key = "{PASTED}"',
    f'admin_key = "{PASTED}"',
    f'[intune]\nremediation_key = "{PASTED}"',
    f'[gateway]\nallow_private = "{PASTED}"',
]


@pytest.mark.covers("T2", "T9")
@pytest.mark.parametrize("fleet", PASTED_WHERE, ids=range(len(PASTED_WHERE)))
def test_a_key_pasted_into_the_fleet_file_is_not_repeated(pilot: Pilot, fleet: str) -> None:
    (pilot.folder / "provision.toml").write_text(fleet + "\n")
    for line in (["--roster", "org.csv"], ["plan", "--roster", "org.csv", "--format", "json"]):
        ran = pilot.run(*line)
        assert ran.code == 2
        assert "provision.toml" in ran.err
        assert found((ran.out + ran.err).encode(), {"pasted": PASTED}) == []


SOURCES = [
    (
        "printing it and failing",
        f"import sys; print({ADMIN!r}); print({ADMIN!r}, file=sys.stderr); sys.exit(3)",
    ),
    ("printing two", f"print({ADMIN!r}); print({ADMIN!r})"),
    ("printing it with words", f"print('key', {ADMIN!r})"),
    ("printing it in utf-16", f"import sys; sys.stdout.buffer.write({ADMIN!r}.encode('utf-16'))"),
]


@pytest.mark.covers("T2", "T9")
@pytest.mark.parametrize(("what", "script"), SOURCES, ids=[what for what, _ in SOURCES])
def test_a_source_of_the_admin_key_that_gives_something_else(watch: Watch, what: str, script: str) -> None:
    path = watch.pilot.folder.with_name(f"{watch.pilot.folder.name}-key.py")
    path.write_text(script)
    command = json.dumps([sys.executable, str(path)])
    name_gateway(watch.pilot, "https://127.0.0.1:1", f"{{ command = {command} }}")
    del os.environ["GATEWAY_ADMIN"]
    watch.run("--roster", "org.csv", code=2)
    name_gateway(watch.pilot, "https://127.0.0.1:1", f'{{ file = "{path}" }}')
    path.write_text(f"{ADMIN}\n{ADMIN}\n")
    for mode in (0o644, 0o600):
        path.chmod(mode)
        watch.run("--roster", "org.csv", code=2)
    watch.check()


@pytest.mark.covers("T2")
def test_git_would_take_no_key(pilot: Pilot) -> None:
    git(pilot, "init", "-q")
    (pilot.folder / ".gitignore").write_text("/dist/\n")
    assert pilot.run("plan", "--roster", "org.csv", "-o", "plan.json").code == 0
    assert pilot.run("apply", "plan.json").code == 0
    assert pilot.run("drift", "--html", "drift.html").code == 0
    taken = {line.split("'")[1] for line in git(pilot, "add", "-A", "-n").splitlines()}
    assert taken == {".gitignore", "org.csv", "plan.json", "drift.html"}
    assert {line[3:] for line in git(pilot, "status", "--porcelain", "-uall").splitlines()} == taken
    settings = json.loads((pilot.dist / "support-prod/files/managed-settings.json").read_text())
    secrets = {
        "key": settings["env"]["ANTHROPIC_AUTH_TOKEN"],
        "token": (pilot.state / "gateway-admin.token").read_text().strip(),
    }
    assert [found((pilot.folder / path).read_bytes(), secrets) for path in taken] == [[]] * 4


@pytest.mark.covers("T2")
@pytest.mark.parametrize(
    "ignored", ["dist/*\n!dist/support-prod/\n", "dist/**/*.json\n", "/dist/\n!/dist/\n"]
)
def test_git_that_ignores_only_a_part_is_refused(pilot: Pilot, ignored: str) -> None:
    git(pilot, "init", "-q")
    (pilot.folder / ".gitignore").write_text(ignored)
    ran = pilot.main_job()
    assert ran.code == 2
    assert "not ignored there" in ran.err
    assert not pilot.dist.exists()


@pytest.mark.covers("T2")
def test_git_that_tracks_a_file_already_is_refused(pilot: Pilot) -> None:
    git(pilot, "init", "-q")
    path = pilot.dist / "support-prod/files/managed-settings.json"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text("{}")
    git(pilot, "add", "-A")
    (pilot.folder / ".gitignore").write_text("/dist/\n")
    ran = pilot.main_job()
    assert ran.code == 2
    assert "git rm --cached" in ran.err
    assert path.read_text() == "{}"


CHILD = """
import sys
from gateway_client.bundled.store import keys
from provisioner.cli.main import run_command

def creating(db, values, secret, now):
    sys.stdout.write(f"canary {secret.secret.get_secret_value()}\\n")
    raise RuntimeError(f"can't store {secret.secret.get_secret_value()}")

keys.create = creating
sys.exit(run_command(sys.argv[1:]))
"""


@pytest.mark.covers("T2")
def test_a_process_of_its_own_with_logging_as_it_comes(pilot: Pilot) -> None:
    """Python's last-resort handler prints warnings and errors of any library on stderr."""
    child = [sys.executable, "-X", "dev", "-W", "ignore", "-c", CHILD, "--roster", "org.csv"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        child, cwd=pilot.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3, ran.stderr
    lines = ran.stdout.splitlines()
    minted = {line: line.removeprefix("canary ") for line in lines if line.startswith("canary ")}
    assert len(minted) == 3
    rest = "\n".join(line for line in lines if line not in minted)
    assert found((rest + ran.stderr).encode(), minted) == []
    assert "RuntimeError" in ran.stderr


@pytest.mark.covers("T2", "T32")
def test_a_gateway_served_with_an_upstream(pilot: Pilot) -> None:
    assert pilot.main_job().code == 0
    settings = json.loads((pilot.dist / "support-prod/files/managed-settings.json").read_text())
    minted = SecretStr(settings["env"]["ANTHROPIC_AUTH_TOKEN"])
    token = (pilot.state / "gateway-admin.token").read_text().strip()
    secrets = {"upstream key": UPSTREAM, "minted key": minted.get_secret_value(), "token": token}
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT)}
    evidence = Evidence()
    with upstream() as url:
        serve = [sys.executable, "-m", "provisioner", "gateway", "serve"]
        serve += ["--upstream", f"anthropic-prod={url}=UPSTREAM_KEY"]
        process = subprocess.Popen(
            serve,
            cwd=pilot.folder,
            env=environment | {"UPSTREAM_KEY": UPSTREAM},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            assert process.stdout is not None
            evidence.keep("output", process.stdout.readline())
            served = json.loads((pilot.state / "gateway.json").read_text())["url"]
            for _spelling in ECHOES:
                status, answer = ask(served, minted)
                assert status == 401
                evidence.keep("answer", answer)
            if Path("/proc/self/cmdline").exists():
                evidence.keep("arguments", Path(f"/proc/{process.pid}/cmdline").read_bytes())
            process.send_signal(signal.SIGINT)
            evidence.keep("output", process.stdout.read())
    assert process.returncode == 0
    evidence.keep("database", b"".join(p.read_bytes() for p in pilot.state.glob("gateway.db*")))
    assert evidence.leaks(secrets) == []
    assert found(evidence.pieces["database"], {"name": "claude-desktop-support-prod"}), (
        "the database was read"
    )


@pytest.mark.covers("T2")
def test_an_upstream_key_pasted_into_the_command_line_is_not_repeated(pilot: Pilot) -> None:
    ran = pilot.run("gateway", "serve", "--upstream", f"anthropic-prod=https://api.anthropic.com={PASTED}")
    assert ran.code == 2
    assert found((ran.out + ran.err).encode(), {"pasted": PASTED}) == []


NEIGHBOURS = [(before, after) for before in ("", "x", "xy") for after in ("", "z", "\0\0")]


@pytest.mark.covers("T2")
@pytest.mark.parametrize("secret", [ADMIN, UPSTREAM, VAULT, VAULT[:31], VAULT[:30]], ids=range(5))
def test_the_scanner_finds_what_it_should(secret: str | bytes) -> None:
    """Each spelling by the library that writes it, the secret between any neighbours."""
    data = secret.encode() if isinstance(secret, str) else secret
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    spelt = [
        data,
        data.hex().encode(),
        data.hex("-").replace("-", "").upper().encode(),
        repr(secret).encode(),
    ]
    for before, after in NEIGHBOURS:
        whole = before.encode() + data + after.encode()
        spelt += [base64.b64encode(whole), base64.urlsafe_b64encode(whole), base64.encodebytes(whole * 3)]
        spelt += [base64.b64encode(b"Bearer " + base64.b64encode(whole))]
        spelt += [quote(whole).encode(), quote(whole, safe="").encode()]
        spelt += [json.dumps({"a": f"{before}{text}{after}"}).encode()]
        spelt += [json.dumps({"a": json.dumps([f"{before}{text}{after}"])}).encode()]
    if isinstance(secret, str):
        spelt += [text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("utf-16")]
        spelt += [base64.b64encode(text.encode("utf-16-le")), html.escape(text).encode()]
    secrets = {"it": secret}
    assert [one for one in spelt if not found(b"before " + one + b" after", secrets)] == []
    assert [name for name, one in encodings(secret).items() if not found(one, secrets)] == []
    assert found(data[: len(data) // 2 + 2], secrets), "one that was cut short"
    assert found(token_bytes(9000) + base64.b64encode(token_bytes(9000)), secrets) == []


@pytest.mark.covers("T2")
def test_the_scanner_finds_keys_where_artifacts_carry_them(pilot: Pilot) -> None:
    """In each file that says so, and in the spelling of its format."""
    (pilot.folder / "provision.toml").write_text("[intune]\nremediation_key = true\n")
    assert pilot.main_job().code == 0
    files = pilot.files()
    manifest = json.loads(files["manifest.json"])["files"]
    settings = json.loads(files["support-prod/files/managed-settings.json"])
    secrets = {"key": settings["env"]["ANTHROPIC_AUTH_TOKEN"]}
    holders = {f["path"] for f in manifest if f["holds_secret"] and f["assignment"] == "support-prod"}
    hits = {path: found(data, secrets) for path, data in files.items()}
    assert {path for path, hit in hits.items() if hit} == holders
    intune = "support-prod/intune"
    for path, spelling in {
        "support-prod/files/managed-settings.json": "raw",
        f"{intune}/macos/graph-macOSCustomConfiguration.json": "base64",
        f"{intune}/windows/AIGateway-support-prod.reg": "utf-16-le",
        f"{intune}/windows/remediate.ps1": "base64",
        f"{intune}/windows/graph-deviceHealthScript.json": "base64",
    }.items():
        assert any(hit.partition(" as ")[2].startswith(spelling) for hit in hits[path]), path
    raw = secrets["key"].encode()
    assert raw not in files[f"{intune}/windows/remediate.ps1"]

"""A desk under watch: known secrets, everything that a run leaves behind, and others who quote secrets."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import stat
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from gateway_client import portkey_wire
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url
from provisioner.cli.context import vault_key_file
from tests.support import gateway_portkey as simulator
from tests.support.gateway_portkey import PortkeySimulator, Request
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


@contextmanager
def watched(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], temporary: Path
) -> Iterator[Watch]:
    """Put a desk under watch: every logger on, every child process, warning and minted key noted."""
    watch = Watch(pilot, Evidence(), [], [])
    vault_key_file().parent.mkdir(parents=True, mode=0o700)
    vault_key_file().touch(0o600)
    vault_key_file().write_bytes(base64.b64encode(VAULT) + b"\n")
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
    rest = Evidence()
    rest.keep("warnings", "\n".join(str(w.message) for w in warned))
    for name, text in zip(("stdout", "stderr"), capfd.readouterr(), strict=True):
        rest.keep(f"the process's {name}", text)
    assert rest.leaks(watch.secrets) == []


@contextmanager
def organisation(pilot: Pilot, **settings: Any) -> Iterator[Embedded]:
    """Serve a gateway whose admin key is the canary, and name it in the fleet file."""
    with Embedded(GatewaySettings(pilot.folder / "elsewhere.db", SecretStr(ADMIN), **settings)) as served:
        name_gateway(pilot, served.url)
        yield served


def name_gateway(pilot: Pilot, url: str, source: str = '{ env = "GATEWAY_ADMIN" }', more: str = "") -> None:
    (pilot.folder / "provision.toml").write_text(
        f'{more}\n[gateway]\nproduct = "portkey"\nurl = "{url}"\nadmin_key = {source}\n'
    )


@contextmanager
def behind_the_back(served: Embedded) -> Iterator[PortkeyGateway]:
    """Talk to the gateway as another administrator."""
    with closing(Door(parse_gateway_url(served.url), SecretStr(ADMIN))) as door:
        yield PortkeyGateway(door)


ECHOES: dict[str, Callable[[str], Any]] = {
    "raw": lambda key: {"message": f"Invalid API key {key}."},
    "as a command": lambda key: {"error": {"message": f"curl -H 'x-portkey-api-key: {key}' failed"}},
    "as the code": lambda key: {"errorCode": key, "message": "no"},
    "as bare text": lambda key: {"detail": f"who is {key}"},
    "cut short": lambda key: {"data": {"message": "x" * (300 - len(key) * 2 // 3) + key}},
    "cut short in base64": lambda key: {"message": "x" * 260 + base64.b64encode(key.encode()).decode()},
    "percent": lambda key: {"message": f"GET /?key={quote(key, safe='')}"},
    "percent, in part": lambda key: {"message": f"GET /?key={quote(key)}"},
    "plus and percent": lambda key: {"message": f"GET /?{urlencode({'key': key})}"},
    "basic": lambda key: {"message": f"Basic {base64.b64encode(f'u:{key}'.encode()).decode()}"},
    "bearer in base64": lambda key: {"message": base64.b64encode(f"Bearer {key}".encode()).decode()},
    "base64": lambda key: {"message": base64.b64encode(key.encode()).decode()},
    "base64url": lambda key: {"message": base64.urlsafe_b64encode(key.encode()).decode()},
    "base64 in lines": lambda key: {"message": base64.encodebytes(f"x-api-key: {key}".encode() * 2).decode()},
    "headers as json": lambda key: {"message": json.dumps({"headers": {"x-portkey-api-key": key}})},
    "headers as python": lambda key: {"message": repr({"x-portkey-api-key": key})},
    "html": lambda key: {"message": f"<b>{html.escape(key)}</b>"},
    "hex": lambda key: {"message": key.encode().hex()},
    "HEX": lambda key: {"message": key.encode().hex().upper()},
    "every character escaped": lambda key: {"message": "".join(f"\\u{ord(c):04x}" for c in key)},
}


@contextmanager
def hostile(pilot: Pilot) -> Iterator[PortkeySimulator]:
    """Run a stand-in for Portkey that takes the canary for its admin key, and name it in the fleet file."""
    with simulator.simulating() as simulated:
        does, mints = simulated.answer, simulated._secret

        def answer(request: Request) -> dict[str, Any]:
            if request.headers.get("x-portkey-api-key") == ADMIN:
                ours = dict(request.headers) | {"x-portkey-api-key": simulator.ADMIN_KEY}
                request = replace(request, headers=ours)
            return does(request)

        def secret(key_id: str) -> str:
            mints(key_id)
            simulated.secrets[key_id] = f"m1nt{len(simulated.secrets)}+{token_hex(20)}/="
            return simulated.secrets[key_id]

        simulated.answer, simulated._secret = answer, secret  # type: ignore[method-assign]
        name_gateway(pilot, simulated.url, more='mdm = ["files"]')
        yield simulated


def echoes(simulated: PortkeySimulator, method: str, path: str, status: int = 400) -> None:
    """Refuse such calls, and quote the caller's credential in another spelling each time."""
    spellings = itertools.cycle(ECHOES.values())

    def act(handler: Any) -> None:
        headers = handler.headers
        key = headers.get("x-portkey-api-key") or headers["Authorization"].removeprefix("Bearer ")
        handler.reply(status, json.dumps(next(spellings)(key)).encode())

    simulated.fault(method, path, act, times=9999)


@contextmanager
def upstream() -> Iterator[str]:
    """Run a service that refuses its key and quotes it, in another spelling each time."""
    spellings = itertools.cycle(ECHOES.values())

    class Quoting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            quoted = next(spellings)(self.headers["x-api-key"])
            body = json.dumps({"type": "error", "quoted": True, **quoted}).encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("anthropic-quoted", self.headers["x-api-key"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quoting)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(url: str, key: SecretStr) -> tuple[int, bytes]:
    """Send a message as a client does; return status, and headers with body."""
    body = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    bearer = {"Authorization": f"Bearer {key.get_secret_value()}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPConnection, "debuglevel", 0)  # this client's own printing is none of the tool's
        answer = requests.post(f"{url}/v1/messages", json=body, headers=bearer, timeout=20)
    return answer.status_code, repr(dict(answer.headers)).encode() + answer.content

"""Starting, binding, stopping: embedded and in the foreground, with TLS and without (T32)."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.errors import BindRefused, PortTaken, ServeError, StoreInUse, StoreUnusable
from gateway_client.bundled.server import Embedded, Tls, serve
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream, is_loopback

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "foreground-admin-token"


def settings(database: Path) -> GatewaySettings:
    return GatewaySettings(database, SecretStr(TOKEN))


def test_embedded_lives_as_long_as_its_block_and_keeps_its_identity(database: Path) -> None:
    with Embedded(settings(database)) as first:
        assert requests.get(first.url + "/v1/health", timeout=20).json()["instance_id"] == first.instance_id
        url, identity = first.url, first.instance_id
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/v1/health", timeout=20)
    with Embedded(settings(database)) as again:
        assert again.instance_id == identity
    with Embedded(settings(database.with_name("other.db"))) as other:
        assert other.instance_id != identity
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gateway")]


def test_what_is_written_is_for_the_owner_only(database: Path) -> None:
    with Embedded(settings(database)):
        assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700
        for file in database.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_state_survives_and_the_log_is_written_on_a_normal_stop(database: Path) -> None:
    admin = {"x-portkey-api-key": TOKEN}
    with Embedded(settings(database)) as gateway:
        body = {"name": "k", "scopes": ["completions.write"]}
        url = gateway.url + "/v1/api-keys/workspace/service"
        key = requests.post(url, json=body, headers=admin, timeout=20).json()["key"]
        for _ in range(20):
            ask(gateway.url, key)
    with Embedded(settings(database)) as gateway:
        logs = requests.get(gateway.url + "/v1/logs", headers=admin, timeout=20).json()
        assert logs["total"] == 20
        assert ask(gateway.url, key).status_code == 200


def ask(url: str, key: str) -> requests.Response:
    body = {"model": "vertex/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return requests.post(url + "/v1/messages", json=body, headers={"x-portkey-api-key": key}, timeout=20)


def test_a_taken_port_is_told(database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"can't listen on 127.0.0.1 port {port}") as caught:
            Embedded(settings(database), port=port).__enter__()
    assert caught.value.hint == "stop what listens there, or choose another port"
    assert not database.exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("email,team,env\n" * 100)
    with pytest.raises(StoreUnusable, match="can't be used as the gateway's database"):
        Embedded(settings(file)).__enter__()


def test_two_gateways_never_serve_one_database(database: Path) -> None:
    """Each would count for itself, and go on knowing what the other revoked."""
    with Embedded(settings(database)), pytest.raises(StoreInUse, match="another gateway is being served"):
        Embedded(settings(database)).__enter__()
    with Embedded(settings(database)):
        pass


def test_a_database_of_another_version_is_told(database: Path) -> None:
    with Embedded(settings(database)):
        pass
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE identity SET schema_version = 99")
    connection.close()
    with pytest.raises(StoreUnusable, match="is of schema 99, this gateway needs 2"):
        Embedded(settings(database)).__enter__()


@pytest.mark.covers("T32")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example", ""])
def test_no_bind_off_loopback_without_tls(database: Path, host: str) -> None:
    with pytest.raises(BindRefused, match="without TLS"):
        serve(settings(database), host=host, port=0)
    assert not database.exists()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.evil.example", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.fixture
def foreground(database: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `serve_gateway.py`; every process is ended."""
    running: list[subprocess.Popen[str]] = []

    def start(**asked: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve_gateway.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        running.append(process)
        assert process.stdin
        process.stdin.write(json.dumps({"database": str(database), "admin_token": TOKEN, **asked}) + "\n")
        process.stdin.flush()
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_foreground_stops_gracefully_and_loses_nothing(
    foreground: Callable[..., subprocess.Popen[str]], database: Path, ending: signal.Signals
) -> None:
    process = foreground()
    assert process.stdout
    url = process.stdout.readline().strip()
    admin = {"x-portkey-api-key": TOKEN}
    body = {"name": "k", "scopes": ["completions.write"]}
    reply = requests.post(f"{url}/v1/api-keys/workspace/service", json=body, headers=admin, timeout=20)
    assert ask(url, reply.json()["key"]).status_code == 200
    process.send_signal(ending)
    out, err = process.communicate(timeout=20)
    assert process.returncode == (-signal.SIGTERM if ending == signal.SIGTERM else 0)
    assert (out, err) == ("", "")
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT status FROM request_log").fetchall() == [(200,)]
    connection.close()


@pytest.mark.covers("S189")
def test_requests_that_outlast_a_stop_are_told_to_try_again(
    database: Path, fake_upstream: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for its answer, and one whose stream has begun."""
    monkeypatch.setattr(server, "STOP_SECONDS", 0.5)
    asked, begun, released = threading.Event(), threading.Event(), threading.Event()

    def wait(_handler: Any, _params: Any) -> None:
        asked.set()
        released.wait(20)

    def stall(handler: Any, _params: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b'event: ping\ndata: {"type": "ping"}\n\n')
        handler.close_connection = True
        released.wait(20)

    fake_upstream.behaviours |= {"waits": wait, "stalls": stall}
    upstream = {"bedrock-prod": HttpUpstream(fake_upstream.url, SecretStr("key-of-the-upstream"))}
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor() as pool:
        with Embedded(GatewaySettings(database, SecretStr(TOKEN), upstreams=upstream)) as gateway:
            url, admin = gateway.url, {"x-portkey-api-key": TOKEN}
            body = {"name": "k", "scopes": ["completions.write"]}
            minted = requests.post(
                f"{url}/v1/api-keys/workspace/service", json=body, headers=admin, timeout=20
            )

            def send(model: str) -> tuple[requests.Response, bytes]:
                asking = {"model": f"@bedrock-prod/{model}", "max_tokens": 9, "messages": [{"role": "user"}]}
                headers = {"x-portkey-api-key": minted.json()["key"]}
                messages = f"{url}/v1/messages"
                with requests.post(messages, json=asking, headers=headers, timeout=20, stream=True) as reply:
                    first = reply.raw.read(1)
                    begun.set()
                    return reply, first + reply.raw.read()

            stream, waiting = pool.submit(send, "stalls"), pool.submit(send, "waits")
            assert begun.wait(10)
            assert asked.wait(10)
        released.set()
    refused, text = waiting.result()
    assert (refused.status_code, json.loads(text)["message"]) == (503, "the gateway is stopping; try again")
    assert refused.headers["x-portkey-trace-id"]
    answered, text = stream.result()
    assert answered.status_code == 200
    assert b"event: ping" in text
    assert text.rstrip().endswith(b'"message": "the gateway is stopping; try again"}}')
    (line,) = [entry.getMessage() for entry in caplog.records]
    assert line == "2 requests were still running 0.5 s after the stop, and told to try again"
    with Embedded(settings(database)) as gateway:
        logs = requests.get(f"{gateway.url}/v1/logs", headers=admin, timeout=20).json()["data"]
    assert {(row["status"], row["outcome"]) for row in logs} == {
        (503, "gateway stopped"),
        (200, "gateway stopped"),
    }


def test_an_acknowledged_key_survives_a_kill(
    foreground: Callable[..., subprocess.Popen[str]], database: Path
) -> None:
    process = foreground()
    assert process.stdout
    url = process.stdout.readline().strip()
    body = {"name": "k", "scopes": ["completions.write"]}
    admin = {"x-portkey-api-key": TOKEN}
    reply = requests.post(f"{url}/v1/api-keys/workspace/service", json=body, headers=admin, timeout=20)
    process.kill()
    process.wait()
    with Embedded(settings(database)) as gateway:
        assert ask(gateway.url, reply.json()["key"]).status_code == 200


@pytest.mark.covers("T32")
def test_tls_and_faults_in_the_foreground(
    foreground: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    process = foreground(certificate=str(certificate), key=str(key), drop_before=[1])
    assert process.stdout
    url = process.stdout.readline().strip()
    assert url.startswith("https://127.0.0.1:")
    assert requests.get(url + "/v1/health", verify=str(ca), timeout=20).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.post(url + "/v1/configs", headers={"x-portkey-api-key": TOKEN}, verify=str(ca), timeout=20)


def test_a_bad_certificate_is_told(database: Path, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    for certificate in (tmp_path / "cert.pem", tmp_path / "missing.pem"):
        with pytest.raises(ServeError, match="the certificate or its key can't be used"):
            serve(settings(database), port=0, tls=Tls(certificate, certificate))


def test_a_missing_certificate_or_key_is_named(database: Path, tmp_path: Path) -> None:
    pair = Tls(tmp_path / "cert.pem", tmp_path / "missing.pem")
    pair.certificate.write_text("no certificate")
    with pytest.raises(ServeError, match=r"missing\.pem: No such file") as caught:
        serve(settings(database), port=0, tls=pair)
    assert "cert.pem" not in caught.value.message


def test_a_key_with_a_password_is_told_and_nobody_asked(database: Path, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    with pytest.raises(ServeError, match=r"key\.pem wants a password"):
        serve(settings(database), port=0, tls=Tls(certificate, key))


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "a name that leads to one"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "an address that this machine has"),
        (OSError(errno.EACCES, "Permission denied"), "choose a port from 1024 on"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "stop what listens there"),
    ],
)
def test_the_hint_fits_what_keeps_it_from_listening(
    database: Path, monkeypatch: pytest.MonkeyPatch, failure: OSError, hint: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    with pytest.raises(PortTaken) as caught:
        serve(settings(database), host="gw.acme.example", port=0, allow_insecure_bind=True)
    assert hint in caught.value.hint


def test_an_insecure_bind_must_be_meant(foreground: Callable[..., subprocess.Popen[str]]) -> None:
    process = foreground(host="0.0.0.0", allow_insecure_bind=True)
    assert process.stdout
    url = process.stdout.readline().strip()
    assert url.startswith("http://0.0.0.0:")
    port = url.rpartition(":")[2]
    assert requests.get(f"http://127.0.0.1:{port}/v1/health", timeout=20).status_code == 200


def test_a_bug_of_ours_is_one_500_with_a_trace_id(
    database: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway_client.bundled.store import configs

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(configs, "page", broken)
    with caplog.at_level(logging.ERROR), Embedded(settings(database)) as gateway:
        admin = {"x-portkey-api-key": TOKEN}
        reply = requests.get(gateway.url + "/v1/configs", headers=admin, timeout=20)
        audit = requests.get(gateway.url + "/v1/audit", headers=admin, timeout=20).json()["data"]
    assert reply.status_code == 500
    assert reply.json()["data"] == {"message": "Something went wrong", "errorCode": "AB04"}
    assert reply.headers["x-portkey-trace-id"]
    assert audit[0]["status"] == 500
    assert TOKEN not in caplog.text

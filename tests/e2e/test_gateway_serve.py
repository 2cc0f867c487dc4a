"""`provision gateway serve`: the gateway of the first run, in the foreground, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.pilot import Pilot, new_pilot

SECONDS = 30


@contextmanager
def served(pilot: Pilot, *more: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve, and give the process and its URL; it is stopped by its id at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "provisioner", "gateway", "serve", *more],
        cwd=pilot.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stderr is not None
        line = child.stderr.readline()
        assert " is at http" in line, line + child.stderr.read()
        yield child, line.split(" is at ")[1].split(";")[0]
    finally:
        child.kill()
        child.communicate()


def message(url: str, key: str) -> requests.Response:
    body = {"model": "claude-opus-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    return requests.post(
        f"{url}/v1/messages", json=body, headers={"authorization": f"Bearer {key}"}, timeout=10
    )


def key_in(pilot: Pilot) -> str:
    settings = json.loads((pilot.dist / "support-prod/files/managed-settings.json").read_text())
    return str(settings["env"]["ANTHROPIC_AUTH_TOKEN"])


def test_the_served_gateway_knows_the_keys_and_the_tool_uses_it(pilot: Pilot) -> None:
    assert pilot.main_job().code == 0
    with served(pilot) as (_child, url):
        assert url == json.loads((pilot.state / "gateway.json").read_text())["url"]
        answer = message(url, key_in(pilot))
        assert answer.status_code == 200
        assert answer.json()["content"][0]["text"] == "echo: hi"
        again = pilot.main_job()
        assert again.code == 0
        assert "nothing to do" in again.out
        assert pilot.run("drift").code == 0
        twice = pilot.run("gateway", "serve")
        assert twice.code == 75
        assert url in twice.err


def test_a_revoked_key_is_refused_at_once(pilot: Pilot) -> None:
    pilot.main_job()
    key = key_in(pilot)
    with served(pilot) as (_child, url):
        pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
        assert pilot.main_job("--prune", "--max-revoke", "9").code == 0
        assert message(url, key).status_code == 401


def test_it_stops_gracefully(pilot: Pilot) -> None:
    with served(pilot) as (child, _url):
        child.send_signal(signal.SIGINT)
        _out, err = child.communicate(timeout=SECONDS)
    assert child.returncode == 0
    assert "stopped" in err
    assert "Traceback" not in err


@pytest.mark.covers("T32")
def test_off_loopback_without_tls_it_does_not_start(pilot: Pilot) -> None:
    ran = pilot.run("gateway", "serve", "--host", "0.0.0.0")
    assert ran.code == 2
    assert "without TLS" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--upstream", "anthropic-prod"), "SLUG=URL=VARIABLE"),
        (("--upstream", "anthropic-prod=https://api.anthropic.com=UNSET"), "no upstream key"),
        (("--upstream", "no-such=http://127.0.0.1:9=KEY"), "not declared"),
        (("--upstream", "anthropic-prod=http://gw.example.com=KEY"), "loopback"),
        (("--tls-cert", "a.pem"), "go together"),
    ],
)
def test_bad_options_are_told(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("KEY", "sk-test")
    ran = pilot.run("gateway", "serve", *options)
    assert ran.code == 2
    assert told in ran.err


def test_an_upstream_answers_with_its_own_key(pilot: Pilot, tmp_path: Path) -> None:
    """The upstream is a second bundled gateway; its key never was the client's."""
    pilot.main_job()
    (tmp_path / "other").mkdir()
    other = new_pilot(tmp_path / "other")
    other.main_job()
    with served(other) as (_one, upstream):
        option = f"anthropic-prod={upstream}=UPSTREAM_KEY"
        with served(pilot, "--upstream", option, UPSTREAM_KEY=key_in(other)) as (_two, url):
            answer = message(url, key_in(pilot))
    # x-api-key is not a credential of a Portkey gateway, so the far end's refusal comes through unchanged
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "03"

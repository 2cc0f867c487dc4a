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

from tests.support.pilot import Pilot, free_port, new_pilot

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


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_stops_gracefully(pilot: Pilot, ending: signal.Signals, code: int) -> None:
    with served(pilot) as (child, _url):
        child.send_signal(ending)
        _out, err = child.communicate(timeout=SECONDS)
    assert child.returncode == code
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
        (("--upstream", "anthropic-prod=https://x.example/v1=KEY"), "write https://x.example"),
        (
            ("--upstream", "anthropic-prod=https://x.example=BROKEN"),
            "--upstream anthropic-prod: upstream key:",
        ),
        (("--tls-cert", "a.pem"), "go together"),
    ],
)
def test_bad_options_are_told(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("KEY", "sk-test")
    monkeypatch.setenv("BROKEN", "sk-canary\nx-evil: b")
    ran = pilot.run("gateway", "serve", *options)
    assert ran.code == 2
    assert "canary" not in ran.err
    assert told in ran.err


def ended(child: subprocess.Popen[str]) -> str:
    """Stop the gateway and return what it said after its first line."""
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    told = child.stderr.read()  # `communicate` would pass over what was read ahead with the first line
    child.wait(SECONDS)
    return told


def test_it_says_where_things_are_and_tells_events(pilot: Pilot) -> None:
    pilot.main_job()
    with served(pilot) as (child, url):
        assert message(url, key_in(pilot)).status_code == 200
        assert message(url, "wrong").status_code == 401
        told = ended(child).splitlines()
    assert told[0] == "provision: its admin token is in .provision/gateway-admin.token"
    assert f"{url}/logs" in told[1]
    assert f"{url}/mcp" in told[1]
    assert (
        told[2] == "provision: providers: @anthropic-prod, @bedrock-prod, @vertex-prod, @azure-prod the echo"
    )
    assert not [line for line in told if "no keys yet" in line]
    events = [line for line in told if "claude-desktop-support-prod" in line]
    assert len(events) == 1, told
    assert " 200 " in events[0]
    assert "anthropic-prod claude-opus-5-5" in events[0]
    assert not [line for line in told if "WARNING" in line], "bodies are not logged"
    with served(pilot, "--quiet") as (child, url):
        assert message(url, key_in(pilot)).status_code == 200
        assert "claude-desktop-support-prod" not in ended(child)


def test_nobody_has_to_read_its_lines(pilot: Pilot) -> None:
    """More than a pipe holds: the gateway answers and logs on."""
    pilot.main_job()
    with served(pilot) as (_child, url), requests.Session() as session:
        token = (pilot.state / "gateway-admin.token").read_text().strip()
        admin = {"x-portkey-api-key": token}
        path = f"{url}/v1/configs/" + "long-" * 100
        for _ in range(200):
            session.delete(path, headers=admin, timeout=10)
        assert message(url, key_in(pilot)).status_code == 200
        logged = session.get(f"{url}/v1/audit", headers=admin, timeout=10).json()
        assert logged["total"] > 200


@pytest.mark.covers("T32")
@pytest.mark.parametrize("how", ["option", "file"])
def test_that_bodies_are_logged_is_told(pilot: Pilot, how: str) -> None:
    (pilot.folder / "own.toml").write_text("log_bodies = true\nretention_days = 7\n")
    options = ("--log-bodies",) if how == "option" else ("--settings", "own.toml")
    with served(pilot, *options) as (child, _url):
        assert "WARNING: prompts and answers are written down" in ended(child)


BAD_SETTINGS = """\
log_bodys = true
retention_days = -1

[[provider]]
slug = "anthropic-prod"
url = "http://gw.example.com"
key = { env = "KEY" }

[[mcp_server]]
slug = "wiki"
url = "https://mcp.example.com"
key = { env = "NOT_SET" }
"""


def test_every_problem_of_the_settings_file_is_told_with_its_line(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "sk-test")
    (pilot.state / "gateway.toml").write_text(BAD_SETTINGS)
    ran = pilot.run("gateway", "serve")
    assert ran.code == 2
    told = [
        line.split("gateway.toml:")[1].split(" - ")[0] for line in ran.err.splitlines() if ".toml:" in line
    ]
    assert told == [
        "1: log_bodys: UNKNOWN_KEY: unknown key",
        '2: retention_days: BAD_VALUE: is out of range "-1"',
        "6: provider[0].url: BAD_VALUE: http is for loopback only, the key would travel in the clear",
        '12: mcp_server[0].key: MISSING_KEY: names an environment variable that is not set "NOT_SET"',
    ]


def test_a_settings_file_that_is_named_must_be_there(pilot: Pilot) -> None:
    ran = pilot.run("gateway", "serve", "--settings", "none.toml")
    assert (ran.code, "can't read none.toml" in ran.err) == (2, True)


@pytest.mark.covers("S151")
def test_providers_of_the_file_and_added_ones_answer(pilot: Pilot, tmp_path: Path) -> None:
    """The service behind both is a second bundled gateway, whose keys travel as bearer tokens."""
    pilot.main_job()
    (tmp_path / "other").mkdir()
    other = new_pilot(tmp_path / "other")
    other.main_job()
    key = key_in(other)
    with served(other) as (_one, upstream):
        (pilot.folder / "own.toml").write_text(
            f'[[provider]]\nslug = "anthropic-prod"\nurl = "{upstream}"\nauth = "bearer"\n'
            'key = { env = "UPSTREAM_KEY" }\n'
        )
        with served(pilot, "--settings", "own.toml", UPSTREAM_KEY=key) as (_two, url):
            assert message(url, key_in(pilot)).status_code == 200
        assert requests_logged(other, upstream) == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("UPSTREAM_KEY", key)
            added = pilot.run(
                *("gateway", "provider", "add", "anthropic-prod", "--url", upstream),
                *("--auth", "bearer", "--key-from", "UPSTREAM_KEY"),
            )
        assert added.code == 0, added.err
        with served(pilot) as (_two, url):
            assert message(url, key_in(pilot)).status_code == 200
        assert requests_logged(other, upstream) == 2


def requests_logged(pilot: Pilot, url: str) -> int:
    token = (pilot.state / "gateway-admin.token").read_text().strip()
    reply = requests.get(f"{url}/v1/logs", headers={"x-portkey-api-key": token}, timeout=10)
    return int(reply.json()["total"])


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


def test_another_port_leaves_what_is_rolled_out_alone(pilot: Pilot) -> None:
    assert pilot.main_job().code == 0
    remembered = (pilot.state / "gateway.json").read_bytes()
    before = pilot.files()
    first = json.loads(remembered)["url"]
    port = free_port()
    with served(pilot, "--port", str(port)) as (child, url):
        assert url == f"http://127.0.0.1:{port}"
        assert message(url, key_in(pilot)).status_code == 200
        ran = pilot.main_job()
        assert ran.code == 1
        assert "another gateway is being served from" in ran.err
        assert "serve it without --host, --port and TLS" in ran.err
        told = ended(child)
    assert f"what is rolled out points to {first}; serve without --port for that" in told
    assert (pilot.state / "gateway.json").read_bytes() == remembered
    again = pilot.main_job()
    assert (again.code, "nothing to do" in again.out) == (0, True)
    assert pilot.files() == before


def test_the_first_port_is_remembered(pilot: Pilot) -> None:
    (pilot.state / "gateway.json").unlink()
    with served(pilot, "--port", str(free_port())) as (child, url):
        assert json.loads((pilot.state / "gateway.json").read_text())["url"] == url
        told = ended(child)
    assert "it has no keys yet: provision --roster FILE makes them" in told
    assert "what is rolled out" not in told


def test_all_addresses_are_told_as_such(pilot: Pilot) -> None:
    port = free_port()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "provisioner", "gateway", "serve"),
            *("--host", "0.0.0.0", "--insecure-bind", "--port", str(port)),
        ],
        cwd=pilot.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stderr is not None
        first = child.stderr.readline()
        assert f"on all addresses of this machine, port {port};" in first
        assert "0.0.0.0" not in first + ended(child)
    finally:
        child.kill()
        child.communicate()


BAD_ENTRIES = """\
[[provider]]
slug = "anthropic prod"
url = 5
key = { env = "sk-pasted-canary" }

[[provider]]
slug = "mine"
url = "https://x.example/v1/"
key = { env = "BROKEN" }

[[provider]]
slug = "mine"
url = "https://x.example"
key = { env = "KEY" }

[[mcp_server]]
slug = "My Wiki"
url = "https://user:pw@mcp.example.com"
header = "x key"
key = { env = "BROKEN" }
"""


def test_problems_of_all_kinds_come_at_once(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-test\n")
    monkeypatch.setenv("BROKEN", "sk-canary\nx-evil: b")
    (pilot.state / "gateway.toml").write_text(BAD_ENTRIES)
    ran = pilot.run("gateway", "serve")
    assert ran.code == 2
    assert "canary" not in ran.err
    told = [
        line.split("gateway.toml:")[1].split(" - ")[0] for line in ran.err.splitlines() if ".toml:" in line
    ]
    unsendable = 'BAD_KEY: names an environment variable whose value no header can carry "BROKEN"'
    assert told == [
        '2: provider[0].slug: BAD_VALUE: is no slug "anthropic prod"',
        "3: provider[0].url: WRONG_TYPE: should be text, is a whole number",
        "4: provider[0].key.env: BAD_VALUE: is no name of an environment variable",
        "8: provider[1].url: BAD_VALUE: ends in /v1, which the gateway appends itself; write https://x.example",
        f"9: provider[1].key: {unsendable}",
        '12: provider[2].slug: DUPLICATE: is there twice "mine"',
        '17: mcp_server[0].slug: BAD_VALUE: is no slug "My Wiki"',
        "18: mcp_server[0].url: BAD_VALUE: takes no user, query or fragment",
        "19: mcp_server[0].header: BAD_VALUE: is no header's name",
        f"20: mcp_server[0].key: {unsendable}",
    ]

"""The real `claude` with the rendered managed settings: no login, and no way around the gateway.

It runs as nobody in a network that has only loopback (so that nothing else can be reached), with an
`/etc` of its own. Every port is free there, so that the addresses below can stand as they are.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support import claude_namespaces as namespaces
from tests.support.claude_desk import Desk
from tests.support.claude_hostile import NEUTRALISED, OWN, REFUSED, TRAP_PORT
from tests.support.claude_namespaces import CLAUDE, Network, Ran
from tests.support.claude_recorder import Recorder, listening

GATEWAY = "http://127.0.0.1:8080"
RECORDER_PORT = 9001

# None of these is what the client's own aliases mean: what goes out comes from the settings.
PINS = {
    "opus": "claude-opus-4-8",
    "sonnet": "claude-sonnet-4-6",
    "haiku": "claude-haiku-4-5-20251001",
    "fable": "claude-fable-5",
}
PILOT_ROSTER = "email,team,env,platform\nalice@acme.com,Engineering,prod,linux\n"
PILOT_FLEET = 'profile = "pinned"\n'
PINNED = 'extends = "standard"\n[models]\n' + "".join(
    f'{alias} = "{model}"\n' for alias, model in PINS.items()
)

COST_CENTRE = "x-portkey-config: pc-admin; R&D's (4711), x=1"
OWN_ROSTER = f'email,team,env,platform,cost_centre\ndana@acme.com,Research,prod,linux,"{COST_CENTRE}"\n'
OWN_FLEET = """\
[keys]
scope = "person"
[roster]
metadata = ["cost_centre"]
[claude_code]
minimum_version = "2.1.285"
[gateway]
product = "portkey"
url = "{gateway}"
data_url = "http://127.0.0.1:{recorder}"
admin_key = {{ file = "{token_file}" }}
"""
DANA = {
    "tenant": "acme",
    "user": "dana@acme.com",
    "team": "research",
    "env": "prod",
    "_user": "dana@acme.com",
    "rev": "1",
    "cost_centre": COST_CENTRE,
}


@pytest.fixture(scope="module")
def pilot_desk(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The README's first steps: the main job, then `provision gateway serve`."""
    desk = Desk(tmp_path_factory.mktemp("pilot"), roster=PILOT_ROSTER, fleet=PILOT_FLEET)
    (desk.folder / "profiles").mkdir()
    (desk.folder / "profiles" / "pinned.toml").write_text(PINNED)
    with network.entered():
        desk.main_job()
        with desk.served() as said:
            assert f"is at {GATEWAY};" in said
            yield desk


@pytest.fixture(scope="module")
def recorder(network: Network) -> Iterator[Recorder]:
    with network.entered(), listening(RECORDER_PORT, onward=GATEWAY.removeprefix("http://")) as made:
        yield made


@pytest.fixture(scope="module")
def trap(network: Network) -> Iterator[Recorder]:
    with network.entered(), listening(TRAP_PORT) as made:
        yield made


@pytest.fixture(scope="module")
def own_desk(
    network: Network, pilot_desk: Desk, recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """A gateway of the organisation's own; its clients' address is the recorder's. A key per person."""
    fleet = OWN_FLEET.format(gateway=GATEWAY, recorder=RECORDER_PORT, token_file=pilot_desk.token_file)
    desk = Desk(tmp_path_factory.mktemp("own"), roster=OWN_ROSTER, fleet=fleet)
    with network.entered():
        desk.main_job("--yes")
    return desk


@pytest.fixture(autouse=True)
def inside(network: Network) -> Iterator[None]:
    with network.entered():
        yield


@dataclass(frozen=True, slots=True)
class Session:
    """One `claude -p`, with what the gateway logged of it."""

    ran: Ran
    logged: list[dict[str, Any]]


Ask = Callable[..., Session]
"""(managed settings, prompt, further arguments) to the session."""


@pytest.fixture
def ask(tmp_path: Path, pilot_desk: Desk) -> Ask:
    def asked(policy: Path, prompt: str, *arguments: str) -> Session:
        session = str(uuid.uuid4())
        command = (CLAUDE, "-p", prompt, "--session-id", session, *arguments)
        ran = namespaces.run(*command, home=tmp_path, policy=policy)
        return Session(ran, [entry for entry in pilot_desk.logs() if entry["session_id"] == session])

    return asked


def test_the_room_is_private(tmp_path: Path, pilot_desk: Desk) -> None:
    def outside() -> tuple[list[Path], str]:
        return sorted(Path("/etc").iterdir()), Path("/proc/self/mounts").read_text()

    before = outside()
    shell = "id -u; id -G; stat -c '%u %a' /etc/claude-code/managed-settings.json; tail -n +2 /proc/net/route"
    ran = namespaces.run("sh", "-c", shell, home=tmp_path, policy=pilot_desk.managed_settings)
    assert ran == Ran(0, "65534\n65534\n0 644\n", "")
    assert outside() == before


@pytest.mark.covers("S124", "S125", "C10")
def test_it_works_without_login_as_the_teams_key(ask: Ask, pilot_desk: Desk) -> None:
    session = ask(pilot_desk.managed_settings, "hello")
    assert (session.ran.code, session.ran.out) == (0, "echo: hello\n"), session.ran
    (entry,) = session.logged
    assert entry["key"]["name"] == "claude-desktop-engineering-prod"
    # tenant, team and env are the key's, rev came in the header; a plain file for a team names no person
    assert entry["metadata"] == {"tenant": "acme", "team": "engineering", "env": "prod", "rev": "1"}
    assert entry["contradicted"] == {}
    assert (entry["model_asked"], entry["model_served"]) == (PINS["opus"], PINS["opus"])
    assert (entry["provider"], entry["status"], entry["outcome"]) == ("anthropic-prod", 200, "answered")
    assert entry["user_agent"].startswith("claude-cli/")
    assert entry["settings_checksum"] is None  # without a version floor no client is asked for it
    assert entry["output_tokens"] > 0


def test_a_tool_call_goes_round(ask: Ask, pilot_desk: Desk) -> None:
    call = '[[tool:Bash {"command": "echo made-by-the-shell-$((6*7))", "description": "says a number"}]]'
    session = ask(pilot_desk.managed_settings, call)
    assert (session.ran.code, session.ran.out) == (0, "tool result: made-by-the-shell-42\n"), session.ran
    asked, answered = session.logged
    assert asked["key"] == answered["key"]
    assert asked["status"] == answered["status"] == 200
    assert answered["input_tokens"] > asked["input_tokens"]


@pytest.mark.parametrize("alias", PINS)
def test_an_alias_goes_out_as_it_is_pinned(ask: Ask, pilot_desk: Desk, alias: str) -> None:
    session = ask(pilot_desk.managed_settings, "hello", "--model", alias)
    assert session.ran.code == 0, session.ran
    assert {entry["model_asked"] for entry in session.logged} == {PINS[alias]}


@pytest.mark.covers("T22")
def test_claims_against_the_key_are_logged_as_such(pilot_desk: Desk) -> None:
    claim = {"tenant": "other", "team": "ceo", "env": "dev", "user": "boss@acme.com"}
    headers = {
        "authorization": f"Bearer {pilot_desk.settings['env']['ANTHROPIC_AUTH_TOKEN']}",
        "x-portkey-metadata": json.dumps(claim),
    }
    body = {"model": PINS["opus"], "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    reply = requests.post(f"{GATEWAY}/v1/messages", json=body, headers=headers, timeout=20)
    assert reply.status_code == 200, reply.text
    entry = pilot_desk.logs()[-1]
    assert entry["key"]["name"] == "claude-desktop-engineering-prod"
    # `user` is a label on a team's key: whoever holds the key can write another one
    assert entry["metadata"] == {
        "tenant": "acme",
        "team": "engineering",
        "env": "prod",
        "user": "boss@acme.com",
    }
    assert entry["contradicted"] == {"tenant": "other", "team": "ceo", "env": "dev"}


@pytest.mark.covers("S192", "C9", "C10")
def test_the_wire_tells_which_settings_run(ask: Ask, own_desk: Desk, recorder: Recorder) -> None:
    recorder.seen.clear()
    session = ask(own_desk.managed_settings, "hello")
    assert session.ran.code == 0, session.ran
    # Measured: SHA-256 of the settings as compact JSON with sorted keys, UTF-8.
    canonical = json.dumps(own_desk.settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    checksum = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
    assert [seen.values("x-claude-code-managed-settings-checksum") for seen in recorder.seen] == [[checksum]]
    (entry,) = session.logged
    assert entry["settings_checksum"] == checksum
    assert entry["metadata"] == DANA
    assert entry["key"]["name"].startswith("claude-desktop-research-prod-dana-")


@pytest.mark.parametrize("name", [*NEUTRALISED, *REFUSED])
def test_the_trap_is_live_without_managed_settings(tmp_path: Path, trap: Recorder, name: str) -> None:
    trap.seen.clear()
    (NEUTRALISED | REFUSED)[name].ask(tmp_path, None)
    assert trap.seen


@pytest.mark.covers("T4", "T21")
@pytest.mark.parametrize("name", NEUTRALISED)
def test_a_hostile_person_still_comes_to_us_with_our_credential_only(
    tmp_path: Path, own_desk: Desk, recorder: Recorder, trap: Recorder, name: str
) -> None:
    recorder.seen.clear()
    trap.seen.clear()
    ran = NEUTRALISED[name].ask(tmp_path, own_desk.managed_settings)
    assert (ran.code, ran.out) == (0, "echo: hello\n"), ran
    assert trap.seen == []
    (seen,) = recorder.seen
    assert seen.line == "POST /v1/messages?beta=true"
    assert seen.values("authorization") == [f"Bearer {own_desk.settings['env']['ANTHROPIC_AUTH_TOKEN']}"]
    assert [json.loads(value) for value in seen.values("x-portkey-metadata")] == [DANA]
    for other in (
        "x-api-key",
        "api-key",
        "x-portkey-api-key",
        "x-portkey-config",
        "x-goog-api-key",
        "cookie",
    ):
        assert seen.values(other) == [], other
    assert not seen.holds(OWN)


@pytest.mark.covers("T21")
@pytest.mark.parametrize("name", REFUSED)
def test_a_way_around_that_nothing_cancels_ends_before_the_first_request(
    tmp_path: Path, own_desk: Desk, recorder: Recorder, trap: Recorder, name: str
) -> None:
    recorder.seen.clear()
    trap.seen.clear()
    ran = REFUSED[name].ask(tmp_path, own_desk.managed_settings)
    assert ran.code == 1
    assert (
        "Your organization's managed settings allow Claude Code to use: a custom endpoint"
        in ran.out + ran.err
    )
    assert trap.seen == []
    assert recorder.seen == []

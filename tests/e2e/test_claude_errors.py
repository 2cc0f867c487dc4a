"""What the real `claude` makes of refusals and of a provider's faults (facts/claude-code.md 5.5).

It runs as in `test_claude_cli`: as nobody, in a network of its own. Where the client would try again
for minutes, its retries are cut short by its own variable; how often it tried is read in our log.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support import claude_namespaces as namespaces
from tests.support.claude_desk import Desk
from tests.support.claude_namespaces import CLAUDE, Network, Ran

GATEWAY = "http://127.0.0.1:8080"
ROSTER = "email,team,env,platform\nalice@acme.com,Engineering,prod,linux\n"
FEW_RETRIES = {"CLAUDE_CODE_MAX_RETRIES": "1"}


@pytest.fixture(scope="module")
def desk(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("pilot"), roster=ROSTER, fleet="")
    with network.entered():
        made.main_job()
        with made.served():
            yield made


@pytest.fixture(autouse=True)
def inside(network: Network) -> Iterator[None]:
    with network.entered():
        yield


@dataclass(frozen=True, slots=True)
class Session:
    """One `claude -p`: how it ended, what the gateway logged of it, and how long it took."""

    ran: Ran
    statuses: list[int]
    seconds: float


Ask = Callable[..., Session]


@pytest.fixture
def ask(tmp_path: Path, desk: Desk) -> Ask:
    """Ask with the rendered settings, under another key where one is given."""

    def asked(prompt: str, *arguments: str, key: str | None = None, **more: str) -> Session:
        settings = desk.settings
        if key is not None:
            settings["env"]["ANTHROPIC_AUTH_TOKEN"] = key
        policy = tmp_path.with_suffix(".json")
        policy.write_text(json.dumps(settings))
        session, started = str(uuid.uuid4()), time.monotonic()
        command = (CLAUDE, "-p", prompt, "--session-id", session, *arguments)
        ran = namespaces.run(*command, home=tmp_path, policy=policy, more=more)
        seconds = time.monotonic() - started
        logged = [entry["status"] for entry in desk.logs() if entry["session_id"] == session]
        return Session(ran, logged, seconds)

    return asked


@pytest.fixture
def mint(desk: Desk) -> Callable[..., str]:
    """Mint a key beside the roster's, bound to the same config."""

    def minted(**fields: Any) -> str:
        admin = {"x-portkey-api-key": desk.token_file.read_text().strip()}
        [config] = requests.get(f"{GATEWAY}/v1/configs", headers=admin, timeout=20).json()["data"]
        body = {
            "name": "canary",
            "scopes": ["completions.write"],
            "defaults": {"config_id": config["slug"], "allow_config_override": False},
            **fields,
        }
        url = f"{GATEWAY}/v1/api-keys/workspace/service"
        reply = requests.post(url, json=body, headers=admin, timeout=20)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["key"])

    return minted


def test_an_unknown_key_is_a_401_that_is_told(ask: Ask) -> None:
    """Without the bound it would go on for minutes. Refusals of unknown callers are not logged."""
    session = ask("hello", key="no-such-key", **FEW_RETRIES)
    assert session.ran.code == 1
    assert "API Error: 401" in session.ran.out
    assert "Invalid API Key. Error Code: 03" in session.ran.out
    assert session.statuses == []


def test_a_key_without_the_scope_is_a_403_at_once(ask: Ask, mint: Callable[..., str]) -> None:
    session = ask("hello", key=mint(scopes=["logs.list"]))
    assert session.ran.code == 1
    assert "API Error: 403" in session.ran.out
    assert "Forbidden!" in session.ran.out


@pytest.mark.covers("S190")
def test_a_used_up_budget_is_a_412_at_once(ask: Ask, mint: Callable[..., str]) -> None:
    key = mint(usage_limits={"credit_limit": 1, "type": "tokens"})
    first = ask("hello", key=key)
    assert (first.ran.code, first.ran.out, first.statuses) == (0, "echo: hello\n", [200])
    second = ask("hello", key=key)
    assert second.ran.code == 1
    assert "API Error: 412" in second.ran.out
    assert "Usage Limit Exceeded" in second.ran.out
    assert second.statuses == [412], "no client tries a 412 again"


@pytest.mark.covers("S190")
def test_a_rate_limit_is_a_429_that_is_tried_again(ask: Ask, mint: Callable[..., str]) -> None:
    key = mint(rate_limits=[{"type": "requests", "unit": "rpm", "value": 1}])
    assert ask("hello", key=key).statuses == [200]
    session = ask("hello", key=key, **FEW_RETRIES)
    assert session.ran.code == 1
    assert "429" in session.ran.out
    assert session.statuses == [429, 429]


def test_a_busy_provider_is_waited_for(ask: Ask) -> None:
    session = ask("hello [[echo:429 2]]", **FEW_RETRIES)
    assert session.ran.code == 1
    assert "Request rejected (429)" in session.ran.out
    assert session.statuses == [429, 429]
    assert session.seconds > 2, "retry-after was passed on, and heard"


def test_a_long_wait_is_not_waited(ask: Ask) -> None:
    session = ask("hello [[echo:429 3600]]")
    assert (session.ran.code, session.statuses) == (1, [429])
    assert "Request rejected (429)" in session.ran.out


def test_an_overloaded_provider_is_tried_three_times(ask: Ask) -> None:
    session = ask("hello [[echo:529]]")
    assert (session.ran.code, session.statuses) == (1, [529, 529, 529])
    assert "529 Overloaded" in session.ran.out


def test_an_unknown_model_is_told(ask: Ask) -> None:
    session = ask("hello [[echo:404]]")
    assert session.ran.code == 1
    assert "issue with the selected model" in session.ran.out


def test_a_stream_that_breaks_off_is_no_answer(ask: Ask) -> None:
    session = ask("hello [[echo:drop]]", **FEW_RETRIES)
    assert session.ran.code == 1, session
    assert session.statuses[0] == 200
    assert "echo: hello" not in session.ran.out


@pytest.mark.covers("S77")
def test_empty_arguments_run_no_tool(ask: Ask) -> None:
    """The fault of OpenRouter's: the call names Bash, and its input is empty; Bash refuses that itself."""
    call = '[[tool:Bash {"command": "echo made-by-the-shell-$((6*7))", "description": "x"}]]'
    session = ask(f"{call} [[echo:empty-arguments]]")
    assert "made-by-the-shell-42" not in session.ran.out
    assert "command" in session.ran.out, "the tool's own complaint about what is missing"
    assert session.statuses == [200, 200]


def test_a_slow_provider_is_waited_for(ask: Ask) -> None:
    session = ask("hello [[echo:slow 1.5]]")
    assert (session.ran.code, session.statuses) == (0, [200])
    assert session.seconds > 1.5

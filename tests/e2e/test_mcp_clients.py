"""The real `claude` and `/mcp` of the bundled gateway, with the key and settings that the tool made.

It runs as `test_claude_cli.py` has it: as nobody, in a network of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import claude_namespaces as namespaces
from tests.support.claude_desk import Desk
from tests.support.claude_namespaces import CLAUDE, Network, Ran

ENDPOINT = "http://127.0.0.1:8080/mcp"
CONNECTED = f"gw: {ENDPOINT} (HTTP) - ✔ Connected"
# Measured with 2.1.329: `${ANTHROPIC_AUTH_TOKEN}` would stay empty here, whoever sets it; the client
# gives its own credential to no MCP server. Another variable of managed settings or shell is filled in.
PROJECT_FILE = {
    "mcpServers": {
        "gw": {
            "type": "http",
            "url": ENDPOINT,
            "headers": {"Authorization": "Bearer ${GATEWAY_KEY}"},
        }
    }
}
# Otherwise the client shows the model MCP tools only after a search of its own, which the echo does not make.
AT_ONCE = {"ENABLE_TOOL_SEARCH": "false"}


@pytest.fixture(scope="module")
def desk(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    roster = "email,team,env,platform\nalice@acme.com,Engineering,prod,linux\n"
    made = Desk(tmp_path_factory.mktemp("pilot"), roster=roster, fleet="")
    with network.entered():
        made.main_job()
        with made.served():
            yield made


@pytest.fixture(autouse=True)
def inside(network: Network) -> Iterator[None]:
    with network.entered():
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's home, with a project whose `.mcp.json` they approved."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".mcp.json").write_text(json.dumps(PROJECT_FILE))
    (tmp_path / ".claude").mkdir()
    approved = json.dumps({"enableAllProjectMcpServers": True})
    (tmp_path / ".claude" / "settings.json").write_text(approved)
    return tmp_path


def claude(desk: Desk, home: Path, *arguments: str) -> Ran:
    exported = {"GATEWAY_KEY": key_of(desk), **AT_ONCE}
    return namespaces.run(CLAUDE, *arguments, home=home, policy=desk.managed_settings, more=exported)


def key_of(desk: Desk) -> str:
    return str(desk.settings["env"]["ANTHROPIC_AUTH_TOKEN"])


def ask(desk: Desk, home: Path, tool: str) -> Ran:
    return claude(desk, home, "-p", f"[[tool:mcp__gw__{tool} {{}}]]", "--allowedTools", f"mcp__gw__{tool}")


@pytest.mark.covers("S28", "S31", "S100")
def test_a_projects_server_connects_with_the_key_that_the_tool_minted(desk: Desk, home: Path) -> None:
    ran = claude(desk, home, "mcp", "list")
    assert CONNECTED in ran.out.splitlines(), ran


@pytest.mark.covers("S31", "S98", "S100")
def test_a_persons_own_server_connects(desk: Desk, home: Path) -> None:
    (home / "project" / ".mcp.json").unlink()
    add = ("mcp", "add", "--scope", "user", "--transport", "http")
    for name, header in (
        ("gw", f"Authorization: Bearer {key_of(desk)}"),
        ("no", f"x-api-key: {key_of(desk)}"),
    ):
        ran = claude(desk, home, *add, name, ENDPOINT, "--header", header)
        assert ran.code == 0, ran
    ran = claude(desk, home, "mcp", "list")
    assert CONNECTED in ran.out.splitlines(), ran
    assert f"no: {ENDPOINT} (HTTP) - ✘ Failed to connect" in ran.out


@pytest.mark.covers("S7", "S28", "S98")
def test_a_tool_call_of_the_model_goes_through_the_gateway(desk: Desk, home: Path) -> None:
    assert ask(desk, home, "ping").out.startswith("tool result: pong from provision-bundled-gateway")
    ran = ask(desk, home, "whoami")
    assert ran.code == 0, ran
    told = json.loads(ran.out.removeprefix("tool result: "))
    assert (told["key"], told["team"], told["env"]) == (
        "claude-desktop-engineering-prod",
        "engineering",
        "prod",
    )
    calls = [entry for entry in desk.logs() if entry["path"] == "/mcp"]
    assert [(entry["target"], entry["outcome"]) for entry in calls[-2:]] == [
        ("ping", "answered"),
        ("whoami", "answered"),
    ]
    assert calls[-1]["user_agent"].startswith("claude-code/")
    assert calls[-1]["key"]["name"] == "claude-desktop-engineering-prod"

"""What is written down of a request, and how it is found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CLIENT = {
    "user-agent": "claude-cli/2.1.329 (external, cli)",
    "x-claude-code-session-id": "5e55-10",
    "x-claude-code-managed-settings-checksum": "sha256:abc",
    "x-portkey-metadata": '{"team":"ceo","user":"a@b.c","rev":"7"}',
    "x-portkey-trace-id": "trace-1",
}


@pytest.mark.covers("T22", "S178", "S179")
def test_one_entry_says_who_what_where_and_what_it_cost(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config()
    defaults = {"metadata": {"team": "eng"}, "config_id": slug, "allow_config_override": False}
    minted = wire.mint(defaults=defaults)
    assert wire.ask(minted["key"], headers=CLIENT, stream=True, path="/v1/messages?beta=true").content
    (entry,) = wire.logs()
    assert entry.pop("latency_ms") >= 0
    assert entry == {
        "id": 1,
        "time": "2026-11-20T12:00:00.000Z",
        "trace_id": "trace-1",
        "key": {"id": minted["id"], "name": "claude-desktop-eng-prod"},
        "metadata": {"team": "eng", "user": "a@b.c", "rev": "7"},
        "contradicted": {"team": "ceo"},
        "path": "/v1/messages",
        "stream": True,
        "config": slug,
        "target": "config",
        "provider": "anthropic-prod",
        "model_asked": "claude-opus-4-8",
        "model_served": "claude-opus-4-8",
        "status": 200,
        "outcome": "answered",
        "input_tokens": 11,
        "output_tokens": 2,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": (11 * 5 + 2 * 25) / 1e6,
        "user_agent": CLIENT["user-agent"],
        "session_id": "5e55-10",
        "settings_checksum": "sha256:abc",
    }


def test_refusals_are_logged_and_unknown_callers_are_not(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    key = wire.bound()["key"]
    wire.ask("unknown")
    wire.ask(key, headers={"x-portkey-config": "pc-other-000000"})
    wire.ask(key, model="gpt-unknown")
    unpriced, refused = wire.logs()
    assert (refused["status"], refused["outcome"], refused["cost_usd"]) == (400, "refused", None)
    assert (unpriced["status"], unpriced["cost_usd"]) == (200, None)
    assert unpriced["input_tokens"] == 11


def test_filters_and_pages(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config()
    teams = {
        team: wire.mint(defaults={"metadata": {"team": team, 'q"uote': "1"}, "config_id": slug})
        for team in ("eng", "support")
    }
    for team, minted in teams.items():
        for model in ("claude-opus-4-8", "@x/claude-haiku-4-5"):
            wire.ask(minted["key"], model=model, headers={"x-portkey-metadata": f'{{"user":"{team}-1"}}'})
    everything = wire.logs()
    assert [entry["id"] for entry in everything] == [4, 3, 2, 1]
    assert {e["metadata"]["team"] for e in wire.logs(**{"metadata.team": "support"})} == {"support"}
    assert len(wire.logs(**{"metadata.team": "eng", "metadata.user": "eng-1", 'metadata.q"uote': "1"})) == 2
    assert wire.logs(**{"metadata.team": "eng", "metadata.user": "support-1"}) == []
    assert len(wire.logs(model="claude-haiku-4-5")) == 2
    assert len(wire.logs(model="@x/claude-haiku-4-5", key_id=teams["eng"]["id"])) == 1
    assert wire.logs(provider="bedrock-prod") == []
    pages = [wire.logs(page_size="3", current_page=str(page)) for page in (0, 1)]
    assert [entry["id"] for page in pages for entry in page] == [4, 3, 2, 1]
    misspelt = wire.admin("GET", "/logs", params={"team": "eng"})
    assert misspelt.json()["data"]["message"] == "team: unknown filter"


def test_the_audit_tells_changing_calls_from_reading_ones(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config()
    wire.admin("GET", f"/configs/{slug}", params={"name": "not-in-the-audit"})
    wire.admin("POST", "/configs", json={})
    wire.session.delete(f"{wire.url}/v1/configs/{slug}")
    calls = wire.admin("GET", "/audit").json()["data"]
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("DELETE", f"/v1/configs/{slug}", 401),
        ("POST", "/v1/configs", 400),
        ("GET", f"/v1/configs/{slug}", 200),
        ("POST", "/v1/configs", 200),
    ]
    assert {call["time"] for call in calls} == {"2026-11-20T12:00:00.000Z"}

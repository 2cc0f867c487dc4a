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
    for measured in ("latency_ms", "first_byte_ms", "request_bytes", "response_bytes"):
        assert entry.pop(measured) >= 0
    assert entry == {
        "id": 1,
        "time": "2026-11-20T12:00:00.000Z",
        "trace_id": "trace-1",
        "workspace_id": wire.admin("GET", f"/api-keys/{minted['id']}").json()["workspace_id"],
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
        "client_version": "2.1.329",
        "agent_id": None,
        "attempts": 1,
        "cache_status": "DISABLED",
        "verdicts": [],
        "error": None,
        "tenant": None,
        "team": "eng",
        "user": "a@b.c",
        "env": None,
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
    assert len(wire.logs(team="eng", user="eng-1", status="200", outcome="answered")) == 2
    assert wire.logs(team="eng", env="prod") == []
    misspelt = wire.admin("GET", "/logs", params={"teem": "eng", "status": "bad", "since": "2026-11-20"})
    assert misspelt.json()["data"]["message"] == (
        "teem: unknown filter; status: must be a number; "
        "since: must be a moment with its zone, like 2026-11-20T12:00:00Z"
    )


@pytest.mark.covers("S37", "S142", "S178")
def test_a_time_a_session_and_a_trace_are_found(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    key = wire.bound()["key"]
    for session, trace in (("s-1", "trace-1"), ("s-2", "trace-2"), ("s-1", "trace-3")):
        wire.ask(key, headers={"x-claude-code-session-id": session, "x-portkey-trace-id": trace})
        wire.clock.forward(minutes=1)
    assert [entry["trace_id"] for entry in wire.logs(session_id="s-1")] == ["trace-3", "trace-1"]
    assert [entry["id"] for entry in wire.logs(trace_id="trace-2")] == [2]
    assert [entry["id"] for entry in wire.logs(since="2026-11-20T13:01:00+01:00")] == [3, 2]
    assert [entry["id"] for entry in wire.logs(until="2026-11-20T12:01:00Z")] == [1]


@pytest.mark.covers("S124", "S125", "S126")
def test_one_request_is_shown_as_portkey_does(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config()
    key = wire.mint(defaults={"metadata": {"team": "eng"}, "config_id": slug})["key"]
    wire.ask(key, headers=CLIENT)
    (entry,) = wire.logs()
    by_number, by_trace = (wire.admin("GET", f"/logs/{name}").json() for name in ("1", "trace-1"))
    assert by_number == by_trace
    assert by_number["entry"] == entry
    assert by_number["request"]["portkeyHeaders"]["x-portkey-trace-id"] == "trace-1"
    assert (by_number["response"]["status"], by_number["response"]["lastUsedOptionJsonPath"]) == (
        200,
        "config",
    )
    assert by_number["metrics"]["cost"] == entry["cost_usd"]
    assert (by_number["metrics"]["ai_model"], by_number["metrics"]["total_units"]) == ("claude-opus-4-8", 13)
    assert "body" not in by_number["request"] | by_number["response"]
    for missing in ("2", "trace-2", "1" * 30):
        assert wire.admin("GET", f"/logs/{missing}").status_code == 403


def test_a_key_sees_the_log_of_its_workspace_only(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()["id"]
    wire.ask(wire.bound()["key"])
    scopes = ["logs.list", "logs.view", "logs.export", "completions.write"]
    slug = wire.admin(
        "POST",
        "/configs",
        json={"name": "o", "config": {"provider": "@anthropic-prod"}, "workspace_id": other},
    ).json()["slug"]
    theirs = wire.mint(scopes=scopes, workspace_id=other, defaults={"config_id": slug})
    wire.ask(theirs["key"])
    credential = {"x-portkey-api-key": theirs["key"]}
    seen = wire.admin("GET", "/logs", headers=credential).json()
    assert [entry["key"]["id"] for entry in seen["data"]] == [theirs["id"]]
    assert wire.admin("GET", "/logs/1", headers=credential).status_code == 403
    assert wire.admin("GET", "/logs/2", headers=credential).status_code == 200
    assert wire.admin("GET", "/logs", headers=credential, params={"workspace_id": "x"}).status_code == 403
    assert len(wire.logs()) == 2
    assert [entry["id"] for entry in wire.logs(workspace_id=other)] == [2]


@pytest.mark.covers("T22")
def test_inserted_entries_say_that_they_are(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    minted = wire.mint(
        scopes=["logs.write", "completions.write"], defaults={"metadata": {"team": "eng"}}, name="inserter"
    )
    credential = {"x-portkey-api-key": minted["key"]}
    entry = {
        "request": {"url": "https://elsewhere/v1/messages", "method": "POST", "body": {"a": 1}},
        "response": {"status": 503, "body": {}, "response_time": 12},
        "metadata": {"trace_id": "t-9", "team": "ceo", "user": "a@b.c"},
    }
    assert wire.admin("POST", "/logs", headers=credential, json=[entry, entry]).json() == {
        "status": "success"
    }
    assert wire.admin("POST", "/logs", json={"request": {"url": "u"}, "response": {}}).status_code == 200
    by_admin, _, inserted = wire.logs()
    assert {
        "target": "inserted",
        "trace_id": "t-9",
        "status": 503,
        "latency_ms": 12,
        "team": "eng",
        "user": "a@b.c",
        "contradicted": {"team": "ceo"},
        "key": {"id": minted["id"], "name": "inserter"},
        "cost_usd": None,
    }.items() <= inserted.items()
    assert by_admin["key"] == {"id": "admin token", "name": "admin token"}
    without = wire.mint(scopes=["logs.write"])["key"]
    reply = wire.admin("POST", "/logs", headers={"x-portkey-api-key": without}, json=entry)
    assert reply.status_code == 403
    for wrong in ({}, [], "x", {"request": {}, "response": {}}, {**entry, "extra": 1}, [entry] * 1001):
        expected = 200 if wrong == [] else 400
        assert wire.admin("POST", "/logs", json=wrong).status_code == expected, wrong


def test_the_audit_tells_changing_calls_from_reading_ones(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config()
    wire.admin("GET", f"/configs/{slug}", params={"name": "not-in-the-audit"})
    wire.admin("POST", "/configs", json={})
    wire.session.delete(f"{wire.url}/v1/configs/{slug}")
    minted = wire.mint(scopes=["configs.list"])
    wire.admin("GET", "/configs", headers={"x-portkey-api-key": minted["key"]})
    calls = wire.admin("GET", "/audit").json()["data"]
    assert [(call["method"], call["path"], call["status"], call["caller"]) for call in calls] == [
        ("GET", "/v1/configs", 200, minted["id"]),
        ("POST", "/v1/api-keys/workspace/service", 200, "admin token"),
        ("DELETE", f"/v1/configs/{slug}", 401, None),
        ("POST", "/v1/configs", 400, "admin token"),
        ("GET", f"/v1/configs/{slug}", 200, "admin token"),
        ("POST", "/v1/configs", 200, "admin token"),
    ]
    assert {call["time"] for call in calls} == {"2026-11-20T12:00:00.000Z"}

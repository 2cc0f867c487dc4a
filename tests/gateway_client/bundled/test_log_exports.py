"""Exports of the log: drafts, links, and what stands on the lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway_client.bundled.admin import log_exports


def exported(wire: Any, **body: Any) -> list[dict[str, Any]]:
    made = wire.admin("POST", "/logs/exports", json=body)
    assert made.status_code == 200, made.text
    path = f"/logs/exports/{made.json()['id']}"
    assert wire.admin("POST", f"{path}/start").status_code == 200
    reply = wire.session.get(wire.admin("GET", f"{path}/download").json()["signed_url"], timeout=20)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in reply.text.splitlines()]


@pytest.fixture
def wire(start_gateway: Callable[..., Any]) -> Any:
    started = start_gateway()
    slug = started.config()
    for team in ("eng", "support"):
        key = started.mint(defaults={"metadata": {"team": team}, "config_id": slug})["key"]
        for _ in range(3):
            started.ask(key)
            started.clock.forward(minutes=1)
    return started


@pytest.mark.covers("S179")
def test_lines_hold_what_was_asked_for_and_costs_in_cents(wire: Any) -> None:
    lines = exported(wire, filters={"metadata": {"team": "eng"}}, requested_data=["id", "cost", "metadata"])
    assert lines == [
        {"id": number, "cost": (11 * 5 + 2 * 25) / 1e4, "metadata": {"team": "eng"}} for number in "321"
    ]
    usual = exported(wire, filters={})
    assert len(usual) == 6
    assert set(usual[0]) == set(log_exports.USUAL)


def test_filters_and_pages_of_an_export(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_exports, "PIECE", 2)

    def ids(**filters: Any) -> str:
        return "".join(line["id"] for line in exported(wire, filters=filters, requested_data=["id"]))

    assert ids() == "654321"
    assert ids(page_size=4, current_page=0) == "6543"
    assert ids(page_size=4, current_page=1) == "21"
    assert ids(
        time_of_generation_min="2026-11-20T12:02:00Z", time_of_generation_max="2026-11-20T12:04:00Z"
    ) == ("543")
    assert ids(ai_org_model="anthropic-prod__claude-opus-4-8,x__y", status_code="200,201") == "654321"
    assert ids(cost_min=0.0105, cost_max=0.0105, total_units_min=13, total_units_max=13) == "654321"
    assert ids(cost_min=0.0106) == ids(completion_token_max=1) == ids(virtual_keys="bedrock-prod") == ""


def test_an_export_goes_up_to_its_start(wire: Any) -> None:
    path = f"/logs/exports/{wire.admin('POST', '/logs/exports', json={}).json()['id']}"
    assert wire.admin("GET", f"{path}/download").json()["data"]["message"] == "export: is not started yet"
    wire.admin("POST", f"{path}/start")
    wire.ask(wire.bound()["key"])
    link = wire.admin("GET", f"{path}/download").json()["signed_url"]
    assert len(wire.session.get(link, timeout=20).text.splitlines()) == 6
    for late in (
        wire.admin("POST", f"{path}/start"),
        wire.admin("PUT", path, json={"filters": {}}),
    ):
        assert (late.status_code, late.json()["data"]["errorCode"]) == (400, "AB01")
    assert wire.admin("GET", path).json()["status"] == "success"


def test_a_draft_can_be_changed_and_stopped(wire: Any) -> None:
    made = wire.admin("POST", "/logs/exports", json={"description": "d"}).json()
    assert made["total"] == 6
    path = f"/logs/exports/{made['id']}"
    changed = wire.admin("PUT", path, json={"filters": {"metadata": '{"team":"eng"}'}}).json()
    assert changed == {"id": made["id"], "total": 3, "object": "export"}
    assert wire.admin("GET", path).json()["filters"] == {"metadata": {"team": "eng"}}
    wire.admin("POST", f"{path}/cancel")
    assert wire.admin("GET", path).json()["status"] == "stopped"
    assert wire.admin("GET", f"{path}/download").status_code == 400
    assert made["id"] in {one["id"] for one in wire.admin("GET", "/logs/exports").json()["data"]}


def test_links_end_and_can_not_be_made_up(wire: Any) -> None:
    path = f"/logs/exports/{wire.admin('POST', '/logs/exports', json={}).json()['id']}"
    wire.admin("POST", f"{path}/start")
    link = wire.admin("GET", f"{path}/download").json()["signed_url"]
    others = [link.replace("expires=1", "expires=2"), link[:-1] + ("0" if link[-1] != "0" else "1")]
    others += [link.partition("?")[0], link.partition("&")[0], link.replace("signature=", "signature=%C3%BC")]
    for wrong in others:
        assert wire.session.get(wrong, timeout=20).status_code == 403
    assert wire.session.get(link, timeout=20).status_code == 200
    wire.clock.forward(hours=1)
    assert wire.session.get(link, timeout=20).status_code == 403


def test_bad_bodies_name_every_problem(wire: Any) -> None:
    body = {
        "filters": {"cost_min": -1, "weighted_feedback_min": 1, "time_of_generation_min": "yesterday"},
        "requested_data": ["password"],
    }
    reply = wire.admin("POST", "/logs/exports", json=body)
    assert reply.status_code == 400
    for name in (
        "cost_min",
        "weighted_feedback_min: unknown field",
        "time_of_generation_min",
        "requested_data.0",
    ):
        assert name in reply.json()["data"]["message"]
    assert wire.admin("GET", "/logs/exports/nobody").status_code == 403


def test_a_key_exports_its_workspace_only(wire: Any) -> None:
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()["id"]
    theirs = {"x-portkey-api-key": wire.mint(scopes=["logs.export"], workspace_id=other)["key"]}
    ours = wire.admin("POST", "/logs/exports", json={}).json()["id"]
    made = wire.admin("POST", "/logs/exports", headers=theirs, json={"filters": {"workspace_slug": "x"}})
    assert (made.status_code, made.json()["total"]) == (200, 0)
    assert wire.admin("GET", f"/logs/exports/{ours}", headers=theirs).status_code == 403
    assert wire.admin("GET", "/logs/exports", headers=theirs).json()["total"] == 1

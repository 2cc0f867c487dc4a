"""`/v1/policies/...` and the limits of keys over a socket, as Portkey answers (facts/portkey.md 6.5, 9.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

EVERYWHERE = [{"key": "metadata.team", "value": "eng"}]
BY_USER = [{"key": "metadata._user"}]
USAGE = {"conditions": EVERYWHERE, "group_by": BY_USER, "type": "tokens", "credit_limit": 10}
RATE = {"conditions": EVERYWHERE, "group_by": BY_USER, "type": "requests", "unit": "rpm", "value": 2}
BODIES = {"usage-limits": USAGE, "rate-limits": RATE}


def workspace(wire: Any) -> str:
    return str(wire.admin("POST", "/admin/workspaces", json={"name": "Eng"}).json()["id"])


def key_in(wire: Any, place: str, **fields: Any) -> dict[str, str]:
    """Mint a key of team eng in a workspace, bound to a config there."""
    config = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": place}
    slug = wire.admin("POST", "/configs", json=config).json()["slug"]
    defaults = {"config_id": slug, "allow_config_override": False, "metadata": {"team": "eng"}}
    return dict(wire.mint(workspace_id=place, defaults=defaults, **fields))


def ask_as(wire: Any, key: dict[str, str], user: str) -> Any:
    return wire.ask(key["key"], headers={"x-portkey-metadata": f'{{"_user": "{user}"}}'})


def created(wire: Any, kind: str, **fields: Any) -> str:
    reply = wire.admin("POST", f"/policies/{kind}", json={**BODIES[kind], **fields})
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"id", "object"}
    return str(reply.json()["id"])


@pytest.mark.parametrize("kind", ["usage-limits", "rate-limits"])
def test_a_policy_is_made_read_changed_and_archived(wire: Any, kind: str) -> None:
    place = workspace(wire)
    identity = created(wire, kind, name="per user", workspace_id=place)
    path = f"/policies/{kind}/{identity}"
    read = wire.admin("GET", path).json()
    assert {name: read[name] for name in BODIES[kind]} == BODIES[kind]
    assert (read["name"], read["status"], read["workspace_id"]) == ("per user", "active", place)
    assert read["object"] == f"policy_{kind.replace('-', '_')}"
    limit = "credit_limit" if kind == "usage-limits" else "value"
    assert wire.admin("PUT", path, json={"name": "more", limit: 50}).json() == {}
    changed = wire.admin("GET", path).json()
    assert (changed["name"], changed[limit], changed["conditions"]) == ("more", 50, EVERYWHERE)
    listed = wire.admin("GET", f"/policies/{kind}", params={"workspace_id": place}).json()
    assert (listed["total"], listed["data"]) == (1, [changed])
    assert wire.admin("DELETE", path).json() == {}
    gone = wire.admin("GET", path)
    assert (gone.status_code, gone.json()["data"]["errorCode"]) == (404, "AB08")
    assert wire.admin("GET", f"/policies/{kind}", params={"workspace_id": place}).json()["total"] == 0
    archived = {"status": "archived", "workspace_id": place}
    assert wire.admin("GET", f"/policies/{kind}", params=archived).json()["data"][0]["id"] == identity
    assert wire.admin("GET", path, params=archived).json()["status"] == "archived"
    for method in ("PUT", "DELETE"):
        assert wire.admin(method, path, json={}).status_code == 404
    other = "rate-limits" if kind == "usage-limits" else "usage-limits"
    assert wire.admin("GET", f"/policies/{other}/{identity}").status_code == 404


def test_answers_hold_what_the_contract_asks_for(wire: Any, shared: Path) -> None:
    contract = yaml.safe_load((shared / "contracts" / "portkey-openapi.yaml").read_text())["components"]
    for kind, schema in (("usage-limits", "UsageLimitsPolicy"), ("rate-limits", "RateLimitsPolicy")):
        shown = wire.admin("GET", f"/policies/{kind}/{created(wire, kind)}").json()
        known = contract["schemas"][schema]
        assert set(known["required"]) <= set(shown)
        assert set(known["properties"]) - set(shown) <= {"value_key_usage_map"}


def test_listings_filter_by_the_limit(wire: Any) -> None:
    place = workspace(wire)
    hourly = created(wire, "rate-limits", unit="rph", workspace_id=place)
    tokens = created(wire, "rate-limits", type="tokens", workspace_id=place)
    for filters, expected in (
        ({"unit": "rph"}, [hourly]),
        ({"type": "tokens"}, [tokens]),
        ({"type": "tokens", "unit": "rph"}, []),
        ({}, [hourly, tokens]),
    ):
        params = {**filters, "workspace_id": place}
        listed = wire.admin("GET", "/policies/rate-limits", params=params).json()
        assert [row["id"] for row in listed["data"]] == expected
        assert listed["total"] == len(expected)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("usage-limits", {"conditions": []}, "conditions: list should have at least 1 item"),
    ("usage-limits", {"conditions": [{"key": "colour", "value": "x"}]}, "conditions.0.key: must be one of"),
    (
        "usage-limits",
        {"conditions": [{"key": "metadata.", "value": "x"}]},
        "conditions.0.key: must be one of",
    ),
    (
        "usage-limits",
        {"conditions": [{"key": "model", "value": "*"}]},
        "conditions.0.value: must be one value",
    ),
    ("usage-limits", {"group_by": [{"key": "prompt"}]}, "group_by.0.key: prompt tells nothing apart here"),
    ("usage-limits", {"credit_limit": -1}, "credit_limit: input should be greater than or equal to 0"),
    ("usage-limits", {"alert_threshold": 10}, "body: alert_threshold must be less than credit_limit"),
    (
        "usage-limits",
        {"periodic_reset": "weekly", "periodic_reset_days": 2},
        "body: periodic_reset and periodic_reset_days exclude one another",
    ),
    ("rate-limits", {"unit": "rpy"}, "unit: input should be 'rpd', 'rph', 'rpm', 'rps' or 'rpw'"),
    ("rate-limits", {"value": 1.5}, "value: input should be a valid integer"),
    ("rate-limits", {"excludes": []}, "excludes: unknown field"),
]


@pytest.mark.parametrize(("kind", "fields", "message"), REFUSED, ids=[case[2][:40] for case in REFUSED])
def test_bad_policies_are_refused(wire: Any, kind: str, fields: dict[str, Any], message: str) -> None:
    reply = wire.admin("POST", f"/policies/{kind}", json={**BODIES[kind], **fields})
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")
    assert reply.json()["data"]["message"].startswith(message)


def test_a_change_must_fit_what_stands(wire: Any) -> None:
    path = f"/policies/usage-limits/{created(wire, 'usage-limits', alert_threshold=8)}"
    reply = wire.admin("PUT", path, json={"credit_limit": 5})
    assert reply.json()["data"]["message"] == "body: alert_threshold must be less than credit_limit"
    assert wire.admin("GET", path).json()["credit_limit"] == 10
    assert wire.admin("PUT", path, json={"credit_limit": 5, "alert_threshold": None}).status_code == 200
    assert wire.admin("PUT", path, json={"periodic_reset": "weekly"}).status_code == 200
    monday = "2026-11-23T00:00:00.000Z"
    assert wire.admin("GET", path).json()["next_usage_reset_at"] == monday


@pytest.mark.covers("S162", "T22")
def test_a_budget_by_user_counts_users_apart_and_can_be_reset_for_one(wire: Any) -> None:
    place = workspace(wire)
    identity = created(wire, "usage-limits", workspace_id=place)
    path, key = f"/policies/usage-limits/{identity}", key_in(wire, place)
    assert [ask_as(wire, key, user).status_code for user in ("alice", "alice", "bob", "alice")] == [
        200,
        412,
        200,
        412,
    ]
    # What the key says of itself can't be claimed otherwise, so nobody leaves the policy.
    spoofed = {"x-portkey-metadata": '{"_user": "alice", "team": "ops"}'}
    assert wire.ask(key["key"], headers=spoofed).status_code == 412
    told = ask_as(wire, key, "alice").json()["error"]
    assert (told["type"], told["code"]) == ("usage_limits_policy_exhaust_error", "06")
    found = wire.admin("GET", f"{path}/entities").json()
    assert (found["object"], found["total"]) == ("list", 2)
    alice, bob = found["data"]
    assert (alice["value_key"], bob["value_key"]) == ("metadata._user:alice", "metadata._user:bob")
    assert alice["current_usage"] > 10
    usage = wire.admin("GET", path, params={"include_usage": "true"}).json()["value_key_usage_map"]
    assert usage["metadata._user:alice"]["status"] == "exhausted"
    for params, total in (({"search": "bob"}, 1), ({"status": "active"}, 0), ({"status": "exhausted"}, 2)):
        assert wire.admin("GET", f"{path}/entities", params=params).json()["total"] == total
    assert wire.admin("PUT", f"{path}/entities/{alice['id']}/reset").json() == {}
    assert [ask_as(wire, key, user).status_code for user in ("bob", "alice", "alice")] == [412, 200, 412]
    assert wire.admin("GET", path).json()["last_reset_at"] == wire.admin("GET", path).json()["created_at"]
    assert wire.admin("PUT", path, json={"reset_usage_for_value": "bob"}).json() == {}
    assert [ask_as(wire, key, user).status_code for user in ("bob", "alice")] == [200, 412]
    missing = wire.admin("PUT", f"{path}/entities/nobody/reset")
    assert (missing.status_code, missing.json()["data"]["errorCode"]) == (404, "AB08")
    assert wire.admin("PUT", path, json={"credit_limit": 10_000}).status_code == 200
    assert ask_as(wire, key, "alice").status_code == 200
    wire.admin("DELETE", path)
    assert ask_as(wire, key, "alice").status_code == 200


@pytest.mark.covers("S163")
def test_a_rate_by_user(wire: Any) -> None:
    place = workspace(wire)
    identity = created(wire, "rate-limits", workspace_id=place)
    key = key_in(wire, place)
    assert [ask_as(wire, key, user).status_code for user in "aabab"] == [200, 200, 200, 429, 200]
    refused = ask_as(wire, key, "a")
    message = f"Portkey Rate Limit Policy {identity} exceeded for value key metadata._user:a"
    kind = "rate_limits_policy_exhaust_error"
    assert refused.json() == {"error": {"message": message, "type": kind, "param": None, "code": None}}
    assert "retry-after" not in refused.headers
    wire.clock.forward(minutes=1)
    assert ask_as(wire, key, "a").status_code == 200


@pytest.mark.covers("S162", "S166")
def test_a_key_is_shown_exhausted_until_it_is_reset(wire: Any) -> None:
    limits = {"type": "tokens", "credit_limit": 10, "periodic_reset": "monthly"}
    key = key_in(wire, workspace(wire), usage_limits=limits)
    path = f"/api-keys/{key['id']}"
    shown = wire.admin("GET", path).json()
    assert (shown["status"], shown["last_reset_at"]) == ("active", None)
    assert shown["usage_limits"] == limits
    assert shown["next_usage_reset_at"] == "2026-12-01T00:00:00.000Z"
    assert [wire.ask(key["key"]).status_code for _ in range(2)] == [200, 412]
    assert wire.admin("GET", path).json()["status"] == "exhausted"
    assert wire.admin("PUT", path, json={"name": "renamed", "reset_usage": False}).status_code == 200
    assert wire.ask(key["key"]).status_code == 412
    assert wire.admin("PUT", path, json={"reset_usage": True}).json() == {}
    shown = wire.admin("GET", path).json()
    assert (shown["status"], shown["last_reset_at"] is not None) == ("active", True)
    assert [wire.ask(key["key"]).status_code for _ in range(2)] == [200, 412]
    assert wire.admin("PUT", path, json={"usage_limits": None}).json() == {}
    assert [wire.ask(key["key"]).status_code for _ in range(2)] == [200, 200]
    assert wire.admin("PUT", path, json={"usage_limits": limits}).json() == {}
    assert [wire.ask(key["key"]).status_code for _ in range(2)] == [200, 412]


@pytest.mark.covers("S162", "S163")
def test_limits_of_a_workspace_hold_for_all_its_keys(wire: Any) -> None:
    place = workspace(wire)
    keys = [key_in(wire, place) for _ in range(2)]
    limits = {"rate_limits": [{"type": "requests", "unit": "rpm", "value": 3}]}
    assert wire.admin("PUT", f"/admin/workspaces/{place}", json=limits).status_code == 200
    assert [wire.ask(keys[turn % 2]["key"]).status_code for turn in range(4)] == [200, 200, 200, 429]
    message = f"Portkey Error: workspace {place} rate limit exceeded. Error Code: 05"
    assert wire.ask(keys[0]["key"]).json()["error"] == {"message": message, "code": "05"}
    budgets = {"rate_limits": None, "usage_limits": [{"type": "tokens", "credit_limit": 10}]}
    assert wire.admin("PUT", f"/admin/workspaces/{place}", json=budgets).status_code == 200
    assert [wire.ask(key["key"]).status_code for key in keys] == [200, 412]
    message = "Portkey Error: Portkey Workspace Usage Limit Exceeded. Error Code: 04"
    assert wire.ask(keys[1]["key"]).json()["error"] == {"message": message, "code": "04"}
    assert wire.admin("PUT", f"/admin/workspaces/{place}", json={"reset_usage": True}).status_code == 200
    assert [wire.ask(key["key"]).status_code for key in keys] == [200, 412]


def test_rotation_keeps_what_was_used_for_both_secrets(wire: Any) -> None:
    rate = [{"type": "requests", "unit": "rpd", "value": 3}]
    key = key_in(wire, workspace(wire), rate_limits=rate)
    assert wire.ask(key["key"]).status_code == 200
    rotated = wire.admin("POST", f"/api-keys/{key['id']}/rotate").json()
    secrets = (rotated["key"], key["key"], rotated["key"], key["key"])
    assert [wire.ask(secret).status_code for secret in secrets] == [200, 200, 429, 429]
    wire.clock.forward(minutes=30)
    assert [wire.ask(secret).status_code for secret in secrets] == [429, 401, 429, 401]


def test_an_expiry_that_is_moved_holds_for_the_next_request(wire: Any) -> None:
    """Who was looked up before is kept in memory; the clock goes on."""
    key = key_in(wire, workspace(wire))
    assert wire.ask(key["key"]).status_code == 200
    soon = wire.clock().replace(year=2027).isoformat()
    wire.admin("PUT", f"/api-keys/{key['id']}", json={"expires_at": wire.clock().isoformat()})
    assert wire.ask(key["key"]).json()["error"]["code"] == "01"
    wire.admin("PUT", f"/api-keys/{key['id']}", json={"expires_at": soon})
    assert wire.ask(key["key"]).status_code == 200
    wire.admin("PUT", f"/api-keys/{key['id']}", json={"expires_at": None})
    wire.clock.forward(days=500)
    assert wire.ask(key["key"]).status_code == 200

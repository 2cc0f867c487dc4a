"""`/v1/api-keys` over a socket, as Portkey answers it (facts/portkey.md 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

FULL = {
    "name": "claude-desktop-eng-prod",
    "description": "made by provision",
    "scopes": ["completions.write"],
    "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
    "usage_limits": {
        "type": "cost",
        "credit_limit": 100,
        "alert_threshold": 80,
        "periodic_reset": "monthly",
    },
    "alert_emails": ["a@example.com"],
    "rotation_policy": {"rotation_period": "monthly", "key_transition_period_ms": 1_800_000},
}
FORBIDDEN = {
    "success": False,
    "data": {
        "message": "You do not have enough permissions to execute this request",
        "errorCode": "AB03",
    },
}


def test_create_then_read_back(wire: Any) -> None:
    slug = wire.config()
    defaults = {"metadata": {"team": "eng"}, "config_id": slug, "allow_config_override": False}
    minted = wire.mint(**FULL, defaults=defaults, expires_at="2027-01-01T01:00:00+01:00")
    assert set(minted) == {"id", "key", "object"}
    read = wire.admin("GET", f"/api-keys/{minted['id']}").json()
    assert {name: read[name] for name in FULL} == FULL
    assert read["key"] == f"{minted['key'][:2]}*****{minted['key'][-3:]}"
    assert read["type"] == "workspace-service"
    assert read["status"] == "active"
    assert read["expires_at"] == "2027-01-01T00:00:00.000Z"
    assert read["created_at"] == "2026-11-20T12:00:00.000Z"
    assert read["defaults"] == defaults
    assert read["allow_config_override"] == 0


def test_override_reads_as_the_real_service_says_it(wire: Any) -> None:
    """Null above and false inside where it was never set; left out of listings."""
    minted = wire.mint()
    read = wire.admin("GET", f"/api-keys/{minted['id']}").json()
    assert read["allow_config_override"] is None
    assert read["defaults"] == {"metadata": None, "config_id": None, "allow_config_override": False}
    (listed,) = wire.admin("GET", "/api-keys", params={"ids": minted["id"]}).json()["data"]
    assert "allow_config_override" not in listed
    assert listed["defaults"] == {"metadata": None, "config_id": None}


def test_listing_pages_filters_and_never_shows_a_secret(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()
    minted = [wire.mint(name="same") for _ in range(5)]
    elsewhere = wire.mint(name="elsewhere", workspace_id=other["slug"])
    for style in (("page_size", "current_page"), ("pageSize", "currentPage")):
        pages = [
            wire.admin("GET", "/api-keys", params={style[0]: "2", style[1]: str(page)}) for page in range(4)
        ]
        found = [key["id"] for page in pages for key in page.json()["data"]]
        assert sorted(found) == sorted([*(key["id"] for key in minted), elsewhere["id"]])
        assert {page.json()["total"] for page in pages} == {6}
        assert not any(key["key"] in page.text for key in minted for page in pages)
    for reference in (other["slug"], other["id"]):
        (only,) = wire.admin("GET", "/api-keys", params={"workspace_id": reference}).json()["data"]
        assert (only["id"], only["workspace_id"]) == (elsewhere["id"], other["id"])


def test_update_changes_what_is_given_and_null_clears(wire: Any) -> None:
    slug, other = wire.config(), wire.config()
    defaults = {"metadata": {"team": "eng"}, "config_id": slug, "allow_config_override": False}
    minted = wire.mint(**FULL, defaults=defaults)
    path = f"/api-keys/{minted['id']}"
    change = {"id": minted["id"], "name": "renamed", "defaults": {"config_id": other}, "reset_usage": True}
    assert wire.admin("PUT", path, json=change).json() == {}
    read = wire.admin("GET", path).json()
    assert (read["name"], read["description"]) == ("renamed", FULL["description"])
    assert read["defaults"] == {**defaults, "config_id": other}
    cleared = {"usage_limits": None, "rate_limits": None, "expires_at": None, "rotation_policy": None}
    assert wire.admin("PUT", path, json=cleared).status_code == 200
    read = wire.admin("GET", path).json()
    assert (read["usage_limits"], read["rate_limits"]) == (None, [])
    assert wire.ask(minted["key"]).status_code == 200


def test_delete_revokes_at_once(wire: Any) -> None:
    minted = wire.bound()
    assert wire.ask(minted["key"]).status_code == 200
    assert wire.admin("DELETE", f"/api-keys/{minted['id']}").json() == {}
    assert wire.ask(minted["key"]).status_code == 401
    for method in ("GET", "PUT", "DELETE"):
        reply = wire.admin(method, f"/api-keys/{minted['id']}", json={"name": "x"})
        assert (reply.status_code, reply.json()) == (403, FORBIDDEN)


def test_rotation_keeps_two_secrets_until_the_transition_ends(wire: Any) -> None:
    minted = wire.bound()
    path = f"/api-keys/{minted['id']}/rotate"
    for absurd in (1000, 10**30, "x", None):
        refused = wire.admin("POST", path, json={"key_transition_period_ms": absurd})
        assert (refused.status_code, refused.json()["data"]["errorCode"]) == (400, "AB01")
    rotated = wire.admin("POST", path).json()
    assert rotated["id"] == minted["id"]
    assert rotated["key"] != minted["key"]
    assert rotated["key_transition_expires_at"] == "2026-11-20T12:30:00.000Z"
    assert [wire.ask(key["key"]).status_code for key in (minted, rotated)] == [200, 200]
    assert wire.admin("POST", path).status_code == 400  # refused while two secrets live
    wire.clock.forward(minutes=30)
    assert [wire.ask(key["key"]).status_code for key in (minted, rotated)] == [401, 200]
    again = wire.admin("POST", path, json={"key_transition_period_ms": 3_600_000}).json()
    assert [wire.ask(key["key"]).status_code for key in (minted, rotated, again)] == [401, 200, 200]


def test_expiry(wire: Any) -> None:
    expiry = (wire.clock() + timedelta(hours=1)).isoformat()
    minted = wire.mint(defaults={"config_id": wire.config()}, expires_at=expiry)
    assert wire.ask(minted["key"]).status_code == 200
    wire.clock.forward(hours=1)
    assert wire.ask(minted["key"]).json()["error"] == {"message": "Portkey API Key Expired", "code": "01"}
    assert wire.admin("GET", f"/api-keys/{minted['id']}").json()["status"] == "expired"


SCOPED = {"name": "k", "scopes": ["completions.write"]}
REFUSED: list[tuple[str, Any, str]] = [
    ("workspace/service", {}, "name: field required; scopes: field required"),
    ("workspace/service", [], "body: input should be an object"),
    ("workspace/user", SCOPED, "user_id: is required for a user's key"),
    (
        "organisation/user",
        SCOPED,
        "path: must be organisation/service, workspace/service or workspace/user",
    ),
    (
        "workspace/service",
        {**SCOPED, "usage_limits": {"credit_limit": 0.5}, "colour": "x", "defaults": {"metadata": {"n": 1}}},
        "usage_limits.credit_limit: input should be a valid integer; "
        "defaults.metadata.n: input should be a valid string; colour: unknown field",
    ),
    (
        "workspace/service",
        {**SCOPED, "usage_limits": {"credit_limit": 1, "periodic_reset": "weekly", "periodic_reset_days": 3}},
        "usage_limits: periodic_reset and periodic_reset_days exclude one another",
    ),
    (
        "workspace/service",
        {**SCOPED, "defaults": {"config_id": "pc-nobody-000000"}},
        "defaults.config_id: names no config of the key's workspace",
    ),
    ("workspace/service", {**SCOPED, "expires_at": "2027-01-01T00:00:00"}, "expires_at: input should have"),
    (
        "workspace/service",
        {**SCOPED, "expires_at": "9999-12-31T23:59:59-12:00"},
        "expires_at: is beyond the calendar in UTC",
    ),
]


@pytest.mark.parametrize(("path", "body", "message"), REFUSED, ids=[case[2][:40] for case in REFUSED])
def test_refused_with_all_problems(wire: Any, path: str, body: Any, message: str) -> None:
    reply = wire.admin("POST", f"/api-keys/{path}", json=body)
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")
    assert reply.json()["data"]["message"].startswith(message)


def test_a_workspace_that_is_not_there_looks_like_a_permission_problem(wire: Any) -> None:
    reply = wire.admin("POST", "/api-keys/workspace/service", json={**SCOPED, "workspace_id": "ws-x"})
    assert (reply.status_code, reply.json()) == (403, FORBIDDEN)


def test_a_config_of_another_workspace_can_not_be_bound(wire: Any) -> None:
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()
    body = {**SCOPED, "workspace_id": other["id"], "defaults": {"config_id": wire.config()}}
    reply = wire.admin("POST", "/api-keys/workspace/service", json=body)
    assert reply.json()["data"]["message"] == "defaults.config_id: names no config of the key's workspace"

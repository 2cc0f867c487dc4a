"""Users, invites and members, and what hangs on them (facts/portkey.md 6.2, 6.3)."""

from __future__ import annotations

from typing import Any

import pytest


def code(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["data"]["errorCode"]


def workspace(wire: Any, name: str = "eng", **fields: Any) -> str:
    reply = wire.admin("POST", "/admin/workspaces", json={"name": name, **fields})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


_numbers = iter(range(10_000))


def person(wire: Any, *places: tuple[str, str]) -> tuple[str, str]:
    """Invite somebody; returns id and address."""
    email = f"person-{next(_numbers)}@example.com"
    sent = {
        "email": email,
        "role": "member",
        "workspaces": [{"id": place, "role": role} for place, role in places],
    }
    reply = wire.admin("POST", "/admin/users/invites", json=sent)
    assert reply.status_code == 200, reply.text
    (user,) = wire.admin("GET", "/admin/users", params={"email": email}).json()["data"]
    return user["id"], email


def test_an_invite_makes_user_and_memberships_at_once(wire: Any) -> None:
    eng, sales = workspace(wire, "eng"), workspace(wire, "sales")
    slug = wire.admin("GET", f"/admin/workspaces/{sales}").json()["slug"]
    sent = {
        "email": "Alice@Example.com",
        "role": "admin",
        "workspaces": [{"id": eng, "role": "manager"}, {"id": slug, "role": "member"}],
        "workspace_api_key_details": {"scopes": ["completions.write"]},
    }
    made = wire.admin("POST", "/admin/users/invites", json=sent).json()
    assert made["invite_link"] == "mailto:Alice%40Example.com"
    (user,) = wire.admin("GET", "/admin/users?email=ALICE@example.com").json()["data"]
    assert (user["email"], user["role"], user["workspace_ids"]) == (
        "alice@example.com",
        "admin",
        [eng, sales],
    )
    member = wire.admin("GET", f"/admin/workspaces/{eng}/users/{user['id']}").json()
    assert (member["role"], member["org_role"], member["status"]) == ("manager", "admin", "active")
    read = wire.admin("GET", f"/admin/users/invites/{made['id']}").json()
    assert (read["status"], read["email"], read["role"]) == ("accepted", "alice@example.com", "admin")
    listed = wire.admin("GET", "/admin/users/invites?status=accepted&email=Alice@Example.com").json()
    assert [invite["id"] for invite in listed["data"]] == [made["id"]]
    assert wire.admin("GET", "/admin/users/invites?status=pending").json()["total"] == 0
    resent = wire.admin("POST", f"/admin/users/invites/{made['id']}/resend").json()
    assert resent == {"inviteLink": "mailto:alice%40example.com"}
    assert code(wire.admin("POST", "/admin/users/invites", json=sent)) == (409, "AB07")
    wire.admin("DELETE", f"/admin/users/invites/{made['id']}")
    assert code(wire.admin("GET", f"/admin/users/invites/{made['id']}")) == (403, "AB03")
    assert wire.admin("GET", f"/admin/users/{user['id']}").status_code == 200
    assert wire.admin("GET", "/api-keys", params={"workspace_id": eng}).json()["total"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": "a@b@c d"},
        {"role": "owner"},
        {"workspaces": [{"id": "ws-nowhere", "role": "member"}]},
        {"workspaces": [{"id": "", "role": "member"}]},
    ],
)
def test_a_wrong_invite_makes_nobody(wire: Any, wrong: dict[str, Any]) -> None:
    before = wire.admin("GET", "/admin/users").json()["total"]
    sent = {"email": "eve@example.com", "role": "member", "workspaces": [], **wrong}
    assert code(wire.admin("POST", "/admin/users/invites", json=sent)) == (400, "AB01")
    assert wire.admin("GET", "/admin/users").json()["total"] == before


def test_the_life_of_a_member(wire: Any) -> None:
    eng = workspace(wire)
    (one, email), (two, _) = person(wire), person(wire)
    path = f"/admin/workspaces/{eng}/users"
    both = {"users": [{"id": one, "role": "member"}, {"id": two, "role": "manager"}]}
    assert wire.admin("POST", path, json=both).json() == {}
    assert code(wire.admin("POST", path, json=both)) == (409, "AB07")
    stranger = {"users": [{"id": "nobody", "role": "member"}]}
    assert code(wire.admin("POST", path, json=stranger)) == (400, "AB01")
    assert [m["id"] for m in wire.admin("GET", path).json()["data"]] in ([one, two], [two, one])
    managers = wire.admin("GET", path, params={"role": "manager"}).json()
    assert ([m["id"] for m in managers["data"]], managers["total"]) == ([two], 1)
    assert wire.admin("GET", path, params={"email": email}).json()["data"][0]["id"] == one
    wire.admin("PUT", f"{path}/{one}", json={"role": "admin"})
    assert wire.admin("GET", f"{path}/{one}").json()["role"] == "admin"
    users = wire.admin("GET", f"/admin/workspaces/{eng}").json()["users"]
    assert {user["id"] for user in users} == {one, two}
    wire.admin("DELETE", f"{path}/{one}")
    assert code(wire.admin("GET", f"{path}/{one}")) == (403, "AB03")
    assert wire.admin("GET", f"/admin/users/{one}").json()["workspace_ids"] == []


@pytest.mark.parametrize("by", ["leaving", "removal"])
def test_a_users_keys_die_with_the_membership(wire: Any, by: str) -> None:
    eng, other = workspace(wire), workspace(wire, "other")
    user, _ = person(wire, (eng, "member"), (other, "member"))
    config = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": eng}
    slug = wire.admin("POST", "/configs", json=config).json()["slug"]
    sent = {"name": "mine", "scopes": ["completions.write"], "defaults": {"config_id": slug}}
    here = wire.admin(
        "POST", "/api-keys/workspace/user", json=sent | {"workspace_id": eng, "user_id": user}
    ).json()
    there = {"name": "there", "scopes": ["completions.write"], "workspace_id": other, "user_id": user}
    elsewhere = wire.admin("POST", "/api-keys/workspace/user", json=there).json()["id"]
    assert wire.ask(here["key"]).status_code == 200
    if by == "leaving":
        wire.admin("DELETE", f"/admin/workspaces/{eng}/users/{user}")
    else:
        wire.admin("DELETE", f"/admin/users/{user}")
    assert wire.ask(here["key"]).status_code == 401
    left = wire.admin("GET", f"/api-keys/{elsewhere}").status_code
    assert left == (200 if by == "leaving" else 403)


def test_a_users_key_needs_a_member(wire: Any) -> None:
    eng = workspace(wire)
    user, _ = person(wire)
    sent = {"name": "n", "scopes": ["completions.write"], "workspace_id": eng, "user_id": user}
    assert code(wire.admin("POST", "/api-keys/workspace/user", json=sent)) == (400, "AB01")


def test_a_users_role(wire: Any) -> None:
    user, _ = person(wire)
    assert code(wire.admin("PUT", f"/admin/users/{user}", json={"role": "member"})) == (400, "AB01")
    assert wire.admin("PUT", f"/admin/users/{user}", json={"role": "admin"}).json() == {}
    assert user in [u["id"] for u in wire.admin("GET", "/admin/users?role=admin").json()["data"]]
    for method in ("GET", "PUT", "DELETE"):
        assert code(wire.admin(method, "/admin/users/nobody", json={"role": "admin"})) == (403, "AB03")


def test_a_new_workspace_with_members_and_defaults(wire: Any) -> None:
    user, _ = person(wire)
    limits = [{"credit_limit": 5, "type": "cost"}]
    eng = workspace(wire, users=[user, user], usage_limits=limits, defaults={"metadata": {"tenant": "acme"}})
    read = wire.admin("GET", f"/admin/workspaces/{eng}").json()
    assert [member["id"] for member in read["users"]] == [user]
    assert read["usage_limits"][0]["credit_limit"] == 5
    config = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": eng}
    slug = wire.admin("POST", "/configs", json=config).json()["slug"]
    defaults = {"input_guardrails": ["pg-in"], "output_guardrails": ["pg-out"], "user_api_key_config": slug}
    changed = wire.admin("PUT", f"/admin/workspaces/{eng}", json={"defaults": defaults}).json()
    assert changed["defaults"] == defaults | {
        "metadata": {"tenant": "acme"},
        "is_default": 0,
        "object": "workspace",
    }
    wrong = {"defaults": {"user_api_key_config": "pc-nowhere"}}
    assert code(wire.admin("PUT", f"/admin/workspaces/{eng}", json=wrong)) == (400, "AB01")
    with_stranger = {"name": "x", "users": ["nobody"]}
    assert code(wire.admin("POST", "/admin/workspaces", json=with_stranger)) == (400, "AB01")
    assert wire.admin("GET", "/admin/workspaces?exact_name=x").json()["total"] == 0


def test_a_users_key_that_names_no_config_runs_under_the_workspaces(wire: Any) -> None:
    eng = workspace(wire)
    user, _ = person(wire, (eng, "member"))
    config = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": eng}
    slug = wire.admin("POST", "/configs", json=config).json()["slug"]
    wire.admin("PUT", f"/admin/workspaces/{eng}", json={"defaults": {"user_api_key_config": slug}})
    sent = {"name": "mine", "scopes": ["completions.write"], "workspace_id": eng, "user_id": user}
    key = wire.admin("POST", "/api-keys/workspace/user", json=sent).json()["key"]
    assert wire.ask(key).status_code == 200
    assert wire.logs()[0]["config"] == slug
    assert code(wire.admin("DELETE", f"/configs/{slug}")) == (409, "AB07")


@pytest.mark.covers("S163")
def test_a_workspaces_budget_has_effect_and_is_reset(wire: Any) -> None:
    eng = workspace(wire, usage_limits=[{"credit_limit": 1, "type": "tokens"}])
    config = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": eng}
    slug = wire.admin("POST", "/configs", json=config).json()["slug"]
    key = wire.mint(workspace_id=eng, defaults={"config_id": slug})["key"]
    assert [wire.ask(key).status_code for _ in range(2)] == [200, 412]
    wire.admin("PUT", f"/admin/workspaces/{eng}", json={"reset_usage": True})
    assert [wire.ask(key).status_code for _ in range(2)] == [200, 412]
    wire.admin("PUT", f"/admin/workspaces/{eng}", json={"usage_limits": None})
    assert wire.ask(key).status_code == 200


@pytest.mark.covers("S151", "S152", "S153", "S154")
@pytest.mark.parametrize("path", ["/providers", "/virtual-keys"])
def test_providers_are_listed_with_their_families(wire: Any, path: str) -> None:
    listed = {p["slug"]: p["integration_id"] for p in wire.admin("GET", path).json()["data"]}
    kinds = {i["slug"]: i["ai_provider_id"] for i in wire.admin("GET", "/integrations").json()["data"]}
    assert {slug: kinds[integration] for slug, integration in listed.items()} == {
        "anthropic-prod": "anthropic",
        "bedrock-prod": "bedrock",
        "vertex-prod": "vertex",
        "azure-prod": "azure",
    }
    assert wire.admin("GET", f"{path}/bedrock-prod").json()["status"] == "active"
    assert code(wire.admin("GET", f"{path}/nowhere")) == (403, "AB03")
    assert code(wire.admin("GET", f"{path}?workspace_id=ws-nowhere")) == (403, "AB03")

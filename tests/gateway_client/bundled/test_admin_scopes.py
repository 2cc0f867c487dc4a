"""What a key may do in the admin API: by scope, and in its own workspace only (facts/portkey.md 8)."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.admin import scopes
from gateway_client.bundled.admin.routes import TABLE
from gateway_client.contract import KeySpec
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url

PROVISIONER = (
    *(f"workspaces.{verb}" for verb in ("list", "read", "create", "update")),
    *(f"workspace_service_api_keys.{v}" for v in ("list", "read", "create", "update", "delete", "rotate")),
    *(f"configs.{verb}" for verb in ("list", "read", "create", "update", "delete")),
    *("providers.list", "providers.read"),
)
"""The least that the tool's own key needs (facts/portkey.md 8)."""
ROUTES = [(method, path) for method, path, _ in TABLE]
EVERY = sorted({scope for method, path in ROUTES for scope in scopes.of_route(method, path)})


CONDITION = {"conditions": [{"key": "metadata.team", "value": "eng"}], "group_by": [{"key": "api_key"}]}
MORE = {
    "/policies/usage-limits": {**CONDITION, "type": "cost", "credit_limit": 5},
    "/guardrails": {
        "name": "g",
        "checks": [{"id": "default.contains", "parameters": {"words": ["x"], "operator": "none"}}],
        "actions": {"deny": True},
    },
    "/logs/exports": {"filters": {}, "requested_data": ["id"]},
    "/policies/rate-limits": {**CONDITION, "type": "requests", "unit": "rpm", "value": 5},
}


def mint(wire: Any, kind: str, wanted: Any, **fields: Any) -> str:
    body = {"name": "admin", "scopes": list(wanted), **fields}
    reply = wire.admin("POST", f"/api-keys/{kind}", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["key"])


def told(reply: requests.Response) -> tuple[int, str | None]:
    body = reply.json()
    return reply.status_code, body.get("data", {}).get("errorCode") if reply.status_code != 200 else None


@pytest.fixture
def workspaces(wire: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two workspaces with one thing of each kind; the names are those of the paths' parameters."""
    found = []
    for name in ("ours", "theirs"):
        made = wire.admin("POST", "/admin/workspaces", json={"name": name}).json()
        email = f"{made['slug']}@example.com"
        place = {"id": made["id"], "role": "member"}
        body = {"email": email, "role": "member", "workspaces": [place]}
        invite = wire.admin("POST", "/admin/users/invites", json=body).json()["id"]
        (user,) = wire.admin("GET", f"/admin/users?email={email}").json()["data"]
        config = {"name": name, "config": {"provider": "@anthropic-prod"}, "workspace_id": made["id"]}
        found.append(
            {
                "id": made["id"],
                "user_id": user["id"],
                "invite_id": invite,
                "/api-keys/": wire.mint(name=name, workspace_id=made["id"])["id"],
                "slug": wire.admin("POST", "/configs", json=config).json()["slug"],
                **{
                    f"{path}/": wire.admin("POST", path, json=body | {"workspace_id": made["id"]}).json()[
                        "id"
                    ]
                    for path, body in MORE.items()
                },
            }
        )
    return found[0], found[1]


def test_every_route_has_a_scope() -> None:
    for method, path in ROUTES:
        for scope in scopes.of_route(method, path):
            assert re.fullmatch(r"[a-z_]+\.(list|read|create|update|delete|rotate|view|export|write)", scope)


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", "/v1/configs", "configs.list"),
        ("GET", "/v1/configs/{slug}", "configs.read"),
        ("GET", "/v1/configs/{slug}/versions", "configs.list"),
        ("DELETE", "/v1/admin/workspaces/{id}", "workspaces.delete"),
        ("PUT", "/v1/admin/workspaces/{id}/users/{user_id}", "workspace_users.update"),
        ("POST", "/v1/admin/users/invites/{invite_id}/resend", "organisation_users.create"),
        ("POST", "/v1/api-keys/{id}/rotate", "workspace_service_api_keys.rotate"),
        ("PUT", "/v1/policies/usage-limits/{id}/entities/{entity}/reset", "policies.update"),
        ("GET", "/v1/analytics/graphs/{graph}", "analytics.view"),
        ("GET", "/v1/logs", "logs.list"),
        ("GET", "/v1/logs/{id}", "logs.view"),
        ("POST", "/v1/logs", "logs.write"),
        ("POST", "/v1/logs/exports/{id}/start", "logs.export"),
        ("GET", "/v1/audit-logs", "audit_logs.list"),
    ],
)
def test_scopes_follow_from_method_and_path(method: str, path: str, wanted: str) -> None:
    assert wanted in scopes.of_route(method, path)


@pytest.mark.covers("S169")
def test_the_tools_own_key_needs_no_more_than_documented(wire: Any) -> None:
    key = mint(wire, "organisation/service", PROVISIONER)
    workspace = wire.admin("POST", "/admin/workspaces", json={"name": "eng"}).json()
    with closing(Door(parse_gateway_url(wire.url), SecretStr(key), sleep=lambda _: None)) as door:
        gateway = PortkeyGateway(door, workspace["slug"])
        gateway.check()
        config = gateway.create_config("desktop-eng-prod", {"provider": "@anthropic-prod"}).slug
        gateway.update_config(config, "desktop-eng-prod", {"provider": "@bedrock-prod"})
        spec = KeySpec(
            name="claude-desktop-eng-prod",
            description="",
            config=config,
            metadata={},
            budget=None,
            rate_limits=(),
            expires_at=None,
        )
        minted = gateway.create_key(spec)
        gateway.update_key(minted.id, replace(spec, description="d"))
        gateway.rotate_key(minted.id)
        assert [key.id for key in gateway.list_keys()] == [minted.id]
        gateway.delete_key(minted.id)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_key_without_the_scope_is_refused(wire: Any, method: str, path: str) -> None:
    wanted = scopes.of_route(method, path)
    key = mint(wire, "organisation/service", [scope for scope in EVERY if scope not in wanted])
    url = wire.url + re.sub(r"{\w+}", "x", path.replace("{type}/{sub_type}", "workspace/service"))
    reply = requests.request(method, url, headers={"x-portkey-api-key": key}, timeout=20)
    assert told(reply) == (403, "AB03")


def test_listing_is_not_reading(wire: Any) -> None:
    slug = wire.config()
    headers = {"x-portkey-api-key": mint(wire, "organisation/service", ["configs.list"])}
    assert told(wire.admin("GET", "/configs", headers=headers)) == (200, None)
    assert told(wire.admin("GET", f"/configs/{slug}", headers=headers)) == (403, "AB03")


def test_kinds_of_keys_are_listed_by_scope(wire: Any) -> None:
    wire.mint(name="service")
    headers = {
        "x-portkey-api-key": mint(wire, "organisation/service", ["organisation_service_api_keys.list"])
    }
    found = wire.admin("GET", "/api-keys", headers=headers).json()["data"]
    assert {key["type"] for key in found} == {"organisation-service"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_workspaces_key_never_reaches_another(
    wire: Any, workspaces: tuple[dict[str, Any], dict[str, Any]], method: str, path: str
) -> None:
    """Whatever it is asked for: nothing of the other workspace is told or changed."""
    ours, theirs = workspaces
    headers = {"x-portkey-api-key": mint(wire, "workspace/service", EVERY, workspace_id=ours["id"])}
    before = state(wire, theirs)
    values = {**theirs, "type": "workspace", "sub_type": "service"}
    values["id"] = next((theirs[prefix] for prefix in theirs if prefix in path), theirs["id"])
    target = re.sub(r"{(\w+)}", lambda match: values.get(match[1], "x"), path.removeprefix("/v1"))
    target += "" if method != "GET" else f"?workspace_id={theirs['id']}"
    body = {"name": "theirs", "config": {}, "scopes": EVERY[:1], "workspace_id": theirs["id"]}
    reply = wire.admin(method, target, headers=headers, json=body)
    assert reply.status_code in (400, 403, 404) or (path, reply.status_code) == ("/v1/admin/workspaces", 200)
    mine = wire.admin(method, target.partition("?")[0], headers=headers).text if method == "GET" else ""
    for text in (reply.text, mine):
        assert not [value for value in theirs.values() if value in text]
    assert state(wire, theirs) == before


def state(wire: Any, workspace: dict[str, Any]) -> list[str]:
    paths = [f"/admin/workspaces/{workspace['id']}", f"/api-keys?workspace_id={workspace['id']}"]
    paths += [f"{path}?workspace_id={workspace['id']}" for path in MORE]
    paths += [f"/configs?workspace_id={workspace['id']}", f"/admin/users/{workspace['user_id']}"]
    return [wire.admin("GET", path).text for path in paths]


def test_a_workspaces_key_manages_its_own(
    wire: Any, workspaces: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    ours, _ = workspaces
    given = ["workspace_service_api_keys.create", "configs.list", "completions.write"]
    headers = {"x-portkey-api-key": mint(wire, "workspace/service", EVERY, workspace_id=ours["id"])}
    own = {"x-portkey-api-key": mint(wire, "workspace/service", given, workspace_id=ours["id"])}
    minted = wire.admin(
        "POST", "/api-keys/workspace/service", headers=own, json={"name": "n", "scopes": given}
    )
    key = wire.admin("GET", f"/api-keys/{minted.json()['id']}", headers=headers).json()
    assert key["workspace_id"] == ours["id"]
    (workspace,) = wire.admin("GET", "/admin/workspaces", headers=headers).json()["data"]
    assert workspace["id"] == ours["id"]
    listed = wire.admin("GET", "/configs", headers=headers).json()["data"]
    assert [config["slug"] for config in listed] == [ours["slug"]]
    people = wire.admin("GET", f"/admin/workspaces/{ours['id']}/users", headers=headers).json()["data"]
    assert [person["id"] for person in people] == [ours["user_id"]]


MINTING = [f"workspace_service_api_keys.{verb}" for verb in ("create", "update", "rotate", "read")]


@pytest.mark.covers("T27")
@pytest.mark.parametrize("kind", ["organisation/service", "workspace/service"])
def test_nobody_gives_what_they_lack(wire: Any, kind: str) -> None:
    headers = {"x-portkey-api-key": mint(wire, kind, MINTING)}
    stronger = wire.mint(name="stronger", scopes=["configs.delete"])["id"]
    equal = wire.mint(name="equal", scopes=MINTING)["id"]
    strong = {"name": "n", "scopes": [*MINTING, "configs.delete"]}
    refused = [
        ("POST", "/api-keys/workspace/service", strong),
        ("PUT", f"/api-keys/{equal}", {"scopes": ["configs.delete"]}),
        ("POST", f"/api-keys/{stronger}/rotate", {}),  # its answer would tell the secret
        ("POST", "/api-keys/organisation/service", {"name": "n", "scopes": MINTING}),
        ("POST", "/api-keys/workspace/user", {"name": "n", "scopes": MINTING, "user_id": "x"}),
    ]
    for method, path, body in refused:
        assert told(wire.admin(method, path, headers=headers, json=body)) == (403, "AB03"), path
    allowed = [
        ("POST", "/api-keys/workspace/service", {"name": "n", "scopes": MINTING[:2]}),
        ("PUT", f"/api-keys/{stronger}", {"description": "still as strong"}),
        ("POST", f"/api-keys/{equal}/rotate", {}),
    ]
    for method, path, body in allowed:
        assert told(wire.admin(method, path, headers=headers, json=body)) == (200, None), path


def test_only_an_organisations_key_hands_out_the_data_plane_without_having_it(wire: Any) -> None:
    body = {"name": "n", "scopes": ["completions.write"]}
    for kind, expected in (("organisation/service", 200), ("workspace/service", 403)):
        headers = {"x-portkey-api-key": mint(wire, kind, MINTING)}
        reply = wire.admin("POST", "/api-keys/workspace/service", headers=headers, json=body)
        assert reply.status_code == expected


def test_a_users_key_manages_no_keys(wire: Any, workspaces: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, _ = workspaces
    fields = {"workspace_id": ours["id"], "user_id": ours["user_id"]}
    headers = {"x-portkey-api-key": mint(wire, "workspace/user", EVERY, **fields)}
    assert told(wire.admin("GET", "/api-keys", headers=headers)) == (403, "AB03")
    assert told(wire.admin("GET", "/configs", headers=headers)) == (200, None)


def test_a_key_that_ended_opens_nothing(wire: Any) -> None:
    gone = mint(wire, "organisation/service", EVERY)
    keys = wire.admin("GET", "/api-keys?page_size=1000").json()["data"]
    wire.admin("DELETE", f"/api-keys/{keys[-1]['id']}")
    expired = mint(wire, "organisation/service", EVERY, expires_at="2026-11-20T12:00:01Z")
    wire.clock.forward(seconds=2)
    for key in (gone, expired):
        reply = wire.admin("GET", "/configs", headers={"x-portkey-api-key": key})
        assert told(reply) == (401, "AB05")


def test_the_audit_tells_who_called(wire: Any) -> None:
    key = mint(wire, "organisation/service", ["configs.list"])
    wire.admin("GET", "/configs", headers={"x-portkey-api-key": key})
    wire.admin("GET", "/configs", headers={"x-portkey-api-key": "nobody-we-know"})
    identity = wire.admin("GET", "/api-keys?page_size=1000").json()["data"][-1]["id"]
    calls = wire.admin("GET", "/audit").json()["data"][:4]
    assert [call["caller"] for call in calls[1:]] == [None, identity, "admin token"]

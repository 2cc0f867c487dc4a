"""`/v1/configs`, `/v1/admin/workspaces` and `/v1/providers` over a socket (facts/portkey.md 5 to 7)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

BODY = {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}


def test_config_life(wire: Any) -> None:
    sent = {"name": "desktop-eng-prod", "config": BODY, "isDefault": 1}
    made = wire.admin("POST", "/configs", json=sent).json()
    assert set(made) == {"id", "slug", "version_id", "object"}
    assert re.fullmatch(r"pc-deskto-[0-9a-f]{6}", made["slug"])

    read = wire.admin("GET", f"/configs/{made['slug']}").json()
    assert isinstance(read["config"], str)
    assert json.loads(read["config"]) == BODY
    assert (read["name"], read["is_default"], read["status"]) == ("desktop-eng-prod", 1, "active")
    assert (read["format"], read["type"]) == ("json", "ORG_CONFIG")
    assert read["version_id"] == made["version_id"]
    assert wire.admin("GET", f"/configs/{made['id']}").json() == read

    change = {"slug": made["slug"], "config": {"provider": "@bedrock-prod"}, "status": "active"}
    second = wire.admin("PUT", f"/configs/{made['slug']}", json=change).json()
    assert second["version_id"] != made["version_id"]
    renamed = wire.admin("PUT", f"/configs/{made['slug']}", json={"name": "other"}).json()
    assert renamed == second
    versions = wire.admin("GET", f"/configs/{made['slug']}/versions").json()
    assert versions["total"] == 2
    assert [json.loads(version["config"]) for version in versions["data"]] == [change["config"], BODY]
    assert [version["version_id"] for version in versions["data"]] == [
        second["version_id"],
        made["version_id"],
    ]

    assert wire.admin("DELETE", f"/configs/{made['slug']}").json() == {}
    gone = wire.admin("GET", f"/configs/{made['slug']}")
    assert (gone.status_code, gone.json()["data"]["errorCode"]) == (403, "AB03")


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        (
            {"strategy": {"mode": "fallback"}, "targets": [BODY, {"provider": "@anthropik-prod"}]},
            [
                "targets[1].provider: no provider is called @anthropik-prod; "
                "there are @anthropic-prod, @azure-prod, @bedrock-prod, @vertex-prod"
            ],
        ),
        (
            {
                "targets": [{"targets": [{"override_params": {"model": "@nobody/claude-opus-4-8"}}]}],
                "input_guardrails": ["nope"],
                "output_guardrails": ["pg-gone-000000"],
            },
            [
                "targets[0].targets[0].override_params.model: no provider is called @nobody; there are",
                "input_guardrails[0]: no guardrail is called nope",
                "output_guardrails[0]: no guardrail is called pg-gone-000000",
            ],
        ),
    ],
)
def test_a_config_that_names_what_is_not_there_is_refused(
    wire: Any, config: dict[str, Any], problems: list[str]
) -> None:
    slug, total = wire.config(BODY), wire.admin("GET", "/configs").json()["total"]
    for method, path in (("POST", "/configs"), ("PUT", f"/configs/{slug}")):
        reply = wire.admin(method, path, json={"name": "x", "config": config})
        assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")
        for problem in problems:
            assert problem in reply.json()["data"]["message"]
    assert wire.admin("GET", "/configs").json()["total"] == total
    assert wire.admin("GET", f"/configs/{slug}/versions").json()["total"] == 1


def test_a_config_may_name_guardrails_of_its_workspace_and_of_the_organisation(wire: Any) -> None:
    organisation = wire.admin("GET", f"/configs/{wire.config(BODY)}").json()["organisation_id"]
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()["id"]
    body = {"name": "g", "checks": [{"id": "default.modelwhitelist", "parameters": {"models": ["m"]}}]}
    ours, everybodys, others = (
        wire.admin("POST", "/guardrails", json={**body, "actions": {}, **of}).json()["slug"]
        for of in ({}, {"organisation_id": organisation}, {"workspace_id": other})
    )
    slug = wire.config({**BODY, "input_guardrails": [ours], "output_guardrails": [everybodys]})
    reply = wire.admin(
        "PUT", f"/configs/{slug}", json={"config": {**BODY, "input_guardrails": [ours, others]}}
    )
    assert reply.status_code == 400
    assert f"input_guardrails[1]: no guardrail is called {others}" in reply.json()["data"]["message"]


def test_same_name_twice_and_listing_without_bodies(wire: Any) -> None:
    slugs = {wire.config(BODY, "twin"), wire.config(BODY, "twin")}
    listed = [c for c in wire.admin("GET", "/configs?").json()["data"] if c["name"] == "twin"]
    assert {config["slug"] for config in listed} == slugs
    assert not any("config" in config for config in listed)


def test_a_bad_config_is_refused_with_its_paths_and_nothing_is_saved(wire: Any) -> None:
    before = wire.admin("GET", "/configs").json()["total"]
    bad = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"weight": 0}]}
    reply = wire.admin("POST", "/configs", json={"name": "x", "config": bad})
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")
    assert "targets[1].weight: input should be greater than 0" in reply.json()["data"]["message"]
    assert wire.admin("GET", "/configs").json()["total"] == before
    slug = wire.config(BODY)
    reply = wire.admin("PUT", f"/configs/{slug}", json={"config": bad})
    assert reply.status_code == 400
    assert json.loads(wire.admin("GET", f"/configs/{slug}").json()["config"]) == BODY


def test_workspace_life(wire: Any) -> None:
    sent = {"name": "Eng", "description": "d", "defaults": {"metadata": {"tenant": "acme"}}, "users": []}
    made = wire.admin("POST", "/admin/workspaces", json=sent).json()
    assert re.fullmatch(r"ws-eng-[0-9a-f]{6}", made["slug"])
    query = {"name": "En", "exact_name": "Eng", "pageSize": "50", "currentPage": "0"}
    (listed,) = wire.admin("GET", "/admin/workspaces", params=query).json()["data"]
    assert listed["id"] == made["id"]
    path = f"/admin/workspaces/{made['slug']}"
    assert wire.admin("PUT", path, json={"name": "Engineering"}).json()["name"] == "Engineering"
    read = wire.admin("GET", path).json()
    assert (read["name"], read["description"]) == ("Engineering", "d")
    assert read["defaults"]["metadata"] == {"tenant": "acme"}

    key = wire.mint(workspace_id=made["slug"])
    assert wire.admin("GET", f"/api-keys/{key['id']}").json()["workspace_id"] == made["id"]
    wrong = wire.admin("DELETE", path, json={"name": "Eng"})
    assert (wrong.status_code, wrong.json()["data"]["errorCode"]) == (400, "AB01")
    held = wire.admin("DELETE", path, json={"name": "Engineering"})
    assert (held.status_code, held.json()["data"]["errorCode"]) == (409, "AB07")
    forced = {"workspace_id": made["slug"], "name": "Engineering", "force_delete": True}
    assert wire.admin("DELETE", path, json=forced).json() == {}
    assert wire.admin("GET", path).status_code == 403
    assert wire.ask(key["key"]).status_code == 401


def test_the_default_workspace_stays(wire: Any) -> None:
    (default,) = [w for w in wire.admin("GET", "/admin/workspaces").json()["data"] if w["is_default"]]
    reply = wire.admin("DELETE", f"/admin/workspaces/{default['id']}", json={"name": default["name"]})
    assert reply.status_code == 403
    assert wire.admin("GET", "/admin/workspaces", params={"status": "archived"}).json()["total"] == 0


@pytest.mark.covers("S152", "S153", "S154")
def test_providers_are_listed_and_can_not_be_changed(wire: Any) -> None:
    listed = wire.admin("GET", "/providers?current_page=0&page_size=50&workspace_id=").json()
    slugs = [provider["slug"] for provider in listed["data"]]
    assert slugs == ["anthropic-prod", "bedrock-prod", "vertex-prod", "azure-prod"]
    assert wire.admin("GET", "/providers/vertex-prod").json() == listed["data"][2]
    assert wire.admin("GET", "/providers/nobody").status_code == 403
    assert wire.admin("DELETE", "/providers/vertex-prod").status_code == 405

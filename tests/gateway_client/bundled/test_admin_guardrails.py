"""`/v1/guardrails` and `/v1/integrations`: what is refused, and answers against the contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

PII = {"id": "default.pii", "parameters": {"categories": ["SSN"]}, "name": "no numbers"}
DENY = {"deny": True, "async": False}


def create(wire: Any, **fields: Any) -> Any:
    body = {"name": "content rules", "checks": [PII], "actions": DENY, **fields}
    return wire.admin("POST", "/guardrails", json=body)


def test_what_is_saved_is_what_is_read(wire: Any) -> None:
    made = create(wire).json()
    assert set(made) == {"id", "slug", "version_id", "object"}
    assert made["slug"].startswith("pg-conten-")
    for reference in (made["id"], made["slug"]):
        found = wire.admin("GET", f"/guardrails/{reference}").json()
        assert found["checks"] == [{**PII, "is_enabled": True}]
        assert found["actions"] == {
            **DENY,
            "sequential": False,
            "on_success": {"feedback": {"value": 5, "weight": 1, "metadata": ""}},
            "on_fail": {"feedback": {"value": -5, "weight": 1, "metadata": ""}},
        }
    listed = wire.admin("GET", "/guardrails", params={"page_size": 1000}).json()["data"]
    assert "checks" not in next(row for row in listed if row["id"] == made["id"])


def test_an_update_changes_what_it_names(wire: Any) -> None:
    made = create(wire).json()
    sent = {
        "name": "other",
        "checks": [{"id": "default.contains", "parameters": {"words": ["x"], "operator": "none"}}],
    }
    reply = wire.admin("PUT", f"/guardrails/{made['slug']}", json=sent)
    assert reply.json()["slug"] == made["slug"]
    assert reply.json()["version_id"] != made["version_id"]
    found = wire.admin("GET", f"/guardrails/{made['slug']}").json()
    assert (found["name"], found["checks"][0]["id"], found["actions"]["deny"]) == (
        "other",
        "default.contains",
        True,
    )


def test_what_is_not_there_is_forbidden(wire: Any) -> None:
    for method in ("GET", "PUT", "DELETE"):
        reply = wire.admin(method, "/guardrails/pg-nobody-000000", json={})
        assert (reply.status_code, reply.json()["data"]["errorCode"]) == (403, "AB03")
    assert create(wire, workspace_id="nowhere").status_code == 403
    assert create(wire, organisation_id="nobody").status_code == 403


def test_every_problem_is_told_with_its_path_and_no_value(wire: Any) -> None:
    sent = {
        "name": "",
        "checks": [
            {"id": "portkey.pii", "parameters": {}},
            {"id": "default.regexMatch", "parameters": {"rule": "(canary-value"}},
            {"id": "default.contains", "parameters": {"words": [], "oops": 1}},
            {"id": "default.pii", "parameters": {"categories": ["NAME"]}},
            {"id": "default.modelRules", "parameters": {"rules": {}}},
            {"id": "default.regexMatch"},
            {
                "id": "default.requiredMetadataKeyPairs",
                "parameters": {"metadataPairs": {"env": "["}, "matchType": "regex"},
            },
            {
                "id": "default.allowedRequestTypes",
                "parameters": {"allowedTypes": ["messages"], "blockedTypes": ["messages"]},
            },
        ],
        "actions": {"deny": "yes", "message": "canary-value"},
    }
    reply = wire.admin("POST", "/guardrails", json=sent)
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")
    told = reply.json()["data"]["message"].split("; ")
    assert [problem.partition(": ")[0] for problem in told] == [
        "name",
        "checks.0.id",
        "checks.1.parameters.rule",
        "checks.2.parameters.words",
        "checks.2.parameters.operator",
        "checks.2.parameters.oops",
        "checks.3.parameters.categories.0",
        "checks.4.parameters",
        "checks.5.parameters.rule",
        "checks.6.parameters",
        "checks.7.parameters",
        "actions.deny",
        "actions.message",
    ]
    assert "canary-value" not in reply.text


@pytest.mark.parametrize(
    "checks", [[], [PII] * 51, "x", [None], [{"id": 5}], [{"id": "default.pii", "parameters": []}]]
)
def test_other_shapes_are_refused(wire: Any, checks: Any) -> None:
    assert create(wire, checks=checks).status_code == 400


def test_integrations_are_the_providers(wire: Any) -> None:
    listed = wire.admin("GET", "/integrations", params={"current_page": 0, "page_size": 100}).json()
    slugs = [row["slug"] for row in listed["data"]]
    assert {"anthropic-prod", "bedrock-prod", "vertex-prod", "azure-prod"} <= set(slugs)
    assert listed["total"] == len(slugs)
    assert wire.admin("GET", "/integrations", params={"type": "workspace"}).json()["data"] == []
    assert wire.admin("GET", "/integrations", params={"type": "x"}).status_code == 400
    assert wire.admin("GET", "/integrations/bedrock-prod").json()["ai_provider_id"] == "bedrock"
    for path in ("", "/models", "/workspaces"):
        assert wire.admin("GET", f"/integrations/nobody{path}").status_code == 403


def test_each_workspace_has_every_integration(wire: Any) -> None:
    path = "/integrations/azure-prod/workspaces"
    workspace = wire.admin("POST", "/admin/workspaces", json={"name": "Eng"}).json()
    shown = wire.admin("GET", path).json()
    assert {row["id"]: row["enabled"] for row in shown["workspaces"]}[workspace["id"]] is True
    yes = {"workspaces": [{"id": workspace["slug"], "enabled": True}]}
    assert wire.admin("PUT", path, json=yes).json() == {}
    no = {"workspaces": [{"id": workspace["slug"], "enabled": False}]}
    assert wire.admin("PUT", path, json=no).status_code == 400
    assert (
        wire.admin("PUT", path, json={"workspaces": [{"id": "nowhere", "enabled": True}]}).status_code == 403
    )


def schema_of(contract: Any, path: str, method: str) -> Any:
    return contract["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]


def as_json_schema(contract: Any, schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON schema, its references filled in."""
    if isinstance(schema, list):
        return [as_json_schema(contract, part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return as_json_schema(contract, contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    found = {name: as_json_schema(contract, part) for name, part in schema.items()}
    if found.get("nullable") is True and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def faults(contract: Any, path: str, method: str, answer: Any) -> list[str]:
    """Return where an answer is not what Portkey's specification says."""
    validator = jsonschema.Draft202012Validator(as_json_schema(contract, schema_of(contract, path, method)))
    return sorted(
        {".".join(str(part) for part in error.absolute_path) for error in validator.iter_errors(answer)}
    )


KNOWN = {
    "owner_id": "a UUID, never null; the admin token belongs to no user",
    "checks.0.parameters": "any object fits several of the specification's shapes, where one is to fit",
}


def test_answers_fit_the_contract(wire: Any, shared: Path) -> None:
    text = (shared / "contracts" / "portkey-openapi.yaml").read_bytes()
    contract = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    words = {"id": "default.contains", "parameters": {"words": ["x"], "operator": "none"}}
    made = create(wire, checks=[words])
    one = f"/guardrails/{made.json()['slug']}"
    found: set[str] = set()
    for path, method, reply in (
        ("/guardrails", "post", made),
        ("/guardrails", "get", wire.admin("GET", "/guardrails")),
        ("/guardrails/{guardrailId}", "get", wire.admin("GET", one)),
        ("/guardrails/{guardrailId}", "put", wire.admin("PUT", one, json={"name": "n"})),
        ("/integrations", "get", wire.admin("GET", "/integrations")),
        ("/integrations/{slug}", "get", wire.admin("GET", "/integrations/azure-prod")),
        ("/integrations/{slug}/models", "get", wire.admin("GET", "/integrations/azure-prod/models")),
        ("/integrations/{slug}/workspaces", "get", wire.admin("GET", "/integrations/azure-prod/workspaces")),
    ):
        assert reply.status_code == 200, reply.text
        found |= {
            fault.rpartition("data.")[2].lstrip("0123456789.")
            for fault in faults(contract, path, method, reply.json())
        }
    assert found == set(KNOWN)

"""Model allow-lists: what is refused with 412, and what `GET /v1/models` says a key can use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
portkey_ai = pytest.importorskip("portkey_ai", reason="the portkey-ai SDK is not installed")
exceptions = pytest.importorskip("portkey_ai.api_resources.exceptions")

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"  # as in conftest
OPUS, HAIKU, SONNET = "claude-opus-4-8", "claude-haiku-4-5", "claude-sonnet-4-6"


@pytest.fixture
def gate(start_gateway: Callable[..., Any]) -> Any:
    """A gateway for one test: allow-lists hold for everyone."""
    return start_gateway()


def allow(gate: Any, slug: str, *models: str, others: bool = False) -> None:
    body = {"allow_all_models": others, "models": [{"slug": model, "enabled": True} for model in models]}
    reply = gate.admin("PUT", f"/integrations/{slug}/models", json=body)
    assert (reply.status_code, reply.json()) == (200, {})


def models(gate: Any, key: str, **headers: str) -> list[str]:
    sent = {"authorization": f"Bearer {key}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    reply = gate.session.get(f"{gate.url}/v1/models", headers=sent, timeout=20)
    assert reply.status_code == 200, reply.text
    return [model["id"] for model in reply.json()["data"]]


@pytest.mark.covers("S164", "S193")
def test_a_model_that_is_not_listed_is_refused(gate: Any) -> None:
    key = gate.bound()["key"]
    assert gate.ask(key, model=OPUS).status_code == 200
    allow(gate, "anthropic-prod", HAIKU)
    assert gate.ask(key, model=HAIKU).status_code == 200
    for name in (OPUS, f"@anthropic-prod/{OPUS}", f"anthropic/{OPUS}"):
        reply = gate.ask(key, model=name)
        assert reply.status_code == 412
        error = reply.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["type"], error["param"]) == ("model_not_allowed_error", None)
    half = gate.ask(key, model="half \ud800 a character")
    assert (half.status_code, "half ? a character" in half.text) == (412, True)
    assert gate.ask(gate.bound({"provider": "@vertex-prod"})["key"], model=OPUS).status_code == 200


def test_a_list_is_changed_model_by_model(gate: Any) -> None:
    path = "/integrations/anthropic-prod/models"

    def enabled() -> dict[str, bool]:
        return {row["slug"]: row["enabled"] for row in gate.admin("GET", path).json()["models"]}

    assert all(enabled().values())
    allow(gate, "anthropic-prod", HAIKU, "house-model")
    gate.admin(
        "PUT", path, json={"models": [{"slug": OPUS, "enabled": True}, {"slug": HAIKU, "enabled": False}]}
    )
    assert {name for name, on in enabled().items() if on} == {OPUS, "house-model"}
    shown = gate.admin("GET", path).json()
    assert shown["allow_all_models"] is False
    assert [row["slug"] for row in shown["models"] if row["is_custom"]] == ["house-model"]
    gate.admin("PUT", path, json={"models": [], "allow_all_models": True})
    assert {name for name, on in enabled().items() if not on} == {HAIKU}
    assert gate.admin("DELETE", path, params={"slugs": f"{HAIKU},house-model"}).json() == {}
    assert all(enabled().values())
    assert "house-model" not in enabled()
    assert gate.admin("DELETE", path).status_code == 400
    refused = {"models": [{"slug": OPUS, "enabled": True, "configurations": {"custom_host": "http://x"}}]}
    assert gate.admin("PUT", path, json=refused).status_code == 400


@pytest.mark.covers("S193")
def test_a_list_survives_a_restart(run_gateway: Callable[..., Any], database: Any) -> None:
    with run_gateway(database=database) as gate:
        allow(gate, "anthropic-prod", HAIKU)
        key = gate.bound()["key"]
    with run_gateway(database=database) as gate:
        assert gate.ask(key, model=OPUS).status_code == 412


@pytest.mark.covers("S193")
def test_models_are_those_that_the_key_can_use(gate: Any) -> None:
    plain, pinned = (
        gate.bound()["key"],
        gate.bound({"override_params": {"model": f"@vertex-prod/{OPUS}"}})["key"],
    )
    branch = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"params.model": {"$regex": "haiku"}}, "then": "small"}],
        },
        "targets": [{"name": "small", "provider": "@anthropic-prod"}],
    }
    small, unbound = gate.bound(branch)["key"], gate.mint()["key"]
    assert {OPUS, HAIKU, SONNET} <= set(models(gate, plain))
    assert models(gate, pinned) == [OPUS]
    assert models(gate, small)
    assert all("haiku" in name for name in models(gate, small))
    assert f"@azure-prod/{OPUS}" in models(gate, unbound)
    assert models(gate, unbound, x_portkey_provider="@azure-prod") == models(gate, plain)

    allow(gate, "anthropic-prod", HAIKU, "house-model")
    allow(gate, "azure-prod", HAIKU)
    assert models(gate, plain) == [HAIKU, "house-model"]
    assert models(gate, pinned) == [OPUS]
    assert models(gate, small) == [HAIKU]
    assert models(gate, unbound, x_portkey_provider="@azure-prod") == [HAIKU]
    for name in models(gate, unbound):
        assert gate.ask(unbound, model=name).status_code == 200
    allow(gate, "vertex-prod")
    assert models(gate, pinned) == []


@pytest.mark.covers("S193")
def test_models_follow_rules_by_the_key_s_metadata(gate: Any) -> None:
    rules = {"metadata": {"env": {"prod": [OPUS, SONNET], "staging": [HAIKU]}}}
    checks = [{"id": "default.modelRules", "parameters": {"rules": rules}}, {"id": "default.pii"}]
    sent = {"name": "models by env", "checks": checks, "actions": {"deny": True, "async": False}}
    slug = gate.admin("POST", "/guardrails", json=sent).json()["slug"]
    config = {"provider": "@anthropic-prod", "input_guardrails": [slug]}
    forged = json.dumps({"env": "prod"})
    staging = gate.bound(config, metadata={"env": "staging"})["key"]
    assert models(gate, staging, x_portkey_metadata=forged) == [HAIKU]
    assert set(models(gate, gate.bound(config, metadata={"env": "prod"})["key"])) == {OPUS, SONNET}
    assert models(gate, gate.bound(config)["key"]) == []


@pytest.mark.covers("S164")
def test_both_real_sdks_read_the_models_and_the_refusal(gate: Any) -> None:
    allow(gate, "anthropic-prod", HAIKU)
    key = gate.bound()["key"]
    with anthropic.Anthropic(auth_token=key, base_url=gate.url, max_retries=0) as client:
        assert [model.id for model in client.models.list(limit=1000)] == [HAIKU]
        with pytest.raises(anthropic.APIStatusError) as caught:
            client.messages.create(model=OPUS, max_tokens=10, messages=[{"role": "user", "content": "hi"}])
        assert caught.value.status_code == 412
        assert "model_not_allowed_error" in str(caught.value)
    with portkey_ai.Portkey(api_key=key, base_url=f"{gate.url}/v1") as sdk:
        listed = sdk.models.list()
        assert (listed.object, [model.id for model in listed.data]) == ("list", [HAIKU])
        with pytest.raises(exceptions.APIStatusError, match="is not allowed for provider") as told:
            sdk.post("/messages", model=OPUS, max_tokens=10, messages=[{"role": "user", "content": "hi"}])
        assert told.value.status_code == 412
        sdk.openai_client.close()
    with portkey_ai.Portkey(api_key=ADMIN, base_url=f"{gate.url}/v1") as sdk:
        shown = sdk.integrations.models.list(slug="anthropic-prod")
        assert [model.slug for model in shown.models if model.enabled] == [HAIKU]
        assert "anthropic-prod" in [row.slug for row in sdk.integrations.list().data]
        assert sdk.integrations.retrieve(slug="anthropic-prod").allow_all_models is False
        assert sdk.integrations.workspaces.list(slug="anthropic-prod").workspaces[0].enabled is True
        sdk.integrations.models.update(
            slug="anthropic-prod", models=[{"slug": OPUS, "enabled": True}], allow_all_models=False
        )
    assert gate.ask(key, model=OPUS).status_code == 200


def test_who_may_list_models(gate: Any) -> None:
    headers = {"authorization": f"Bearer {gate.mint(scopes=['logs.view'])['key']}"}
    assert gate.session.get(f"{gate.url}/v1/models", headers=headers, timeout=20).status_code == 403
    assert models(gate, gate.mint(scopes=["virtual_keys.list"])["key"])

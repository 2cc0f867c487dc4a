"""The real `portkey-ai` SDK against the bundled gateway: keys, configs, workspaces, providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings

portkey_ai = pytest.importorskip("portkey_ai", reason="the portkey-ai SDK is not installed")
exceptions = pytest.importorskip(
    "portkey_ai.api_resources.exceptions", reason="the portkey-ai SDK is not installed"
)

ADMIN = "admin-token-for-the-portkey-sdk"
FALLBACK = {
    "strategy": {"mode": "fallback"},
    "targets": [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}],
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("portkey-sdk") / "gateway.db"
    with Embedded(GatewaySettings(database, SecretStr(ADMIN))) as running:
        yield running.url


@pytest.fixture
def portkey(gateway: str) -> Iterator[Any]:
    with portkey_ai.Portkey(api_key=ADMIN, base_url=f"{gateway}/v1") as client:
        yield client


def audit(gateway: str) -> list[tuple[str, str]]:
    reply = requests.get(f"{gateway}/v1/audit", headers={"x-portkey-api-key": ADMIN}, timeout=20)
    return [(call["method"], call["path"]) for call in reply.json()["data"]]


def test_configs(portkey: Any, gateway: str) -> None:
    made = portkey.configs.create(name="desktop-eng-prod", config=FALLBACK, is_default=0)
    assert made.slug.startswith("pc-deskto-")
    assert made.slug in [config["slug"] for config in portkey.configs.list().data]
    read = portkey.configs.retrieve(slug=made.slug)
    assert json.loads(read.config) == FALLBACK
    updated = portkey.configs.update(slug=made.slug, name="renamed", config={"provider": "@vertex-prod"})
    assert updated.version_id != made.version_id
    read = portkey.configs.retrieve(slug=made.slug)
    assert (read.name, json.loads(read.config)) == ("renamed", {"provider": "@vertex-prod"})
    portkey.configs.delete(slug=made.slug)
    with pytest.raises(exceptions.PermissionDeniedError):
        portkey.configs.retrieve(slug=made.slug)
    with pytest.raises(exceptions.BadRequestError, match="weight"):
        portkey.configs.create(name="x", config={"provider": "@a", "weight": 0})
    failed, before = audit(gateway)[:2]
    assert failed == ("POST", "/v1/configs")
    assert before == ("GET", f"/v1/configs/{made.slug}"), "the SDK repeated a failed create"


def test_api_keys(portkey: Any) -> None:
    config = portkey.configs.create(name="desktop-eng-prod", config=FALLBACK).slug
    defaults = {
        "metadata": {"team": "eng", "env": "prod"},
        "config_id": config,
        "allow_config_override": False,
    }
    made = portkey.api_keys.create(
        type="workspace",
        sub_type="service",
        name="claude-desktop-eng-prod",
        description="",
        scopes=["completions.write"],
        rate_limits=[{"type": "requests", "unit": "rpm", "value": 60}],
        usage_limits={"type": "cost", "credit_limit": 100, "periodic_reset": "monthly"},
        defaults=defaults,
        expires_at="2027-01-01T00:00:00Z",
        alert_emails=["a@example.com"],
    )
    assert len(made.key) == 43
    listed = {key["id"]: key for key in portkey.api_keys.list(page_size=100, current_page=0).data}
    assert listed[made.id]["name"] == "claude-desktop-eng-prod"
    read = portkey.api_keys.retrieve(id=made.id)
    assert read.key != made.key
    assert read.defaults == defaults
    assert read.usage_limits["credit_limit"] == 100
    portkey.api_keys.update(id=made.id, name="renamed", usage_limits=None, reset_usage=True)
    read = portkey.api_keys.retrieve(id=made.id)
    assert (read.name, read.usage_limits, read.expires_at) == ("renamed", None, "2027-01-01T00:00:00.000Z")
    portkey.api_keys.delete(id=made.id)
    assert made.id not in [key["id"] for key in portkey.api_keys.list().data]
    with pytest.raises(exceptions.PermissionDeniedError):
        portkey.api_keys.retrieve(id=made.id)


def test_workspaces_and_providers(portkey: Any) -> None:
    made = portkey.admin.workspaces.create(name="Eng", defaults={"metadata": {"tenant": "acme"}}, users=[])
    (listed,) = portkey.admin.workspaces.list(exact_name="Eng").data
    assert listed["id"] == made.id
    assert portkey.admin.workspaces.retrieve(workspace_id=made.slug).name == "Eng"
    portkey.admin.workspaces.delete(workspace_id=made.slug, name="Eng")
    assert portkey.admin.workspaces.list(exact_name="Eng").total == 0
    assert "anthropic-prod" in [provider["slug"] for provider in portkey.providers.list().data]
    assert portkey.providers.retrieve(slug="anthropic-prod").status == "active"


def test_a_wrong_token_is_an_authentication_error(gateway: str) -> None:
    with (
        portkey_ai.Portkey(api_key="wrong", base_url=f"{gateway}/v1") as stranger,
        pytest.raises(exceptions.AuthenticationError),
    ):
        stranger.configs.list()

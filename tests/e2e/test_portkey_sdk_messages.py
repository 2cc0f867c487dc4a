"""The real `portkey-ai` SDK on the data plane: it posts messages, with its own headers for routing."""

from __future__ import annotations

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
ASK = {"model": "claude-opus-4-8", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("portkey-sdk") / "gateway.db"
    with Embedded(GatewaySettings(database, SecretStr(ADMIN))) as running:
        yield running.url


@pytest.fixture(scope="module")
def key(gateway: str) -> str:
    with portkey_ai.Portkey(api_key=ADMIN, base_url=f"{gateway}/v1") as admin:
        made = admin.api_keys.create(
            type="workspace", sub_type="service", name="sdk", scopes=["completions.write"]
        )
    return str(made.key)


def log(gateway: str) -> dict[str, Any]:
    reply = requests.get(f"{gateway}/v1/logs", headers={"x-portkey-api-key": ADMIN}, timeout=20)
    return dict(reply.json()["data"][0])


def test_messages_with_a_provider_metadata_and_a_trace(gateway: str, key: str) -> None:
    """The SDK sends `Authorization: Bearer OPENAI_API_KEY` as well; ours is the other header."""
    with portkey_ai.Portkey(
        api_key=key,
        base_url=f"{gateway}/v1",
        provider="@bedrock-prod",
        metadata={"_user": "alice@acme.com", "team": "support"},
        trace_id="trace-of-the-sdk",
    ) as client:
        answer = client.post("/messages", **ASK)
    assert answer.content[0]["text"] == "echo: hello"
    entry = log(gateway)
    assert (entry["provider"], entry["trace_id"]) == ("bedrock-prod", "trace-of-the-sdk")
    assert entry["metadata"] == {"_user": "alice@acme.com", "team": "support"}


@pytest.mark.covers("S160")
def test_its_cache_headers_count(gateway: str, key: str) -> None:
    with portkey_ai.Portkey(api_key=ADMIN, base_url=f"{gateway}/v1") as admin:
        config = {"provider": "@anthropic-prod", "cache": {"mode": "simple"}}
        slug = admin.configs.create(name="cached", config=config).slug
    seen = []
    for options in ({}, {}, {"cache_force_refresh": True}, {"cache_namespace": "mine"}):
        with portkey_ai.Portkey(api_key=key, base_url=f"{gateway}/v1", config=slug, **options) as client:
            headers = client.post("/messages", **ASK).get_headers()
        seen.append(headers["cache-status"])
    assert seen == ["MISS", "HIT", "REFRESH", "MISS"]


@pytest.mark.parametrize(
    ("text", "error"), [("[[echo:429]]", "RateLimitError"), ("[[echo:529]]", "InternalServerError")]
)
def test_a_providers_faults_become_its_errors(gateway: str, key: str, text: str, error: str) -> None:
    asked = {**ASK, "messages": [{"role": "user", "content": text}]}
    with (
        portkey_ai.Portkey(api_key=key, base_url=f"{gateway}/v1", provider="@anthropic-prod") as client,
        pytest.raises(getattr(exceptions, error)),
    ):
        client.post("/messages", **asked)

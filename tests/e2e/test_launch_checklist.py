"""The admin guide's checks before launch (S190), walked against the bundled gateway.

The requests are those that Claude Desktop is documented to send: the key as bearer, who it is for in
`x-portkey-metadata`, no other header of Portkey's (facts/portkey.md 10.1).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings

ADMIN = "admin-token-for-the-checklist"
ALICE = {"tenant": "acme", "user": "alice@acme.com", "team": "support", "env": "prod"}
PLAIN = {"provider": "@anthropic-prod"}


@dataclass
class Desktop:
    """Claude Desktop on somebody's machine."""

    url: str
    key: str

    def ask(self, text: str, metadata: dict[str, str] | None = None, **params: Any) -> requests.Response:
        body = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": text}],
            **params,
        }
        headers = {
            "authorization": f"Bearer {self.key}",
            "anthropic-version": "2023-06-01",
            "x-portkey-metadata": json.dumps(ALICE if metadata is None else metadata),
        }
        return requests.post(f"{self.url}/v1/messages", json=body, headers=headers, timeout=20)


class Office:
    """The platform admin: makes a key with a config, and looks at logs and figures."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, **options: Any) -> Any:
        headers = {"x-portkey-api-key": ADMIN}
        reply = requests.request(method, f"{self.url}/v1{path}", headers=headers, timeout=20, **options)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def desktop(self, config: dict[str, Any], **fields: Any) -> Desktop:
        slug = self.call("POST", "/configs", json={"name": "desktop-support-prod", "config": config})["slug"]
        metadata = {"tenant": "acme", "team": "support", "env": "prod"}
        defaults = {"config_id": slug, "allow_config_override": False, "metadata": metadata}
        body = {"name": "claude-desktop-support-prod", "scopes": ["completions.write"], "defaults": defaults}
        made = self.call("POST", "/api-keys/workspace/service", json={**body, **fields})
        return Desktop(self.url, made["key"])

    def newest(self) -> dict[str, Any]:
        return dict(self.call("GET", "/logs")["data"][0])

    def spent(self, key: str, value: str) -> float:
        """Return the cents that stand under one value of a metadata key."""
        now = datetime.now(UTC)
        times = {
            "time_of_generation_min": (now - timedelta(hours=1)).isoformat(),
            "time_of_generation_max": (now + timedelta(hours=1)).isoformat(),
        }
        found = self.call("GET", f"/analytics/groups/metadata/{key}", params=times)["data"]
        return sum(row["cost"] for row in found if row["metadata_value"] == value)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    database = tmp_path_factory.mktemp("checklist") / "gateway.db"
    with Embedded(GatewaySettings(database, SecretStr(ADMIN))) as running:
        yield Office(running.url)


@pytest.mark.covers("S190b")
def test_requests_appear_in_the_log_with_their_metadata(office: Office) -> None:
    desktop = office.desktop(PLAIN)
    nonce = str(uuid.uuid4())
    assert desktop.ask(f"hello {nonce}", {**ALICE, "nonce": nonce}).status_code == 200
    entry = office.newest()
    assert entry["metadata"] == {**ALICE, "nonce": nonce}
    assert entry["key"]["name"] == "claude-desktop-support-prod"
    assert (entry["status"], entry["outcome"]) == (200, "answered")
    assert entry["latency_ms"] >= 0
    assert entry["input_tokens"] > 0


@pytest.mark.covers("S190c")
def test_a_used_up_budget_blocks(office: Office) -> None:
    desktop = office.desktop(PLAIN, usage_limits={"credit_limit": 1, "type": "tokens"})
    assert desktop.ask("hello").status_code == 200
    refused = desktop.ask("hello")
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "04")
    assert office.newest()["outcome"] == "refused"


@pytest.mark.covers("S190c")
def test_a_rate_limit_blocks(office: Office) -> None:
    limit = {"type": "requests", "unit": "rph", "value": 3}
    desktop = office.desktop(PLAIN, rate_limits=[limit])
    assert [desktop.ask("hello").status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.covers("S190c")
def test_a_guardrail_blocks(office: Office) -> None:
    checks = [
        {"id": "default.requiredMetadataKeys", "parameters": {"metadataKeys": ["user"], "operator": "all"}}
    ]
    body = {"name": "who asks", "checks": checks, "actions": {"deny": True}}
    guardrail = office.call("POST", "/guardrails", json=body)["slug"]
    desktop = office.desktop({**PLAIN, "input_guardrails": [guardrail]})
    assert desktop.ask("hello").status_code == 200
    denied = desktop.ask("hello", {})
    assert (denied.status_code, denied.json()["error"]["type"]) == (446, "hooks_failed")
    assert office.newest()["attempts"] == 0, "the provider was not asked"


@pytest.mark.covers("S190d", "S157")
def test_the_model_is_the_configs(office: Office) -> None:
    model = "claude-sonnet-4-20250514"
    desktop = office.desktop({"override_params": {"model": f"@anthropic-prod/{model}"}})
    assert desktop.ask("hello", model="claude-opus-5-5").json()["model"] == model
    entry = office.newest()
    assert (entry["model_asked"], entry["model_served"]) == ("claude-opus-5-5", model)
    desktop.ask("hello [[echo:wrong-model]]")
    assert office.newest()["model_served"] == "claude-echo-another", "what a provider really served is told"


@pytest.mark.covers("S190e")
def test_cost_stands_under_team_and_user(office: Office) -> None:
    desktop = office.desktop(PLAIN)
    user = f"{uuid.uuid4()}@acme.com"
    before = office.spent("team", "support")
    answers = [desktop.ask("hello " * 200, {**ALICE, "user": user}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    cents = sum(float(entry["cost_usd"]) for entry in office.call("GET", "/logs")["data"][:3]) * 100
    assert cents > 0
    assert office.spent("user", user) == pytest.approx(cents)
    assert office.spent("team", "support") - before == pytest.approx(cents)


@pytest.mark.covers("S190f", "S158", "S193")
def test_a_failing_provider_loses_no_request(office: Office) -> None:
    targets = [PLAIN, {"provider": "@bedrock-prod"}]
    desktop = office.desktop({"strategy": {"mode": "fallback"}, "targets": targets})
    answers = [desktop.ask(f"{n} [[echo:529 @anthropic-prod]]") for n in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-portkey-provider"] for answer in answers} == {"bedrock-prod"}
    entry = office.newest()
    assert (entry["provider"], entry["target"], entry["attempts"]) == ("bedrock-prod", "config.targets[1]", 2)


@pytest.mark.covers("S180")
def test_a_cheaper_model_for_dev(office: Office) -> None:
    strategy = {
        "mode": "conditional",
        "conditions": [{"query": {"metadata.env": {"$eq": "dev"}}, "then": "cheap"}],
        "default": "usual",
    }
    targets = [
        {"name": "cheap", "override_params": {"model": "@anthropic-prod/claude-haiku-5-5"}},
        {"name": "usual", "override_params": {"model": "@anthropic-prod/claude-opus-5-5"}},
    ]
    config = {"strategy": strategy, "targets": targets}
    prod = office.desktop(config)
    dev = office.desktop(config, defaults={"config_id": _slug(office), "metadata": {"env": "dev"}})
    assert prod.ask("hello", {**ALICE, "env": "dev"}).json()["model"] == "claude-opus-5-5", "the key decides"
    assert dev.ask("hello").json()["model"] == "claude-haiku-5-5"


def _slug(office: Office) -> str:
    """Return the slug of the config that was saved last."""
    return str(office.call("GET", "/configs")["data"][-1]["slug"])


@pytest.mark.covers("S190b")
def test_what_desktop_asks_at_launch_is_answered(office: Office) -> None:
    """It lists the models at launch (facts/claude-desktop.md: a hanging list costs ten seconds)."""
    desktop = office.desktop(PLAIN)
    headers = {"authorization": f"Bearer {desktop.key}"}
    found = requests.get(f"{office.url}/v1/models", headers=headers, timeout=10)
    assert found.status_code == 200
    assert "claude-sonnet-5-5" in {model["id"] for model in found.json()["data"]}
    with requests.post(
        f"{office.url}/v1/messages",
        json={
            "model": "claude-sonnet-5-5",
            "max_tokens": 9,
            "stream": True,
            "messages": [{"role": "user", "content": "hi"}],
        },
        headers={**headers, "x-portkey-metadata": json.dumps(ALICE)},
        timeout=10,
        stream=True,
    ) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert b"message_stop" in reply.content

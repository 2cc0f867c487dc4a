"""The real `anthropic` SDK against the bundled gateway, with a key minted as the tool mints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings

anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")

ADMIN = "admin-token-for-the-anthropic-sdk"
ADD = {
    "name": "add",
    "description": "adds two numbers",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
ASK = {"role": "user", "content": 'what is it? [[tool:add {"a": 2, "b": 40}]]'}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("anthropic-sdk") / "gateway.db"
    with Embedded(GatewaySettings(database, SecretStr(ADMIN))) as running:
        yield running.url


@pytest.fixture(scope="module")
def key(gateway: str) -> str:
    admin = {"x-portkey-api-key": ADMIN}
    body: dict[str, Any] = {"name": "desktop-eng-prod", "config": {"provider": "@anthropic-prod"}}
    slug = requests.post(f"{gateway}/v1/configs", json=body, headers=admin, timeout=20).json()["slug"]
    defaults = {"metadata": {"team": "eng"}, "config_id": slug, "allow_config_override": False}
    body = {"name": "claude-desktop-eng-prod", "scopes": ["completions.write"], "defaults": defaults}
    url = f"{gateway}/v1/api-keys/workspace/service"
    return str(requests.post(url, json=body, headers=admin, timeout=20).json()["key"])


@pytest.fixture(params=["", "/anthropic"])
def client(gateway: str, key: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    with anthropic.Anthropic(auth_token=key, base_url=gateway + request.param, max_retries=0) as made:
        yield made


def test_messages(client: Any, gateway: str) -> None:
    message = client.messages.create(
        model="claude-opus-4-8", max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    )
    assert [block.text for block in message.content] == ["echo: hello"]
    assert (message.stop_reason, message.model) == ("end_turn", "claude-opus-4-8")
    assert message.usage.input_tokens > 0
    logs = requests.get(f"{gateway}/v1/logs", headers={"x-portkey-api-key": ADMIN}, timeout=20).json()["data"]
    assert (logs[0]["key"]["name"], logs[0]["metadata"]) == ("claude-desktop-eng-prod", {"team": "eng"})


def test_streaming(client: Any) -> None:
    with client.messages.stream(
        model="claude-opus-4-8", max_tokens=64, messages=[{"role": "user", "content": "hello " * 9}]
    ) as stream:
        parts = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(parts) > 1
    assert "".join(parts) == message.content[0].text == "echo: " + "hello " * 9
    assert message.usage.output_tokens > 1


@pytest.mark.parametrize("streamed", [True, False])
def test_a_tool_call_round_trip(client: Any, streamed: bool) -> None:
    turn: dict[str, Any] = {"model": "claude-opus-4-8", "max_tokens": 64, "tools": [ADD]}
    if streamed:
        with client.messages.stream(**turn, messages=[ASK]) as stream:
            first = stream.get_final_message()
    else:
        first = client.messages.create(**turn, messages=[ASK])
    assert first.stop_reason == "tool_use"
    (call,) = first.content
    assert (call.type, call.name, call.input) == ("tool_use", "add", {"a": 2, "b": 40})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "42"}
    answer = client.messages.create(
        **turn,
        messages=[
            ASK,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ],
    )
    assert answer.content[0].text == "tool result: 42"


def test_count_tokens_and_models(client: Any) -> None:
    counted = client.messages.count_tokens(
        model="claude-opus-4-8", messages=[{"role": "user", "content": "x" * 400}]
    )
    assert 100 < counted.input_tokens < 140
    listed = [model.id for model in client.models.list(limit=5)]
    assert "claude-opus-4-8" in listed
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("token", "headers", "error", "message"),
    [
        ("wrong", {}, anthropic.AuthenticationError, "Error Code: 03"),
        (
            None,
            {"x-portkey-config": "pc-x-000000"},
            anthropic.BadRequestError,
            "Cannot override default config",
        ),
        (None, {"x-portkey-provider": "openai"}, anthropic.BadRequestError, "inline_provider_blocked"),
    ],
)
def test_refusals_become_the_sdks_errors(
    gateway: str, key: str, token: str | None, headers: dict[str, str], error: type[Exception], message: str
) -> None:
    with (
        anthropic.Anthropic(auth_token=token or key, base_url=gateway, max_retries=0) as client,
        pytest.raises(error, match=message),
    ):
        client.messages.create(model="claude-opus-4-8", max_tokens=5, messages=[ASK], extra_headers=headers)

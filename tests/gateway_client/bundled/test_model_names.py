"""Model strings as clients send them."""

from __future__ import annotations

import pytest

from gateway_client.bundled.routing.model_names import ModelName, read
from gateway_client.bundled.settings import PROVIDERS

CASES = [
    ("claude-opus-4-8", ModelName(None, "claude-opus-4-8")),
    ("@bedrock-prod/us.anthropic.claude-x-v1:0", ModelName("bedrock-prod", "us.anthropic.claude-x-v1:0")),
    ("@nobody/claude-x", ModelName("nobody", "claude-x")),
    ("@bedrock-prod", ModelName(None, "@bedrock-prod")),
    ("vertex-prod/claude-x", ModelName("vertex-prod", "claude-x")),
    ("accounts/fireworks/models/x", ModelName(None, "accounts/fireworks/models/x")),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_read(text: str, expected: ModelName) -> None:
    assert read(text, PROVIDERS) == expected


@pytest.mark.covers("S73")
@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("vertex/claude-haiku-4-5", "vertex-prod"),
        ("azure/claude-sonnet-4-5", "azure-prod"),
        ("bedrock/claude-sonnet-4-5", "bedrock-prod"),
    ],
)
def test_a_family_stands_for_its_first_provider(text: str, provider: str) -> None:
    assert read(text, PROVIDERS) == ModelName(provider, text.partition("/")[2])

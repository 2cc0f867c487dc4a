"""List prices, however a provider writes the model's id."""

from __future__ import annotations

import pytest

from gateway_client.bundled.data_plane.prices import PRICES, Usage, cost, price_of

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("claude-opus-4-8", "claude-opus-4-8"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("claude-fable-5-2", "claude-fable-5-2"),
        ("anthropic/claude-opus-4.8", "claude-opus-4-8"),
        ("Claude-Opus-4-8", "claude-opus-4-8"),
        ("claude-opus-4-0", "claude-opus-4-0"),
        ("claude-sonnet-4-0", "claude-sonnet-4-0"),
    ],
)
def test_known_models(model: str, entry: str) -> None:
    assert price_of(model) is PRICES[entry]


@pytest.mark.parametrize("model", ["claude-opus-9", "claude-opus-4-8-turbo", "gpt-6", "claude-", "", None])
def test_an_unknown_model_costs_nothing_known(model: str | None) -> None:
    assert cost(Usage(input=5), model) is None


def test_every_kind_of_token_counts() -> None:
    usage = Usage(
        input=MILLION, output=MILLION, cache_read=MILLION, cache_write_5m=MILLION, cache_write_1h=MILLION
    )
    # USD per million: 5 + 25 + 0.50 + 6.25 + 10
    assert cost(usage, "claude-opus-4-8") == 46_750_000_000


def test_a_long_prompt_changes_the_price_of_the_whole_request() -> None:
    assert cost(Usage(input=100_000, output=1000), "claude-haiku-5-5") == 10_500_000
    assert cost(Usage(input=100_000, output=1000, cache_read=1), "claude-haiku-5-5") == 52_500_050


def test_the_first_model_with_a_price_decides() -> None:
    usage = Usage(input=MILLION)
    assert cost(usage, "deployment-7", "claude-opus-4-8") == 5_000_000_000
    assert cost(usage, "claude-haiku-4-5", "claude-opus-4-8") == 1_000_000_000
    assert cost(usage, None, "deployment-7") is None


def test_an_alias_costs_what_its_model_costs() -> None:
    for alias in ("claude-opus-4-0", "claude-sonnet-4-0"):
        assert PRICES[alias] == PRICES[alias.removesuffix("-0")]

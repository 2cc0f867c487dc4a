"""What a request cost at list price: a dated table of Claude models. Pure.

USD per million tokens; a model that is not in the table has no price, and the log says null. What
server tools cost beside their tokens (a web search, a container's hours) is not counted.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

AS_OF = "2026-11-10"
SOURCE = "https://platform.claude.com/docs/en/about-claude/pricing"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `input` counts neither those read from the cache nor those written."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    def prompt(self) -> int:
        """Return all tokens of the prompt, cached or not."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. A cache write costs 1.25 times the input for 5 minutes, twice for 1 hour."""

    input: float
    output: float
    cache_read: float
    long_prompt: Price | None = None
    """Holds for the whole request when its prompt is longer than `LONG_PROMPT` tokens."""

    def nano_usd(self, usage: Usage) -> int:
        """Return the cost in billionths of a dollar."""
        if self.long_prompt is not None and usage.prompt() > LONG_PROMPT:
            return self.long_prompt.nano_usd(usage)
        dollars_per_million = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write_5m * self.input * 1.25
            + usage.cache_write_1h * self.input * 2
        )
        return round(dollars_per_million * 1000)


LONG_PROMPT = 100_000

PRICES: Mapping[str, Price] = {
    "claude-fable-5-2": Price(8, 40, 0.20),
    "claude-fable-5-1": Price(10, 50, 0.25),
    "claude-fable-5": Price(10, 50, 1),
    "claude-opus-5-5": Price(4, 20, 0.20),
    "claude-opus-5": Price(5, 25, 0.50),
    "claude-opus-4-8": Price(5, 25, 0.50),
    "claude-opus-4-7": Price(5, 25, 0.50),
    "claude-opus-4-6": Price(5, 25, 0.50),
    "claude-opus-4-5": Price(5, 25, 0.50),
    "claude-opus-4-1": Price(15, 75, 1.50),
    "claude-opus-4-0": Price(15, 75, 1.50),
    "claude-opus-4": Price(15, 75, 1.50),
    "claude-sonnet-5-5": Price(2, 10, 0.10),
    "claude-sonnet-5": Price(2, 10, 0.20),
    "claude-sonnet-4-6": Price(3, 15, 0.30),
    "claude-sonnet-4-5": Price(3, 15, 0.30),
    "claude-sonnet-4-0": Price(3, 15, 0.30),
    "claude-sonnet-4": Price(3, 15, 0.30),
    "claude-haiku-5-5": Price(0.10, 0.50, 0.01, long_prompt=Price(0.50, 2.50, 0.05)),
    "claude-haiku-4-5": Price(1, 5, 0.10),
    "claude-3-5-haiku": Price(0.80, 4, 0.08),
}

_ID = re.compile(
    r"(claude-[a-z0-9-]+?)"  # the model
    r"(?:-\d{8}|@\d{8}|-latest|-v\d+(?::\d+)?|\[1m\])*\Z"  # snapshot, revision, window
)
_POINT = re.compile(r"(?<=\d)\.(?=\d)")


@functools.lru_cache(maxsize=256)
def price_of(model: str) -> Price | None:
    """Return the price of a model id, however a provider writes it.

    E.g. `us.anthropic.claude-...-v1:0`, `anthropic/claude-opus-4.8`.
    """
    name = _POINT.sub("-", model.lower())
    at = name.find("claude-")
    match = _ID.match(name[at:]) if at >= 0 else None
    return PRICES.get(match[1]) if match else None


def cost(usage: Usage, *models: str | None) -> int | None:
    """Return the cost in billionths of a dollar by the first model that has a known price, or None."""
    for model in models:
        price = price_of(model) if model else None
        if price is not None:
            return price.nano_usd(usage)
    return None

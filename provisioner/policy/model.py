"""A policy: what one team in one env may do, resolved from the profile files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_client.contract import Budget, RateLimit

PlainTree = str | int | bool | list["PlainTree"] | dict[str, "PlainTree"]


@dataclass(frozen=True, slots=True)
class Models:
    """Model names that the client's aliases are pinned to, sent verbatim to the gateway."""

    opus: str
    sonnet: str
    haiku: str
    fable: str

    def distinct(self) -> tuple[str, ...]:
        """Return each pinned model once, in alias order."""
        return tuple(dict.fromkeys((self.opus, self.sonnet, self.haiku, self.fable)))


@dataclass(frozen=True, slots=True)
class Hardening:
    """Client settings beyond routing, in each client's own keys, as the profile gives them."""

    claude_code: Mapping[str, PlainTree]
    claude_desktop: Mapping[str, PlainTree]


@dataclass(frozen=True, slots=True)
class Policy:
    """One resolved profile."""

    name: str
    models: Models
    config: Mapping[str, Any]
    """The routing config's JSON body, in the gateway's config language (facts/portkey.md 5.2)."""
    budget: Budget | None
    rate_limits: tuple[RateLimit, ...]
    hardening: Hardening
    per_user: bool = False
    """Whether the budget is meant for each person, however many share a key."""

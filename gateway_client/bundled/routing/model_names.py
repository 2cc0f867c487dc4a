"""Model strings: `@provider/model`, `provider/model`, and bare. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model string taken apart; `provider` is a slug, known or not, or None for a bare name."""

    provider: str | None
    model: str


def read(name: str, providers: Mapping[str, str]) -> ModelName:
    """Take a model string apart; `providers` maps each known slug to its family.

    `@slug/model` always names a provider, known or not. `prefix/model` does only where the prefix is
    a slug or a family of ours (`vertex/claude-x`); other slashes belong to the model's own name.
    """
    prefix, slash, rest = name.partition("/")
    if not slash:
        return ModelName(None, name)
    if prefix.startswith("@"):
        return ModelName(prefix[1:], rest)
    slug = slug_of(prefix, providers)
    return ModelName(None, name) if slug is None else ModelName(slug, rest)


def slug_of(raw: str, providers: Mapping[str, str]) -> str | None:
    """Return the provider that a slug or a family stands for, or None."""
    if raw in providers:
        return raw
    return next((slug for slug, family in providers.items() if family == raw), None)

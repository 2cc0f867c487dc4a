"""Where a config can lead one request: every target that may be tried for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_client.bundled.routing import conditions, model_names
from gateway_client.bundled.routing.conditions import Facts
from gateway_client.bundled.routing.language import Node


@dataclass(frozen=True, slots=True)
class Reached:
    """A provider (None where nothing names one) and the model that it would be asked for."""

    provider: str | None
    model: str


def reached(node: Node, facts: Facts, header: str | None, families: Mapping[str, str]) -> Iterator[Reached]:
    """Yield what a request with these facts can reach, in the order of `dispatch` and `attempts`.

    `header` is the provider that the request's header names, `families` those of known providers.
    """
    asked = facts["params"].get("model")
    for provider, pinned in _leaves(node, facts, None, None):
        written = asked if pinned is None else pinned
        if isinstance(written, str) and written:
            name = model_names.read(written, families)
            own = name.provider if pinned is not None else None
            yield Reached(provider or own or header or name.provider, name.model)


def _leaves(node: Node, facts: Facts, provider: str | None, model: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield provider and pinned model of every target; inner settings beat outer ones."""
    provider = node.provider[1:] if node.provider else provider
    model = node.override_params.get("model", model)
    if not node.targets:
        yield provider, model
    for target in _chosen(node, facts):
        yield from _leaves(target, facts, provider, model)


def _chosen(node: Node, facts: Facts) -> tuple[Node, ...]:
    """Return the targets of which each may be tried: all, or the one that a condition names."""
    strategy = node.strategy
    if strategy is None or strategy.mode != "conditional":
        return node.targets
    fitting = (branch.then for branch in strategy.conditions if conditions.matches(branch.query, facts))
    name = next(fitting, strategy.default)
    return tuple(target for target in node.targets if name is not None and target.name == name)


def pinned(node: Node, families: Mapping[str, str]) -> Iterator[str]:
    """Yield every model that a config names, whoever can reach it."""
    written = node.override_params.get("model")
    if isinstance(written, str):
        yield model_names.read(written, families).model
    for target in node.targets:
        yield from pinned(target, families)

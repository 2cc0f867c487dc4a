"""What a config names beside itself, providers and guardrails, and what of it is not there. Pure.

Checked when a config is saved. What goes away later is found by the next request (`dispatch`,
`guardrails.screens`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from gateway_client.bundled.routing.language import Node

MOST_NAMED = 10
"""Providers that a message names at most."""


def missing(node: Node, providers: Collection[str], is_guardrail: Callable[[str], bool]) -> Iterator[str]:
    """Yield a problem, with its path, for each thing that a config names and nobody has."""
    for name in ("input_guardrails", "output_guardrails"):
        for index, reference in enumerate(getattr(node, name)):
            if not is_guardrail(reference):
                yield f"{name}[{index}]: no guardrail is called {reference[:64]}"
    yield from _providers(node, providers, "")


def _providers(node: Node, providers: Collection[str], at: str) -> Iterator[str]:
    model = node.override_params.get("model")
    pinned = model.partition("/")[0] if isinstance(model, str) else ""
    for name, written in (("provider", node.provider or ""), ("override_params.model", pinned)):
        if written.startswith("@") and written[1:] not in providers:
            yield f"{at}{name}: no provider is called {written[:64]}; {_there_are(providers)}"
    for index, target in enumerate(node.targets):
        yield from _providers(target, providers, f"{at}targets[{index}].")


def _there_are(providers: Collection[str]) -> str:
    shown = [f"@{slug}" for slug in sorted(providers)[:MOST_NAMED]]
    if len(providers) > MOST_NAMED:
        shown.append(f"{len(providers) - MOST_NAMED} more")
    return f"there are {', '.join(shown)}" if shown else "there is none at all"

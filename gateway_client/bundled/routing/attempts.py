"""From a config to the targets that are tried, one after the other. Pure.

`attempts` is a generator: it yields a target, is sent the status that the target answered (None
when it could not be reached), and ends when there is nothing more to try. So the whole of routing
is decided here, without a socket.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, assert_never

from gateway_client.bundled.routing import conditions
from gateway_client.bundled.routing.conditions import Facts
from gateway_client.bundled.routing.language import Cache, Node, Retry, Strategy


class NoRoute(Exception):
    """No condition holds and there is no default (facts/portkey.md 12.3)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One leaf of a config with what it inherits: inner settings beat outer ones.

    `path` is what `x-portkey-last-used-option-index` says, `config.targets[0]`. `provider` is a slug
    without `@`, None where request or model name must tell it.
    """

    path: str = "config"
    provider: str | None = None
    override_params: Mapping[str, Any] = field(default_factory=dict)
    forward_headers: tuple[str, ...] = ()
    request_timeout: int | None = None
    default_params: Mapping[str, Any] = field(default_factory=dict)
    drop_params: tuple[str, ...] = ()
    retry: Retry | None = None
    cache: Cache | None = None


Attempts = Generator[Target, int | None, int | None]


def attempts(node: Node, facts: Facts, chance: Random, inherited: Target | None = None) -> Attempts:
    """Yield target after target as the config has it; `chance` decides a load balance.

    A fallback moves on when a target answers no 2xx, or, with `on_status_codes`, one of these and
    nothing else; a target that gives no answer (None: unreachable, or past its timeout) always moves on.
    Raises `NoRoute`.
    """
    here = _inherit(node, inherited or Target())
    if not node.targets:
        return (yield here)
    strategy = node.strategy or Strategy(mode="single")
    match strategy.mode:
        case "single":
            return (yield from _descend(node, 0, facts, chance, here))
        case "loadbalance":
            weights = [target.weight for target in node.targets]
            picked = chance.choices(range(len(weights)), weights)[0]
            return (yield from _descend(node, picked, facts, chance, here))
        case "conditional":
            picked = _condition(node, strategy, facts)
            return (yield from _descend(node, picked, facts, chance, here))
        case "fallback":
            status: int | None = None
            for index in range(len(node.targets)):
                status = yield from _descend(node, index, facts, chance, here)
                if not _moves_on(strategy, status):
                    break
            return status
        case _:
            assert_never(strategy.mode)


def _descend(node: Node, index: int, facts: Facts, chance: Random, here: Target) -> Attempts:
    inherited = replace(here, path=f"{here.path}.targets[{index}]")
    return (yield from attempts(node.targets[index], facts, chance, inherited))


def _inherit(node: Node, outer: Target) -> Target:
    return replace(
        outer,
        provider=node.provider[1:] if node.provider else outer.provider,
        override_params={**outer.override_params, **node.override_params},
        forward_headers=(*outer.forward_headers, *node.forward_headers),
        request_timeout=node.request_timeout or outer.request_timeout,
        default_params={**outer.default_params, **node.default_params},
        drop_params=(*outer.drop_params, *node.drop_params),
        retry=node.retry or outer.retry,
        cache=node.cache or outer.cache,
    )


def _condition(node: Node, strategy: Strategy, facts: Facts) -> int:
    names = [target.name for target in node.targets]
    for condition in strategy.conditions:
        if conditions.matches(condition.query, facts):
            return names.index(condition.then)
    if strategy.default is None:
        raise NoRoute
    return names.index(strategy.default)


def _moves_on(strategy: Strategy, status: int | None) -> bool:
    if status is None:
        return True
    if strategy.on_status_codes is not None:
        return status in strategy.on_status_codes
    return not 200 <= status < 300

"""Which targets a config tries, given how each of them answers; no socket needed."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from gateway_client.bundled.routing.attempts import NoRoute, Target, attempts
from gateway_client.bundled.routing.language import read

FACTS: dict[str, dict[str, Any]] = {
    "metadata": {"env": "dev"},
    "params": {},
    "url": {"pathname": "/v1/messages"},
}
A, B, C = {"provider": "@a"}, {"provider": "@b"}, {"provider": "@c"}
FALLBACK = {"strategy": {"mode": "fallback"}, "targets": [A, B, C]}
ONLY_429 = {"strategy": {"mode": "fallback", "on_status_codes": [429]}, "targets": [A, B]}
NESTED = {
    "strategy": {"mode": "fallback"},
    "targets": [{"strategy": {"mode": "fallback"}, "targets": [A, B]}, C],
}


def tried(config: dict[str, Any], answers: list[int | None], chance: Random | None = None) -> list[Target]:
    """Run a config against providers that give these answers in turn."""
    steps = attempts(read(json.dumps(config)), FACTS, chance or Random(1))
    targets = [next(steps)]
    for answer in answers:
        try:
            targets.append(steps.send(answer))
        except StopIteration:
            break
    return targets


CASES: list[tuple[str, dict[str, Any], list[int | None], list[str]]] = [
    ("one provider", A, [500], ["config"]),
    ("first answers", FALLBACK, [200], ["config.targets[0]"]),
    (
        "any failure moves on",
        FALLBACK,
        [400, None, 529],
        ["config.targets[0]", "config.targets[1]", "config.targets[2]"],
    ),
    ("listed code moves on", ONLY_429, [429, 200], ["config.targets[0]", "config.targets[1]"]),
    ("other codes end it", ONLY_429, [500], ["config.targets[0]"]),
    ("unreachable always moves on", ONLY_429, [None, 200], ["config.targets[0]", "config.targets[1]"]),
    (
        "nested fails as a whole",
        NESTED,
        [500, 500, 200],
        ["config.targets[0].targets[0]", "config.targets[0].targets[1]", "config.targets[1]"],
    ),
    (
        "nested succeeds",
        NESTED,
        [500, 200],
        ["config.targets[0].targets[0]", "config.targets[0].targets[1]"],
    ),
    (
        "no second try in a load balance",
        {"strategy": {"mode": "loadbalance"}, "targets": [A]},
        [500],
        ["config.targets[0]"],
    ),
]


@pytest.mark.covers("S158")
@pytest.mark.parametrize(("name", "config", "answers", "paths"), CASES, ids=[case[0] for case in CASES])
def test_order(name: str, config: dict[str, Any], answers: list[int | None], paths: list[str]) -> None:
    assert [target.path for target in tried(config, answers)] == paths


@pytest.mark.covers("S159")
def test_load_is_spread_by_weight() -> None:
    config = {
        "strategy": {"mode": "loadbalance"},
        "targets": [{**A, "weight": 3}, {**B, "weight": 1}],
    }
    chance = Random(20261120)
    counts = Counter(tried(config, [200], chance)[0].provider for _ in range(4000))
    assert counts["a"] + counts["b"] == 4000
    assert 2900 < counts["a"] < 3100


def test_inner_settings_beat_outer_ones() -> None:
    config = {
        "override_params": {"temperature": 0, "top_k": 1},
        "request_timeout": 9000,
        "forward_headers": ["x-a"],
        "targets": [{**A, "override_params": {"temperature": 1}, "forward_headers": ["x-b"]}],
    }
    (target,) = tried(config, [200])
    assert target == Target(
        "config.targets[0]", "a", {"temperature": 1, "top_k": 1}, ("x-a", "x-b"), request_timeout=9000
    )


def conditional(default: str | None) -> dict[str, Any]:
    query = {"metadata.env": {"$eq": "prod"}}
    strategy = {"mode": "conditional", "conditions": [{"query": query, "then": "prod"}], "default": default}
    return {"strategy": strategy, "targets": [{"name": "prod", **A}, {"name": "rest", **B}]}


def test_conditional_takes_the_default() -> None:
    assert [target.provider for target in tried(conditional("rest"), [500])] == ["b"]


def test_conditional_without_a_match_and_default_has_no_route() -> None:
    with pytest.raises(NoRoute):
        tried(conditional(None), [])

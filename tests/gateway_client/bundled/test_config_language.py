"""Configs are refused when saved, with the path of every problem; the guide's examples are accepted."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_client.bundled.routing.attempts import NoRoute, attempts
from gateway_client.bundled.routing.language import BadConfig, read

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "policy"
ANTHROPIC, BEDROCK = {"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}

GOOD = [
    pytest.param(
        {"override_params": {"model": "@anthropic-prod/claude-sonnet-4-20250514"}},
        marks=pytest.mark.covers("S157"),
    ),
    pytest.param(
        {"strategy": {"mode": "fallback"}, "targets": [ANTHROPIC, BEDROCK]}, marks=pytest.mark.covers("S158")
    ),
    pytest.param(
        {
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {"provider": "@anthropic-key-1", "weight": 0.5},
                {"provider": "@anthropic-key-2", "weight": 0.5},
            ],
        },
        marks=pytest.mark.covers("S159"),
    ),
    pytest.param(
        {"provider": "@anthropic-prod", "cache": {"mode": "simple"}}, marks=pytest.mark.covers("S160")
    ),
    {"retry": {"attempts": 3}},
    {"provider": "@a", "default_params": {"top_k": 1}, "drop_params": ["context_management"]},
    {"provider": "@a", "input_guardrails": ["pg-pii-123456"], "output_guardrails": ["pg-words-123456"]},
    {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"], "request_timeout": 60000},
    {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.env": {"$eq": "prod"}}, "then": "prod"}],
            "default": "rest",
        },
        "targets": [
            {"name": "prod", "strategy": {"mode": "fallback"}, "targets": [ANTHROPIC, BEDROCK]},
            {"name": "rest", "provider": "@vertex-prod"},
        ],
    },
    {"override_params": {"model": "@vertex-prod/claude-x"}, "targets": [{"name": "inherits"}]},
]

BAD: list[tuple[Any, list[str]]] = [
    ({}, ["config: is empty"]),
    (
        {"strategy": {"mode": "roulette"}, "targets": [ANTHROPIC]},
        ["strategy.mode: input should be 'single', 'fallback', 'loadbalance' or 'conditional'"],
    ),
    ({"strategy": {"mode": "fallback"}}, ["targets: is missing; fallback needs them"]),
    ({"provider": "anthropic"}, ['provider: must be a saved provider\'s slug in the form "@slug"']),
    ({"provider": "@"}, ['provider: must be a saved provider\'s slug in the form "@slug"']),
    (
        {"provider": "@a", "api_key": "sk-secret", "custom_host": "http://x"},
        ["api_key: is not known to this gateway", "custom_host: is not known to this gateway"],
    ),
    (
        {
            "strategy": {"mode": "loadbalance"},
            "targets": [{"provider": "@a", "weight": 0}, {"provider": "@b", "weight": -1}],
        },
        [
            "targets[0].weight: input should be greater than 0",
            "targets[1].weight: input should be greater than 0",
        ],
    ),
    (
        {"strategy": {"mode": "fallback"}, "targets": [ANTHROPIC, {"weight": 1}]},
        ['targets[1].provider: is missing; give "@slug", or targets of its own'],
    ),
    (
        {"strategy": {"mode": "fallback"}, "targets": [{"targets": [{"provider": "x"}]}]},
        ['targets[0].targets[0].provider: must be a saved provider\'s slug in the form "@slug"'],
    ),
    (
        {"provider": "@a", "targets": [ANTHROPIC, BEDROCK]},
        [
            "provider: stands beside targets; give each target its own",
            "targets: single takes one target; several need another strategy.mode",
        ],
    ),
    (
        {"strategy": {"mode": "loadbalance", "on_status_codes": [429]}, "targets": [ANTHROPIC]},
        ["strategy.on_status_codes: belongs to fallback"],
    ),
    (
        {"strategy": {"mode": "fallback", "default": "x"}, "targets": [ANTHROPIC]},
        ["strategy: conditions and default belong to conditional"],
    ),
    (
        {
            "strategy": {
                "mode": "conditional",
                "conditions": [
                    {
                        "query": {
                            "metadata.env": {"$exists": True},
                            "env": 1,
                            "params.model": {"$regex": "("},
                        },
                        "then": "zzz",
                    }
                ],
                "default": "yyy",
            },
            "targets": [{"name": "a", **ANTHROPIC}, {"name": "a", **BEDROCK}],
        },
        [
            "targets: two are named a",
            "strategy.conditions[0].query.metadata.env.$exists: unknown operator; known are "
            "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $regex",
            "strategy.conditions[0].query.env: "
            "must be metadata.<key>, params.<key>, url.pathname, $and or $or",
            "strategy.conditions[0].query.params.model.$regex: "
            "is no regular expression that ends in bounded time: unclosed group",
            "strategy.conditions[0].then: no target is named zzz",
            "strategy.default: no target is named yyy",
        ],
    ),
    (
        {"strategy": {"mode": "conditional"}, "targets": [{"name": "a", **ANTHROPIC}]},
        ["strategy.conditions: is missing"],
    ),
    (
        {"provider": "@a", "override_params": {"model": "@b/claude"}},
        ["override_params.model: names another provider than provider does"],
    ),
    ({"override_params": {"model": "@b"}}, ['override_params.model: must be "@slug/model"']),
    (
        {"provider": "@a", "forward_headers": ["anthropic-beta", "Authorization", "x-portkey-api-key"]},
        [
            "forward_headers[1]: authorization is never forwarded",
            "forward_headers[2]: x-portkey-api-key is never forwarded",
        ],
    ),
    (
        {"provider": "@a", "retry": {"attempts": 6}},
        ["retry.attempts: input should be less than or equal to 5"],
    ),
    (
        {"provider": "@a", "cache": {"mode": "semantic"}, "cb_config": {"failure_threshold": 3}},
        ["cb_config: is not known to this gateway"],
    ),
    (
        {"targets": [{"provider": "@a", "cache": {"mode": "semantic"}}]},
        [
            "targets[0].cache.mode: semantic needs a store of vectors, which this gateway lacks; use simple",
        ],
    ),
    (
        {"provider": "@a", "input_guardrails": ["pg-pii", {"default.regexMatch": {"rule": "x"}}]},
        [
            "input_guardrails[1]: must be the id or slug of a saved guardrail; "
            "inline checks are not possible here"
        ],
    ),
    (
        {"targets": [{"provider": "@a", "output_guardrails": ["pg-pii"]}]},
        ["targets[0].output_guardrails: stand at the config's root only, and hold for every target"],
    ),
    (
        {"provider": "@a", "default_params": {"model": "x"}, "drop_params": ["top_k", "messages"]},
        [
            "default_params.model: every request names a model; use override_params",
            "drop_params[1]: no request can do without messages",
        ],
    ),
    (
        {"provider": "@a", "cache": {"mode": "simple", "max_age": 5}},
        ["cache.max_age: input should be greater than or equal to 60"],
    ),
    (
        {"strategy": {"mode": "loadbalance"}, "targets": [{"provider": "@a", "weight": 1e308}] * 2},
        [
            "targets[0].weight: input should be less than or equal to 1000000",
            "targets[1].weight: input should be less than or equal to 1000000",
        ],
    ),
    (
        {"provider": "@a", "request_timeout": 10**20},
        ["request_timeout: input should be less than or equal to 86400000"],
    ),
    ({"provider": "@a", "request_timeout": "5"}, ["request_timeout: input should be a valid integer"]),
    (
        {"strategy": {"mode": "fallback"}, "targets": [ANTHROPIC] * 101},
        ["targets: has 101 entries, at most 100 are possible"],
    ),
    (
        {"targets": [{"strategy": {"mode": "fallback"}, "targets": [ANTHROPIC] * 51}]},
        ["targets[0].targets: has 51 entries, at most 50 are possible"],
    ),
]


@pytest.mark.parametrize("config", GOOD)
def test_accepts(config: dict[str, Any]) -> None:
    assert read(json.dumps(config)).model_fields_set == set(config)


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_accepts_what_the_profiles_render(golden: Path) -> None:
    config = golden.read_text()
    if '"semantic"' in config:  # for a real gateway only
        with pytest.raises(BadConfig, match=r"targets\[0\]\.cache\.mode: semantic needs a store of vectors"):
            read(config)
    else:
        assert read(config).model_fields_set


@pytest.mark.parametrize(("config", "problems"), BAD, ids=[problems[0] for _, problems in BAD])
def test_refuses_with_every_path(config: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(BadConfig) as caught:
        read(json.dumps(config))
    assert list(caught.value.problems) == problems


def test_a_number_that_is_no_json_is_refused() -> None:
    with pytest.raises(BadConfig, match="override_params: holds a number that JSON does not have"):
        read('{"provider": "@a", "override_params": {"top_p": NaN}}')


def test_absurd_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    depth = 5000
    with pytest.raises(BadConfig):
        read('{"targets":[' * depth + '{"provider":"@a"}' + "]}" * depth)


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["@a", "@a/m", "a", "$eq", ""])
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$eq", "$in", "$or", "$regex", "metadata.a", "url.b"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
parts: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["a", "b"]),
    "weight": st.floats(0.1, 9) | trees,
    "provider": st.just("@a") | trees,
    "override_params": st.dictionaries(st.sampled_from(["model", "x"]), trees, max_size=2) | trees,
    "request_timeout": st.integers(1, 9) | trees,
    "forward_headers": st.just(["x-a"]) | trees,
    "retry": st.just({"attempts": 2}) | trees,
    "cache": st.just({"mode": "simple"}) | trees,
    "default_params": st.just({"top_k": 1}) | trees,
    "drop_params": st.just(["top_k"]) | trees,
    "input_guardrails": st.just(["pg-a"]) | trees,
    "strategy": trees
    | st.fixed_dictionaries(
        {"mode": st.sampled_from(["single", "fallback", "loadbalance", "conditional"])},
        optional={
            "on_status_codes": st.just([429]) | trees,
            "default": st.just("a") | trees,
            "conditions": st.lists(st.fixed_dictionaries({"query": trees, "then": st.just("a")}), max_size=2),
        },
    ),
}
leaf_nodes = st.fixed_dictionaries({}, optional=parts)
nodes = st.recursive(
    leaf_nodes,
    lambda inner: st.fixed_dictionaries({"targets": st.lists(inner, max_size=2)}, optional=parts),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nodes | trees)
def test_any_json_is_refused_or_can_be_carried_out(config: Any) -> None:
    try:
        node = read(json.dumps(config))
    except BadConfig:
        return
    facts: dict[str, dict[str, Any]] = {"metadata": {"a": "x"}, "params": {}, "url": {"pathname": "/"}}
    steps = attempts(node, facts, Random(1))
    try:
        target = next(steps)
        for _ in range(20):
            assert target.path.startswith("config")
            target = steps.send(500)
    except (StopIteration, NoRoute):
        return
    pytest.fail("a small config never comes to an end")

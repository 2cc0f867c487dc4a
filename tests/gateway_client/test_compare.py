"""How remote keys and configs differ from what they should be: field by field, without secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_client.compare import Difference, config_differences, key_differences
from gateway_client.contract import Budget, KeySpec, RateLimit, RemoteConfig, RemoteKey

SPEC = KeySpec(
    name="claude-desktop-eng-prod",
    description="provision:ledger-1",
    config="pc-deskto-000001",
    metadata={"tenant": "acme", "team": "eng", "env": "prod"},
    budget=Budget(500),
    rate_limits=(RateLimit("requests", "rpm", 60), RateLimit("tokens", "rpd", 9)),
    expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    scopes=("completions.write", "logs.write"),
)
SAME = RemoteKey(
    id="k-1",
    name=SPEC.name,
    description=SPEC.description,
    status="active",
    config=SPEC.config,
    metadata=dict(SPEC.metadata),
    budget=SPEC.budget,
    rate_limits=SPEC.rate_limits,
    expires_at=SPEC.expires_at,
    allow_config_override=False,
    scopes=SPEC.scopes,
)

NO_DIFFERENCE: list[dict[str, Any]] = [
    {},
    {"metadata": {**SPEC.metadata, "cost_center": "filled in by the organisation"}},
    {"allow_config_override": None},
    {"scopes": ()},
    {"scopes": tuple(reversed(SPEC.scopes))},
    {"rate_limits": tuple(reversed(SPEC.rate_limits))},
    {"expires_at": datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))},
    {"status": "exhausted"},
]


@pytest.mark.parametrize("change", NO_DIFFERENCE)
def test_no_difference(change: dict[str, Any]) -> None:
    assert key_differences(SPEC, replace(SAME, **change)) == ()


DIFFERENCES: list[tuple[dict[str, Any], Difference]] = [
    ({"name": "x"}, Difference("name", "claude-desktop-eng-prod", "x")),
    ({"description": ""}, Difference("description", "provision:ledger-1", "(none)")),
    ({"config": "pc-other-000002"}, Difference("config", "pc-deskto-000001", "pc-other-000002")),
    ({"config": None}, Difference("config", "pc-deskto-000001", "(none)")),
    ({"budget": None}, Difference("budget", "500 USD monthly", "(none)")),
    ({"budget": Budget(500, None)}, Difference("budget", "500 USD monthly", "500 USD in all")),
    (
        {"budget": Budget(500, "monthly", 400)},
        Difference("budget", "500 USD monthly", "500 USD monthly, alert at 400 USD"),
    ),
    (
        {"rate_limits": (RateLimit("requests", "rpm", 61), RateLimit("tokens", "rpd", 9))},
        Difference("rate_limits", "60 requests rpm, 9 tokens rpd", "61 requests rpm, 9 tokens rpd"),
    ),
    ({"rate_limits": ()}, Difference("rate_limits", "60 requests rpm, 9 tokens rpd", "(none)")),
    ({"expires_at": None}, Difference("expires_at", "2027-01-01T00:00:00+00:00", "(none)")),
    (
        {"expires_at": datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)},
        Difference("expires_at", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:01+00:00"),
    ),
    (
        {"metadata": {"tenant": "acme", "team": "sales", "env": "prod"}},
        Difference("metadata.team", "eng", "sales"),
    ),
    ({"metadata": {"tenant": "acme", "env": "prod"}}, Difference("metadata.team", "eng", "(none)")),
    ({"allow_config_override": True}, Difference("allow_config_override", "false", "true")),
    (
        {"scopes": ("completions.write",)},
        Difference("scopes", "completions.write, logs.write", "completions.write"),
    ),
    ({"unmapped": {"rotation": "automatic"}}, Difference("rotation", "(none)", "automatic")),
    (
        {"budget": None, "unmapped": {"budget": "5 tokens"}},
        Difference("budget", "500 USD monthly", "5 tokens"),
    ),
]


@pytest.mark.covers("S169", "S170")
@pytest.mark.parametrize(("change", "expected"), DIFFERENCES)
def test_one_difference(change: dict[str, Any], expected: Difference) -> None:
    assert key_differences(SPEC, replace(SAME, **change)) == (expected,)


def test_a_value_that_reads_like_absence_is_told_apart_from_it() -> None:
    spec = replace(SPEC, metadata={"team": "(none)"})
    assert [one.field for one in key_differences(spec, replace(SAME, metadata={}))] == ["metadata.team"]


def test_a_limit_that_nobody_asked_for() -> None:
    spec = replace(SPEC, budget=None, rate_limits=(), expires_at=None)
    assert [one.field for one in key_differences(spec, SAME)] == ["budget", "rate_limits", "expires_at"]


def config(body: Any, name: str = "desktop-eng-prod") -> RemoteConfig:
    return RemoteConfig("c-1", "pc-deskto-000001", name, body)


FALLBACK = {
    "strategy": {"mode": "fallback", "on_status_codes": [429, 529]},
    "targets": [{"provider": "@a", "weight": 0.5}, {"provider": "@b"}],
}

BODIES: list[tuple[Any, list[Difference]]] = [
    ({"targets": FALLBACK["targets"], "strategy": FALLBACK["strategy"]}, []),
    ({**FALLBACK, "targets": ({"weight": 0.50, "provider": "@a"}, {"provider": "@b"})}, []),
    (
        {**FALLBACK, "strategy": {"mode": "loadbalance", "on_status_codes": [429, 529.0]}},
        [Difference("config.strategy.mode", '"fallback"', '"loadbalance"')],
    ),
    (
        {**FALLBACK, "strategy": {"mode": "fallback", "on_status_codes": [429]}},
        [Difference("config.strategy.on_status_codes", "[429,529]", "[429]")],
    ),
    (
        {**FALLBACK, "targets": [{"provider": "@a", "weight": 0.5}, {"provider": "@c"}]},
        [Difference("config.targets[1].provider", '"@b"', '"@c"')],
    ),
    (
        {**FALLBACK, "targets": [{"provider": "@a", "weight": True}, {"provider": "@b"}]},
        [Difference("config.targets[0].weight", "0.5", "true")],
    ),
    (
        {"strategy": FALLBACK["strategy"]},
        [Difference("config.targets", '[{"provider":"@a","weight":0.5},{"provider":"@b"}]', "(none)")],
    ),
    ({**FALLBACK, "retry": {"attempts": 1}}, [Difference("config.retry", "(none)", '{"attempts":1}')]),
]


@pytest.mark.covers("S157")
@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_bodies_of_configs(body: Any, expected: list[Difference]) -> None:
    assert list(config_differences("desktop-eng-prod", FALLBACK, config(body))) == expected


def test_one_and_true_are_two_values() -> None:
    assert config_differences("n", {"a": 1}, config({"a": True}, "n")) == (
        Difference("config.a", "1", "true"),
    )
    assert config_differences("n", {"a": [0]}, config({"a": [False]}, "n")) == (
        Difference("config.a[0]", "0", "false"),
    )


def test_the_name_of_a_config() -> None:
    assert config_differences("a", {}, config({}, "b")) == (Difference("name", "a", "b"),)


@pytest.mark.covers("T2")
def test_what_is_secret_in_a_config_is_not_shown() -> None:
    ours = {"targets": [{"provider": "openai", "api_key": "sk-ours"}], "aws_secret_access_key": "sk-aws"}
    theirs = {
        "targets": [{"provider": "openai", "api_key": "sk-theirs"}],
        "x": [{"deep": {"Authorization": "sk-deep"}, "token": ["sk-list"], "apiKey": "sk-camel"}],
    }
    differences = config_differences("n", ours, config(theirs, "n"))
    assert [one.field for one in differences] == [
        "config.aws_secret_access_key",
        "config.targets[0].api_key",
        "config.x",
    ]
    assert "sk-" not in repr(differences)
    assert differences[1].seen == '"(hidden)"'


def test_a_virtual_key_is_a_slug_and_no_secret() -> None:
    (difference,) = config_differences("n", {"virtual_key": "a"}, config({"virtual_key": "b"}, "n"))
    assert (difference.expected, difference.seen) == ('"a"', '"b"')


def test_a_config_without_its_body_can_not_be_compared() -> None:
    with pytest.raises(ValueError, match="pc-deskto-000001 was read without its body"):
        config_differences("n", {}, config(None))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=3))
def test_a_body_never_differs_from_itself(body: dict[str, Any]) -> None:
    assert config_differences("n", body, config(body, "n")) == ()

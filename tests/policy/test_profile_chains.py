"""Profiles extend profiles: what is inherited, what is said of it, and where problems are told."""

from __future__ import annotations

import pytest

from gateway_client.contract import Budget, RateLimit
from provisioner.errors import InputError, UsageError
from provisioner.policy.conditions import labels
from provisioner.policy.load import CHAIN_MAX, policy_digest, resolve, resolve_all
from provisioner.policy.model import Models

BASE = """
description = "the root"
[models]
opus = "o"
sonnet = "s"
haiku = "h"
fable = "f"
[routing]
provider = "@p"
[claude_code.permissions]
deny = ["A", "B"]
"""


def problems(name: str, sources: dict[str, str]) -> list[tuple[str, int | None, str | None, str]]:
    with pytest.raises(InputError) as caught:
        resolve(name, sources)
    return [(p.file, p.row, p.column, p.code) for p in caught.value.problems]


@pytest.mark.covers("C3", "C13", "S155", "S161")
def test_the_shipped_default(shipped: dict[str, str]) -> None:
    standard = resolve("standard", shipped)
    policy = standard.policy
    assert policy.config == {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}
    assert policy.models == Models(
        opus="claude-opus-5-5", sonnet="claude-sonnet-5-5", haiku="claude-haiku-5-5", fable="claude-fable-5-2"
    )
    assert (policy.budget, policy.rate_limits) == (None, ())
    assert standard.chain == ("standard",)
    assert set(standard.origins.values()) == {"standard"}


@pytest.mark.covers("S146", "S162", "S163", "S170")
def test_restricted_is_standard_and_more(shipped: dict[str, str]) -> None:
    standard, restricted = resolve_all(["standard", "restricted"], shipped).values()
    assert restricted.chain == ("restricted", "standard")
    assert restricted.policy.models == standard.policy.models
    assert restricted.policy.config == standard.policy.config
    assert restricted.policy.budget == Budget(usd=1000, reset="monthly", alert_at_usd=800)
    assert restricted.policy.rate_limits == (RateLimit("requests", "rpm", 300),)
    assert standard.origins.items() <= restricted.origins.items()
    assert restricted.policy.hardening.claude_code["allowManagedPermissionRulesOnly"] is True
    permissions = restricted.policy.hardening.claude_code["permissions"]
    assert isinstance(permissions, dict)
    assert permissions["disableBypassPermissionsMode"] == "disable"
    assert "Read(~/.ssh/**)" in permissions["deny"]  # type: ignore[operator]  # a list


@pytest.mark.parametrize("name", ["standard", "restricted"])
def test_shipped_profiles_describe_themselves_in_one_line(name: str, shipped: dict[str, str]) -> None:
    description = resolve(name, shipped).description
    assert 0 < len(description) <= 100
    assert "\n" not in description


def test_tables_merge_and_all_else_is_replaced_with_its_origin() -> None:
    child = """
    extends = "base"
    [models]
    opus = "o2"
    [claude_code.permissions]
    deny = ["C"]
    ask = ["D"]
    [claude_code.env]
    X = "1"
    """
    resolved = resolve("child", {"base": BASE, "child": child})
    assert resolved.policy.models == Models(opus="o2", sonnet="s", haiku="h", fable="f")
    assert resolved.policy.hardening.claude_code == {
        "permissions": {"deny": ["C"], "ask": ["D"]},
        "env": {"X": "1"},
    }
    assert resolved.description == ""
    assert resolved.origins == {
        "models.opus": "child",
        "models.sonnet": "base",
        "models.haiku": "base",
        "models.fable": "base",
        "routing.provider": "base",
        "claude_code.permissions.deny": "child",
        "claude_code.permissions.ask": "child",
        "claude_code.env.X": "child",
    }
    assert resolved.values["claude_code.permissions.deny"] == ["C"]
    assert resolved.values.keys() == resolved.origins.keys()


def test_a_nearer_parent_beats_a_farther_one() -> None:
    sources = {
        "base": BASE,
        "mid": 'extends = "base"\n[models]\nopus = "mid"\nsonnet = "mid"',
        "leaf": 'extends = "mid"\n[models]\nopus = "leaf"',
    }
    resolved = resolve("leaf", sources)
    assert resolved.policy.models == Models(opus="leaf", sonnet="mid", haiku="h", fable="f")
    assert resolved.chain == ("leaf", "mid", "base")


def test_unset_drops_what_parents_say() -> None:
    child = 'extends = "base"\nunset = ["claude_code.permissions", "routing.provider"]\n'
    child += '[routing]\noverride_params.model = "@q/m"\n[claude_code.permissions]\nask = ["X"]'
    policy = resolve("child", {"base": BASE, "child": child}).policy
    assert policy.config == {"override_params": {"model": "@q/m"}}
    assert policy.hardening.claude_code == {"permissions": {"ask": ["X"]}}


@pytest.mark.parametrize(
    ("reset", "expected"), [("", "monthly"), ('reset = "weekly"', "weekly"), ('reset = "never"', None)]
)
def test_budgets(reset: str, expected: str | None) -> None:
    text = f"{BASE}[budget]\nusd = 5\n{reset}"
    assert resolve("base", {"base": text}).policy.budget == Budget(usd=5, reset=expected)  # type: ignore[arg-type]  # a reset


def test_rate_limits_have_one_order() -> None:
    limits = ['kind = "tokens"\nunit = "rpd"\nvalue = 9\n', 'kind = "requests"\nunit = "rpm"\nvalue = 1\n']
    one, other = (
        resolve("b", {"b": BASE + "".join(f"[[rate_limits]]\n{limit}" for limit in order)}).policy
        for order in (limits, limits[::-1])
    )
    assert one.rate_limits == (RateLimit("requests", "rpm", 1), RateLimit("tokens", "rpd", 9))
    assert policy_digest(one) == policy_digest(other)
    assert policy_digest(one) != policy_digest(resolve("b", {"b": BASE}).policy)


CHAIN = {f"p{n}": f'extends = "p{n + 1}"' for n in range(CHAIN_MAX)}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"a": 'extends = "bse"', "base": BASE}, [("a.toml", 1, "extends", "UNKNOWN_PROFILE")]),
        ({"a": 'extends = "a"'}, [("a.toml", 1, "extends", "CYCLE")]),
        ({"a": 'extends = "b"', "b": 'extends = "a"'}, [("b.toml", 1, "extends", "CYCLE")]),
        ({"a": 'extends = "../x"'}, [("a.toml", 1, "extends", "BAD_NAME")]),
        (
            {"a": 'extends = "p1"', **CHAIN, f"p{CHAIN_MAX}": BASE},
            [(f"p{CHAIN_MAX - 1}.toml", 1, "extends", "TOO_DEEP")],
        ),
        ({"a": 'extends = "base"\n= 1', "base": BASE}, [("a.toml", 2, None, "TOML_SYNTAX")]),
        (
            {"a": 'extends = "base"\nx = 1', "base": "[x"},
            [("a.toml", 2, "x", "UNKNOWN_KEY"), ("base.toml", 1, None, "TOML_SYNTAX")],
        ),
        ({"a": f"name = 'a'\n{BASE}"}, [("a.toml", 1, "name", "REFUSED_KEY")]),
        ({"a": f"modles.opus = 'a'\n{BASE}"}, [("a.toml", 1, "modles", "UNKNOWN_KEY")]),
        ({"a": BASE.replace('"o"', '"o o"')}, [("a.toml", 4, "models.opus", "BAD_VALUE")]),
        (
            {"a": BASE.replace('opus = "o"\n', "")},
            [("a.toml", 3, "models.opus", "MISSING_KEY")],
        ),
        ({"a": f"{BASE}[budget]\nreset = 'weekly'"}, [("a.toml", 12, "budget.usd", "MISSING_KEY")]),
        ({"a": f"{BASE}[budget]\nusd = 0"}, [("a.toml", 13, "budget.usd", "BAD_VALUE")]),
        ({"a": f"{BASE}[budget]\nusd = 1.5"}, [("a.toml", 13, "budget.usd", "WRONG_TYPE")]),
        (
            {"a": f"{BASE}[budget]\nusd = 5\nalert_at_usd = 5"},
            [("a.toml", 14, "budget.alert_at_usd", "BAD_VALUE")],
        ),
        (
            {"a": BASE + '[[rate_limits]]\nkind = "requests"\nunit = "rpx"\nvalue = 1'},
            [("a.toml", 14, "rate_limits[0].unit", "BAD_VALUE")],
        ),
        (
            {"a": BASE + '[[rate_limits]]\nkind = "requests"\nunit = "rpm"\nvalue = 1\n' * 2},
            [("a.toml", 16, "rate_limits[1]", "DUPLICATE")],
        ),
        ({"a": 'extends = "base"\nunset = ["budget"]', "base": BASE}, [("a.toml", 2, "unset[0]", "NOT_SET")]),
        ({"a": 'extends = "base"\nunset = ["a b"]', "base": BASE}, [("a.toml", 2, "unset[0]", "NOT_SET")]),
        (
            {"a": 'extends = "base"\nunset = ["models.opus.x"]', "base": BASE},
            [("a.toml", 2, "unset[0]", "NOT_SET")],
        ),
    ],
)
def test_problems_of_chains(
    sources: dict[str, str], expected: list[tuple[str, int | None, str | None, str]]
) -> None:
    assert problems("a", sources) == expected


def test_suggestions() -> None:
    sources = {"base": BASE, "a": 'extends = "bas"', "b": 'extends = "base"\nunset = ["models.opsu"]'}
    with pytest.raises(InputError) as caught:
        resolve_all(["a", "b"], sources)
    assert [p.fix for p in caught.value.problems] == ['did you mean "base"?', 'did you mean "models.opus"?']


def test_all_problems_of_all_profiles_come_once() -> None:
    sources = {
        "base": f"{BASE}\n[claude_desktop]\nforceLoginOrgUUID = 'x'",
        "a": 'extends = "base"\n[models]\nopsu = "x"\nsonnet = ""\n[budget]\nalert_at_usd = 3',
        "b": 'extends = "base"\n[routing]\nproviders = "@x"',
    }
    with pytest.raises(InputError) as caught:
        resolve_all(["a", "b"], sources)
    assert [(p.file, p.row, p.column, p.code) for p in caught.value.problems] == [
        ("a.toml", 3, "models.opsu", "UNKNOWN_KEY"),
        ("a.toml", 4, "models.sonnet", "BAD_VALUE"),
        ("a.toml", 5, "budget.usd", "MISSING_KEY"),
        ("base.toml", 14, "claude_desktop.forceLoginOrgUUID", "OWNED_KEY"),
        ("b.toml", 3, "routing.providers", "UNKNOWN_KEY"),
    ]


def test_a_flaw_is_told_in_the_file_that_brought_it_in() -> None:
    sources = {
        "base": BASE.replace('provider = "@p"', 'cache.mode = "simple"'),
        "mid": 'extends = "base"\n[budget]\nusd = 10',
        "leaf": 'extends = "mid"\n[budget]\nalert_at_usd = 20',
    }
    assert problems("leaf", sources) == [
        ("leaf.toml", 3, "budget.alert_at_usd", "BAD_VALUE"),
        ("base.toml", 8, "routing", "NO_PROVIDER"),
    ]


def test_an_unknown_profile_is_bad_usage() -> None:
    with pytest.raises(UsageError) as caught:
        resolve("standrad", {"standard": BASE})
    assert caught.value.hint == 'did you mean "standard"?'
    assert caught.value.exit_code == 2


def test_a_clients_label_can_be_declared() -> None:
    text = (
        BASE.replace('provider = "@p"', "")
        + """
    [routing.strategy]
    mode = "conditional"
    default = "t"
    conditions = [{ query = { "metadata.site" = { "$eq" = "berlin" } }, then = "t" }]
    [[routing.targets]]
    name = "t"
    provider = "@p"
    """
    )
    assert problems("a", {"a": text})[0][3] == "UNKNOWN_METADATA"
    known = labels("person", ["site"])
    assert resolve("a", {"a": text}, known).policy.config["strategy"]["default"] == "t"

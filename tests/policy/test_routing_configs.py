"""Routing tables become config bodies; the admin guide's own examples come out to the letter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import InputError
from provisioner.policy.load import resolve

GUIDE = {
    "s157-override-model": """
    {
      "override_params": {
        "model": "@anthropic-prod/claude-sonnet-4-20250514"
      }
    }
    """,
    "s158-fallback": """
    {
      "strategy": { "mode": "fallback" },
      "targets": [
        { "provider": "@anthropic-prod" },
        { "provider": "@bedrock-prod" }
      ]
    }
    """,
    "s159-loadbalance": """
    {
      "strategy": { "mode": "loadbalance" },
      "targets": [
        { "provider": "@anthropic-key-1", "weight": 0.5 },
        { "provider": "@anthropic-key-2", "weight": 0.5 }
      ]
    }
    """,
    "s160-cache": """
    {
      "provider": "@anthropic-prod",
      "cache": { "mode": "simple" }
    }
    """,
}


@pytest.mark.covers("S157", "S158", "S159", "S160")
@pytest.mark.parametrize("case", sorted(GUIDE))
def test_the_guides_examples(case: str, cases: dict[str, str], golden: Callable[[str, bytes], None]) -> None:
    config = resolve(case, cases).policy.config
    assert config == json.loads(GUIDE[case])
    golden(f"policy/{case}.json", (json.dumps(config, indent=2) + "\n").encode())


@pytest.mark.covers("S157", "S158", "S159", "S160")
def test_the_examples_are_the_guides(shared: Path) -> None:
    [guide] = (shared / "seeds").glob("004_*.txt")
    blocks = [
        json.loads(b) for b in re.findall(r"```json theme=\{null\}\n(.*?)```", guide.read_text(), re.DOTALL)
    ]
    assert all(json.loads(text) in blocks for text in GUIDE.values())


@pytest.mark.covers("S180", "S193")
def test_everything_that_routing_can_say(cases: dict[str, str], golden: Callable[[str, bytes], None]) -> None:
    config = resolve("s180-conditional", cases).policy.config
    golden("policy/s180-conditional.json", (json.dumps(config, indent=2) + "\n").encode())


def found(routing: str, shipped: dict[str, str]) -> list[tuple[str | None, str]]:
    text = f'extends = "standard"\nunset = ["routing"]\n{routing}'
    with pytest.raises(InputError) as caught:
        resolve("own", shipped | {"own": text})
    assert {p.file for p in caught.value.problems} == {"own.toml"}
    return [(p.column, p.code) for p in caught.value.problems]


TWO = '[[routing.targets]]\nprovider = "@a"\nname = "a"\n[[routing.targets]]\nprovider = "@b"\nname = "b"\n'
CONDITION = '[[routing.strategy.conditions]]\nquery = { "metadata.env" = { "$eq" = "dev" } }\nthen = "a"\n'


def conditional(strategy: str = 'default = "b"\n', rest: str = CONDITION) -> str:
    return f'[routing.strategy]\nmode = "conditional"\n{strategy}{rest}{TWO}'


@pytest.mark.covers("C13", "S159")
@pytest.mark.parametrize(
    ("routing", "column", "code"),
    [
        ("", "routing", "NO_PROVIDER"),
        ("[routing]\ncache.mode = 'simple'", "routing", "NO_PROVIDER"),
        ("[routing]\noverride_params.model = 'claude-opus-5-5'", "routing", "NO_PROVIDER"),
        ("[routing]\nretry.attempts = 3", "routing", "NO_PROVIDER"),
        ("[routing]\nprovider = 'anthropic'", "routing.provider", "BAD_PROVIDER"),
        ("[routing]\nprovider = '@'", "routing.provider", "BAD_PROVIDER"),
        ("[routing]\nproviderr = '@a'\nprovider = '@a'", "routing.providerr", "UNKNOWN_KEY"),
        ("[routing]\nprovider = '@a'\napi_key = 'sk'", "routing.api_key", "REFUSED_KEY"),
        ("[routing]\nprovider = '@a'\nvirtual_key = 'v'", "routing.virtual_key", "REFUSED_KEY"),
        ("[routing]\nprovider = '@a'\ncache = {}", "routing.cache.mode", "MISSING_KEY"),
        ("[routing]\nprovider = '@a'\ncache.mode = 'big'", "routing.cache.mode", "BAD_VALUE"),
        (
            "[routing]\nprovider = '@a'\ncache = {mode='simple',max_age=59}",
            "routing.cache.max_age",
            "BAD_VALUE",
        ),
        (
            "[routing]\nprovider = '@a'\ncache = {mode='simple',max_age=7776001}",
            "routing.cache.max_age",
            "BAD_VALUE",
        ),
        ("[routing]\nprovider = '@a'\nretry.attempts = 6", "routing.retry.attempts", "BAD_VALUE"),
        (
            "[routing]\nprovider = '@a'\nretry.on_status_codes = [429]",
            "routing.retry.attempts",
            "MISSING_KEY",
        ),
        ("[routing]\nprovider = '@a'\nrequest_timeout = 0", "routing.request_timeout", "BAD_VALUE"),
        (
            "[routing]\nprovider = '@a'\noverride_params.x = 2026-01-01",
            "routing.override_params.x",
            "WRONG_TYPE",
        ),
        ("[routing]\nprovider = '@a'\noverride_params.x = inf", "routing.override_params.x", "WRONG_TYPE"),
        (
            "[routing]\nprovider = '@a'\noverride_params.model = 5",
            "routing.override_params.model",
            "WRONG_TYPE",
        ),
        ("[routing]\nprovider = '@a'\nforward_headers = ['a b']", "routing.forward_headers[0]", "BAD_VALUE"),
        (f"[routing]\n{TWO}", "routing.targets", "NO_STRATEGY"),
        ("[routing.strategy]\nmode = 'fallback'", "routing.targets", "NO_TARGETS"),
        ("[routing.strategy]\nmode = 'loadbalance'", "routing.targets", "NO_TARGETS"),
        (f"[routing]\nprovider = '@a'\nstrategy.mode = 'fallback'\n{TWO}", "routing.provider", "TWO_ROUTES"),
        (f"[routing.strategy]\non_status_codes = [429]\n{TWO}", "routing.strategy.mode", "MISSING_KEY"),
        (f"[routing.strategy]\nmode = 'single'\n{TWO}", "routing.strategy.mode", "BAD_VALUE"),
        (
            f"[routing.strategy]\nmode = 'fallback'\non_status_codes = [42]\n{TWO}",
            "routing.strategy.on_status_codes[0]",
            "BAD_VALUE",
        ),
        (
            f"[routing.strategy]\nmode = 'loadbalance'\non_status_codes = [429]\n{TWO}",
            "routing.strategy.on_status_codes",
            "NO_EFFECT",
        ),
        (
            f"[routing.strategy]\nmode = 'fallback'\ndefault = 'a'\n{TWO}",
            "routing.strategy.default",
            "NO_EFFECT",
        ),
        (
            f"[routing.strategy]\nmode = 'fallback'\n{CONDITION}{TWO}",
            "routing.strategy.conditions",
            "NO_EFFECT",
        ),
        (f"[routing.strategy]\nmode = 'fallback'\n{TWO}weight = 1", "routing.targets[1].weight", "NO_EFFECT"),
        (
            f"[routing.strategy]\nmode = 'loadbalance'\n{TWO}weight = 0.5",
            "routing.targets[0].weight",
            "MISSING_KEY",
        ),
        (
            f"[routing.strategy]\nmode = 'loadbalance'\n{TWO}weight = 0",
            "routing.targets[1].weight",
            "BAD_VALUE",
        ),
        (
            f"[routing.strategy]\nmode = 'fallback'\n{TWO}[[routing.targets]]\nname = 'c'",
            "routing.targets[2]",
            "NO_PROVIDER",
        ),
        (
            f"[routing.strategy]\nmode = 'fallback'\n{TWO}[[routing.targets.targets]]\nprovider = '@c'",
            "routing.targets[1].provider",
            "TWO_ROUTES",
        ),
        (conditional(""), "routing.strategy.default", "MISSING_KEY"),
        (conditional("default = 'c'\n"), "routing.strategy.default", "UNKNOWN_TARGET"),
        (conditional(rest=""), "routing.strategy.conditions", "MISSING_KEY"),
        (
            conditional(rest=CONDITION.replace('"a"', '"bb"')),
            "routing.strategy.conditions[0].then",
            "UNKNOWN_TARGET",
        ),
        (
            conditional() + '[[routing.targets]]\nprovider = "@c"',
            "routing.targets[2].name",
            "MISSING_KEY",
        ),
        (
            conditional() + '[[routing.targets]]\nprovider = "@c"\nname = "a"',
            "routing.targets[2].name",
            "DUPLICATE",
        ),
    ],
)
def test_what_a_gateway_would_take_and_not_do(
    routing: str, column: str, code: str, shipped: dict[str, str]
) -> None:
    assert (column, code) in found(routing, shipped)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "X-Portkey-Api-Key", "cookie"])
@pytest.mark.covers("T2", "T3")
def test_the_gateways_key_is_never_forwarded(name: str, shipped: dict[str, str]) -> None:
    routing = f"[routing]\nprovider = '@a'\nforward_headers = ['anthropic-beta', '{name}']"
    assert found(routing, shipped) == [("routing.forward_headers[1]", "CREDENTIAL_HEADER")]


def test_a_provider_of_the_parent_beside_targets_is_told_how_to_go(shipped: dict[str, str]) -> None:
    text = f'extends = "standard"\n[routing.strategy]\nmode = "fallback"\n{TWO}'
    with pytest.raises(InputError) as caught:
        resolve("own", shipped | {"own": text})
    [problem] = caught.value.problems
    assert (problem.file, problem.row, problem.code) == ("own.toml", 2, "TWO_ROUTES")
    assert 'unset = ["routing.provider"]' in problem.fix
    mended = resolve("own", shipped | {"own": f'unset = ["routing.provider"]\n{text}'}).policy.config
    assert set(mended) == {"forward_headers", "strategy", "targets"}


@pytest.mark.parametrize(
    "config",
    [
        "provider = '@a'",
        "provider = '@a'\nretry.attempts = 0",
        "override_params.model = '@a/claude-opus-5-5'",
        f"strategy.mode = 'loadbalance'\n{TWO}",
        f"strategy.mode = 'fallback'\n{TWO}[[routing.targets]]\noverride_params.model = '@c/claude'",
    ],
)
def test_what_stands(config: str, shipped: dict[str, str]) -> None:
    def plain(tree: Any) -> Any:
        return json.loads(json.dumps(tree))

    text = f'extends = "standard"\nunset = ["routing"]\n[routing]\n{config}'
    body = resolve("own", shipped | {"own": text}).policy.config
    assert plain(body) == body

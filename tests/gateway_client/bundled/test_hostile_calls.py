"""Hostile calls, made by schemathesis from the gateway's own OpenAPI document, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from gateway_client.bundled.admin import openapi
from gateway_client.bundled.admin.routes import TABLE
from gateway_client.bundled.settings import PROVIDERS, HttpUpstream
from tests.support import leaks

EXAMPLES = 3
"""Of each kind, right and wrong, for each operation."""

NOT_ASKED = [
    # Our schemas are wider than what is accepted: ids must exist, moments stand in their order, names
    # be known, configs mean something. A refusal of what fits the schema is right.
    positive_data_acceptance,
    # A parameter that a listing does not know, and the credential as a second header, are ignored.
    negative_data_rejection,
]
OPERATIONS = {
    result.ok().label: result.ok()
    for result in schemathesis.openapi.from_dict(dict(openapi.document(TABLE, "1"))).get_all_operations()
}
ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
ATTACKS = [
    (label, mode)
    for label, told in sorted(OPERATIONS.items())
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # What takes nothing can be given nothing wrong.
    if mode is GenerationMode.POSITIVE or any(map(list, (told.path_parameters, told.query, told.body)))
]
UPSTREAM = "canary-upstream-key-b9719d911017c592"


@pytest.fixture(scope="module")
def target(start_gateway: Callable[..., Any]) -> Any:
    """A gateway with things in it, and with a key of a provider that nobody asks for."""
    wire = start_gateway(
        providers={**PROVIDERS, "sealed-prod": "anthropic"},
        upstreams={"sealed-prod": HttpUpstream("http://127.0.0.1:9", SecretStr(UPSTREAM))},
    )
    wire.key = wire.bound()["key"]
    wire.ask(wire.key, "canary-prompt-2b6653b3d3c5f4d1")
    return wire


@pytest.fixture(scope="module")
def secrets(target: Any) -> dict[str, str]:
    return {"admin": ADMIN, "upstream": UPSTREAM, "key": target.key}


@pytest.mark.covers("T27", "T32", "T2")
@pytest.mark.parametrize(("label", "mode"), ATTACKS, ids=lambda value: getattr(value, "value", value))
def test_no_call_breaks_it_or_makes_it_talk(
    target: Any, secrets: dict[str, str], label: str, mode: GenerationMode
) -> None:
    operation = OPERATIONS[label]
    credential = target.key if "messages" in label or "models" in label else secrets["admin"]

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        # Large bodies are what it is for, and schemas of JSON are slow to begin with.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: schemathesis.Case) -> None:
        reply = case.call_and_validate(
            base_url=target.url,
            headers={"x-portkey-api-key": credential},
            excluded_checks=NOT_ASKED,
            timeout=10,
        )
        assert leaks.found(str(reply.headers).encode() + b"\n" + reply.content, secrets) == []

    attack()
    assert target.session.get(f"{target.url}/v1/health", timeout=10).json()["status"] == "success"

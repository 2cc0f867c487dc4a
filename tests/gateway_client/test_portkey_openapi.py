"""What we send is what Portkey's specification takes, and its example replies are what we read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from gateway_client import portkey_wire
from gateway_client.contract import Budget, KeySpec, RateLimit
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url
from tests.support.gateway_portkey import ADMIN_KEY, WORKSPACE, Request, simulating

FULL = KeySpec(
    name="claude-desktop-eng-prod",
    description="provision:ledger-1",
    config="pc-deskto-000001",
    metadata={"tenant": "acme", "team": "eng", "env": "prod"},
    budget=Budget(500, "monthly", 400),
    rate_limits=(RateLimit("requests", "rpm", 60), RateLimit("tokens", "rpw", 9)),
    expires_at=datetime(2027, 1, 1, tzinfo=UTC),
)
ROUTES = {
    "mint": ("/api-keys/{type}/{sub-type}", "post"),
    "update key": ("/api-keys/{id}", "put"),
    "rotate": ("/api-keys/{id}/rotate", "post"),
    "create config": ("/configs", "post"),
    "update config": ("/configs/{slug}", "put"),
}
# The specification does not mark it nullable; null is how a limit is cleared (facts/portkey.md 4.3).
NULL_CLEARS = {"usage_limits"}


@pytest.fixture(scope="module")
def openapi(shared: Path) -> dict[str, Any]:
    text = (shared / "contracts" / "portkey-openapi.yaml").read_bytes()
    document: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return document


def resolved(openapi: dict[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = openapi
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def faults(openapi: dict[str, Any], schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    """Yield what a value breaks of a schema, in the subset of OpenAPI that these requests use."""
    schema = resolved(openapi, schema)
    if value is None:
        if not schema.get("nullable") and path.rpartition(".")[2] not in NULL_CLEARS:
            yield f"{path}: null"
        return
    kinds: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = kinds[schema["type"]]
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        yield f"{path}: no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: below {schema['minimum']}"
    if schema.get("format") == "date-time":
        datetime.fromisoformat(value)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(openapi, schema["items"], item, f"{path}[{index}]")
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        yield from (f"{path}.{name}: missing" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            if name in properties:
                yield from faults(openapi, properties[name], inner, f"{path}.{name}")
            elif path != "body.config":  # a config's own language is not in the specification
                yield f"{path}.{name}: unknown"


@pytest.fixture(scope="module")
def sent() -> dict[str, list[Request]]:
    """All that the adapter sends with a body."""
    bare = replace(FULL, description="", metadata={}, budget=None, rate_limits=(), expires_at=None)
    with simulating() as simulator:
        door = Door(parse_gateway_url(simulator.url), SecretStr(ADMIN_KEY))
        gateway = PortkeyGateway(door, WORKSPACE)
        ids = [gateway.create_key(spec).id for spec in (FULL, bare, replace(FULL, budget=Budget(1, None)))]
        for spec in (FULL, bare):
            gateway.update_key(ids[0], spec)
        gateway.rotate_key(ids[0])
        slug = gateway.create_config("desktop-eng-prod", {"provider": "@anthropic-prod"}).slug
        gateway.update_config(slug, "desktop-eng-prod", {"provider": "@bedrock-prod"})
        door.close()
    found: dict[str, list[Request]] = {name: [] for name in ROUTES}
    for request in simulator.requests:
        route = request.path.removeprefix("/v1").split("/")[1:]
        match request.method, route:
            case "POST", ["api-keys", "workspace", "service"]:
                found["mint"].append(request)
            case "PUT", ["api-keys", _]:
                found["update key"].append(request)
            case "POST", ["api-keys", _, "rotate"]:
                found["rotate"].append(request)
            case "POST", ["configs"]:
                found["create config"].append(request)
            case "PUT", ["configs", _]:
                found["update config"].append(request)
    return found


@pytest.mark.parametrize("name", ROUTES)
def test_what_we_send_is_in_the_specification(
    openapi: dict[str, Any], sent: dict[str, list[Request]], name: str
) -> None:
    path, method = ROUTES[name]
    schema = openapi["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    assert sent[name]
    for request in sent[name]:
        assert list(faults(openapi, schema, request.body, "body")) == []


def test_no_key_is_ever_given_a_rotation_policy(sent: dict[str, list[Request]]) -> None:
    for request in sent["mint"] + sent["update key"]:
        assert "rotation_policy" not in request.body


def test_the_check_itself_finds_faults(openapi: dict[str, Any]) -> None:
    path, method = ROUTES["mint"]
    schema = openapi["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    broken = {
        "name": 1,
        "expires_at": None,
        "rate_limits": [{"type": "requests", "unit": "rpx", "value": -1}],
        "usage_limits": {"credit_limit": 0.5},
        "defaults": {"allow_config_override": 0},
        "config": "pc-x",
    }
    assert sorted(faults(openapi, schema, broken, "body")) == [
        "body.config: unknown",
        "body.defaults.allow_config_override: no boolean",
        "body.name: no string",
        "body.rate_limits[0].unit: not one of ['rpd', 'rph', 'rpm', 'rps', 'rpw']",
        "body.rate_limits[0].value: below 0",
        "body.scopes: missing",
        "body.usage_limits.credit_limit: no integer",
    ]


def example(openapi: dict[str, Any], schema: Mapping[str, Any]) -> Any:
    """Build the value that a schema's examples describe."""
    schema = resolved(openapi, schema)
    if schema.get("type") == "object" and "properties" in schema:
        return {name: example(openapi, inner) for name, inner in schema["properties"].items()}
    if schema.get("type") == "array":
        return schema.get("example") or [example(openapi, schema["items"])]
    return schema.get("example", (schema.get("enum") or [None])[0])


def reply(openapi: dict[str, Any], path: str, method: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = openapi["paths"][path][method]["responses"]["200"]["content"]
    return found["application/json"]


def test_the_replies_of_the_specification_are_read(openapi: dict[str, Any]) -> None:
    keys = portkey_wire.page(example(openapi, reply(openapi, "/api-keys", "get")["schema"]))
    (item,) = keys.items
    key = portkey_wire.key(item)
    assert (key.name, key.config, key.status) == ("Development API Key", "config-abc", "active")
    assert key.metadata == {"environment": "development", "team": "backend"}

    minted = portkey_wire.minted(
        example(openapi, reply(openapi, "/api-keys/{type}/{sub-type}", "post")["schema"])
    )
    assert minted.id == "183f497a-2a7f-4f47-992e-26213fa863we"
    rotated = example(openapi, reply(openapi, "/api-keys/{id}/rotate", "post")["schema"])
    assert portkey_wire.minted(rotated).secret.get_secret_value() == "pk_live_new_rotated_key_value"

    examples = {
        name: reply(openapi, path, method)["examples"]["example-1"]["value"]
        for name, path, method in (
            ("list", "/configs", "get"),
            ("create", "/configs", "post"),
            ("get", "/configs/{slug}", "get"),
        )
    }
    (listed,) = portkey_wire.page(examples["list"]).items
    assert portkey_wire.config(listed).slug == "pc-pplx-c-ca7a87"
    created = portkey_wire.created_config(examples["create"])
    assert (created.id, created.slug) == ("f3d8d070-f29d-43a3-bf97-3159c60f4ce0", None)
    body = portkey_wire.config({**listed, **portkey_wire.unwrapped(examples["get"])}).body
    assert body is not None
    assert body["strategy"] == {"mode": "fallback"}

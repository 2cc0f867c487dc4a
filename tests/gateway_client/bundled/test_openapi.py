"""The gateway's own OpenAPI document says what its handlers read."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import jsonschema
import requests
from starlette.routing import Route

from gateway_client.bundled.admin import openapi
from gateway_client.bundled.admin.routes import TABLE
from gateway_client.bundled.data_plane.routes import routes as data_plane_routes

READS = re.compile(r"bodies\.read\(\s*(?:bodies\.)?(\w+), call\.body\)")


def test_every_body_is_described_by_the_model_that_reads_it() -> None:
    read = {
        (method, path): found[1]
        for method, path, handler in TABLE
        if (found := READS.search(inspect.getsource(handler)))
    }
    assert read == {route: model.__name__ for route, model in openapi.BODIES.items()}
    assert len(read) > 20


def test_what_is_said_of_queries_is_said_of_routes_that_are_there() -> None:
    routes = {(method, path) for method, path, _ in TABLE}
    assert {("GET", path) for path in openapi.QUERIES} <= routes
    assert set(openapi.BESIDE_PATH) <= routes


def test_every_route_is_described_and_only_those(wire: Any) -> None:
    document = requests.get(f"{wire.url}/v1/openapi.json", timeout=20).json()
    described = {(method.upper(), path) for path, told in document["paths"].items() for method in told}
    served = {(method, path) for method, path, _ in TABLE}
    served |= {
        (method, route.path)
        for route in data_plane_routes()
        if isinstance(route, Route) and route.path != "/anthropic"  # the same as `/anthropic/`
        for method in (route.methods or ())
        if method != "HEAD"
    }
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        served |= {("POST", path), ("POST", f"/anthropic{path}")}
    assert described == served | {("GET", f"/v1/{name}") for name in ("health", "ready", "openapi.json")}
    assert len({told["operationId"] for _, told in admin(document)}) == len(TABLE)


def admin(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, told)
        for path, methods in document["paths"].items()
        for told in methods.values()
        if "operationId" in told
    ]


def test_the_schemas_are_schemas_and_every_reference_leads_somewhere() -> None:
    document = openapi.document(TABLE, "1")
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in document["components"]["schemas"]
    assert text.isascii()
    assert document["openapi"] == "3.1.0"

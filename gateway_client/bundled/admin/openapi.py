"""`GET /v1/openapi.json`: the gateway's own description, OpenAPI 3.1. It asks for no credential.

Made from the tables of the admin API and the models that read its bodies, so that it can't say
anything else than they do. What Claude's clients use beside it is described by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway_client.bundled.admin import bodies, log_exports, log_filters, records, scopes
from gateway_client.bundled.admin.door import MAX_PAGE, PAGE, Table
from gateway_client.bundled.gateway import Gateway

BODIES: Mapping[tuple[str, str], type[BaseModel]] = {
    ("POST", "/v1/api-keys/{id}/rotate"): bodies.KeyRotate,
    ("POST", "/v1/api-keys/{type}/{sub_type}"): bodies.KeyCreate,
    ("PUT", "/v1/api-keys/{id}"): bodies.KeyUpdate,
    ("POST", "/v1/guardrails"): bodies.GuardrailCreate,
    ("PUT", "/v1/guardrails/{id}"): bodies.GuardrailUpdate,
    ("PUT", "/v1/integrations/{slug}/models"): bodies.ModelsUpdate,
    ("PUT", "/v1/integrations/{slug}/workspaces"): bodies.AccessUpdate,
    ("POST", "/v1/configs"): bodies.ConfigCreate,
    ("PUT", "/v1/configs/{slug}"): bodies.ConfigUpdate,
    ("POST", "/v1/admin/workspaces"): bodies.WorkspaceCreate,
    ("PUT", "/v1/admin/workspaces/{id}"): bodies.WorkspaceUpdate,
    ("DELETE", "/v1/admin/workspaces/{id}"): bodies.WorkspaceDelete,
    ("POST", "/v1/admin/workspaces/{id}/users"): bodies.MembersAdd,
    ("PUT", "/v1/admin/workspaces/{id}/users/{user_id}"): bodies.MemberUpdate,
    ("PUT", "/v1/admin/users/{user_id}"): bodies.UserUpdate,
    ("POST", "/v1/admin/users/invites"): bodies.InviteCreate,
    ("POST", "/v1/policies/usage-limits"): bodies.UsagePolicyCreate,
    ("PUT", "/v1/policies/usage-limits/{id}"): bodies.UsagePolicyUpdate,
    ("POST", "/v1/policies/rate-limits"): bodies.RatePolicyCreate,
    ("PUT", "/v1/policies/rate-limits/{id}"): bodies.RatePolicyUpdate,
    ("POST", "/v1/logs/exports"): log_exports.ExportCreate,
    ("PUT", "/v1/logs/exports/{id}"): log_exports.ExportUpdate,
    ("POST", "/v1/logs"): records.Insert,
}
"""Which model reads the body of a route."""

BESIDE_PATH: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("DELETE", "/v1/integrations/{slug}/models"): ("slugs",),
    ("GET", "/v1/policies/usage-limits/{id}"): ("include_usage", "status"),
}
"""What else a route that is no listing takes in its query."""

QUERIES: Mapping[str, tuple[str, ...]] = {
    "/v1/api-keys": ("workspace_id", "ids"),
    "/v1/configs": ("workspace_id",),
    "/v1/guardrails": ("workspace_id",),
    "/v1/integrations": ("workspace_id", "type"),
    "/v1/mcp-servers": ("workspace_id",),
    "/v1/mcp-integrations": ("workspace_id", "type"),
    "/v1/providers": ("workspace_id",),
    "/v1/virtual-keys": ("workspace_id",),
    "/v1/admin/workspaces": ("name", "exact_name", "status"),
    "/v1/admin/workspaces/{id}/users": ("role", "email"),
    "/v1/admin/users": ("role", "email"),
    "/v1/admin/users/invites": ("role", "email", "status"),
    "/v1/policies/usage-limits": ("workspace_id", "status", "type"),
    "/v1/policies/usage-limits/{id}/entities": ("status", "search"),
    "/v1/policies/rate-limits": ("workspace_id", "status", "type", "unit"),
    "/v1/logs/exports": ("workspace_id",),
    "/v1/logs": tuple(sorted(log_filters.NAMES)),
}
"""What listings can be filtered by, beside the paging that all of them have."""

ENUMS: Mapping[str, tuple[str, ...]] = {
    "type": ("organisation", "workspace"),
    "sub_type": ("service", "user"),
}
_PARAMETER = re.compile(r"{(\w+)}")


def serve(table: Table) -> Any:
    """Make the route's endpoint."""

    def answer(request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        return JSONResponse(document(table, gateway.version))

    return answer


@cache
def document(table: Table, version: str) -> Mapping[str, Any]:
    """Describe the admin API of these tables, and the data plane."""
    _, models = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(BODIES.values())],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler in table:
        told = _operation(method, path)
        told["summary"] = (handler.__doc__ or "").partition("\n")[0]
        paths.setdefault(path, {})[method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "The bundled gateway of provision", "version": version},
        "paths": paths | _data_plane(),
        "security": [{"portkey": []}, {"bearer": []}],
        "components": {
            "schemas": models.get("$defs", {}) | _SCHEMAS,
            "securitySchemes": {
                "portkey": {"type": "apiKey", "in": "header", "name": "x-portkey-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(method: str, path: str) -> dict[str, Any]:
    names = _PARAMETER.findall(path)
    told: dict[str, Any] = {
        "operationId": f"{method.lower()} {path.removeprefix('/v1/')}",
        "description": "Needs one of the scopes " + ", ".join(scopes.of_route(method, path)),
        "tags": [path.removeprefix("/v1/admin").removeprefix("/v1").split("/")[1]],
        "parameters": [_path_parameter(name) for name in names],
        "responses": {
            "200": _json("#/components/schemas/Answer", "done"),
            "default": _json("#/components/schemas/Refusal", "refused (AB01 to AB07)"),
        },
    }
    told["parameters"] += [_query(name) for name in BESIDE_PATH.get((method, path), ())]
    if path.startswith("/v1/analytics/"):
        told["parameters"] += _ANALYTICS
    elif method == "GET" and not path.endswith("}"):
        told["parameters"] += [*_PAGING, *(_query(name) for name in QUERIES.get(path, ()))]
    if (method, path) in BODIES:
        content = _content(f"#/components/schemas/{BODIES[method, path].__name__}")
        told["requestBody"] = {"required": True, "content": content}
    return told


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if name in ENUMS:
        schema = {"enum": list(ENUMS[name])}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": schema}}}


def _json(schema: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


def _data_plane() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        "/v1/health": {"get": _told("the gateway is up", open_to_all=True)},
        "/v1/ready": {"get": _told("the gateway takes requests; 503 where it should not", open_to_all=True)},
        "/v1/openapi.json": {"get": _told("this document", open_to_all=True)},
    }
    for prefix in ("", "/anthropic"):
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            told = _told("an answer of the Anthropic Messages API, a message or its events")
            told["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
            content = _content("#/components/schemas/Messages")
            told["requestBody"] = {"required": True, "content": content}
            found[prefix + path] = {"post": told}
        found[f"{prefix}/v1/models"] = {"get": _told("models that the key may use")}
        found[f"{prefix}/"] = {"get": _told("which gateway this is", open_to_all=True)}
    return found


def _told(description: str, *, open_to_all: bool = False) -> dict[str, Any]:
    refusal = _json("#/components/schemas/Answer", "refused, or an error of the provider")
    told = {
        "tags": ["data plane"],
        "responses": {"200": _json("#/components/schemas/Answer", description), "default": refusal},
    }
    return {**told, "security": []} if open_to_all else told


_PAGING = [
    {"name": name, "in": "query", "schema": schema}
    for name, schema in (
        ("page_size", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE}),
        ("current_page", {"type": "integer", "minimum": 0, "maximum": 10_000_000, "default": 0}),
    )
]
_ANALYTICS = [
    {
        "name": name,
        "in": "query",
        "required": name.startswith("time_of_generation_"),
        "schema": {key: value for key, value in schema.items() if key != "title"},
    }
    for name, schema in log_filters.Wanted.model_json_schema()["properties"].items()
]
_SCHEMAS: Mapping[str, Any] = {
    "Answer": {"type": "object"},
    "Refusal": {
        "type": "object",
        "required": ["success", "data"],
        "properties": {
            "success": {"const": False},
            "data": {
                "type": "object",
                "required": ["message", "errorCode"],
                "properties": {"message": {"type": "string"}, "errorCode": {"type": "string"}},
            },
        },
    },
    "Messages": {
        "type": "object",
        "required": ["model", "max_tokens", "messages"],
        "properties": {
            "model": {"type": "string", "examples": ["claude-opus-4-8"]},
            "max_tokens": {"type": "integer", "minimum": 1},
            "stream": {"type": "boolean"},
            "messages": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["role", "content"],
                    "properties": {"role": {"enum": ["user", "assistant"]}, "content": {"type": "string"}},
                },
            },
        },
    },
}

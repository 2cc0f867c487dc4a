"""The data plane over a socket: credentials, binding, attribution, answers (facts/portkey.md 9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

INVALID_KEY = {
    "status": "failure",
    "message": "Portkey Error: Invalid API Key. Error Code: 03",
    "error": {"message": "Portkey Error: Invalid API Key. Error Code: 03", "code": "03"},
}
FORBIDDEN = {
    "status": "failure",
    "message": "Forbidden!",
    "error": {"message": "Forbidden!", "code": "033"},
}


def test_either_credential_header_counts_and_portkeys_own_first(wire: Any) -> None:
    key = wire.bound()["key"]
    for headers in (
        {"x-portkey-api-key": key},
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
        {"authorization": key},
        {"x-portkey-api-key": key, "authorization": "Bearer OPENAI_API_KEY"},
        {"authorization": f"Bearer {key}", "x-api-key": "the user's own"},
    ):
        assert wire.ask(None, headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["x-api-key", "authorization", "x-portkey-api-key"])
def test_x_api_key_alone_and_unknown_keys_are_refused(wire: Any, name: str) -> None:
    value = wire.bound()["key"] if name == "x-api-key" else "Bearer wrong"
    reply = wire.ask(None, headers={name: value})
    assert (reply.status_code, reply.json()) == (401, INVALID_KEY)


def test_who_may_not_call_models(wire: Any) -> None:
    admin = wire.admin("GET", "/configs").request.headers["x-portkey-api-key"]
    body = {"name": "org", "scopes": ["completions.write"]}
    organisation = wire.admin("POST", "/api-keys/organisation/service", json=body).json()["key"]
    unscoped = wire.mint(scopes=["logs.list"])["key"]
    for key in (admin, organisation, unscoped):
        reply = wire.ask(key)
        assert (reply.status_code, reply.json()) == (403, FORBIDDEN)


@pytest.mark.covers("S166", "S169")
def test_a_bound_key_needs_nothing_but_itself(wire: Any) -> None:
    key = wire.bound()["key"]
    reply = wire.ask(key)
    assert reply.status_code == 200
    assert reply.json()["content"] == [{"type": "text", "text": "echo: hi"}]
    assert reply.headers["x-portkey-provider"] == "anthropic-prod"
    assert reply.headers["x-portkey-last-used-option-index"] == "config"


@pytest.mark.covers("S166")
def test_a_bound_config_can_not_be_overridden_not_even_by_itself(wire: Any) -> None:
    slug, other = wire.config(), wire.config({"provider": "@bedrock-prod"})
    locked = wire.mint(defaults={"config_id": slug, "allow_config_override": False})["key"]
    for asked in (slug, other):
        reply = wire.ask(locked, headers={"x-portkey-config": asked})
        message = "Cannot override default config set for this API key."
        assert (reply.status_code, reply.json()) == (400, {"status": "failure", "message": message})
    free = wire.mint(defaults={"config_id": slug})["key"]
    reply = wire.ask(free, headers={"x-portkey-config": other})
    assert reply.headers["x-portkey-provider"] == "bedrock-prod"


def test_the_configs_provider_beats_what_the_client_asks_for(wire: Any) -> None:
    key = wire.bound({"provider": "@bedrock-prod"})["key"]
    reply = wire.ask(key, model="@vertex-prod/claude-x", headers={"x-portkey-provider": "@azure-prod"})
    assert reply.headers["x-portkey-provider"] == "bedrock-prod"
    assert reply.json()["model"] == "claude-x"
    open_config = wire.bound({"retry": {"attempts": 3}})["key"]
    reply = wire.ask(open_config, model="@vertex-prod/claude-x")
    assert reply.headers["x-portkey-provider"] == "vertex-prod"


@pytest.mark.covers("S157")
def test_override_params_pin_the_model(wire: Any) -> None:
    key = wire.bound({"override_params": {"model": "@vertex-prod/claude-sonnet-4-5", "max_tokens": 1}})["key"]
    reply = wire.ask(key, "a long text", model="claude-opus-4-8")
    assert (reply.json()["model"], reply.json()["stop_reason"]) == ("claude-sonnet-4-5", "max_tokens")
    entry = wire.logs()[0]
    assert (entry["model_asked"], entry["model_served"]) == ("claude-opus-4-8", "claude-sonnet-4-5")


def test_without_config_the_request_must_name_a_provider(wire: Any) -> None:
    key = wire.mint()["key"]
    reply = wire.ask(key)
    message = "Either x-portkey-config or x-portkey-provider header is required"
    assert (reply.status_code, reply.json()) == (400, {"status": "failure", "message": message})
    for options in (
        {"headers": {"x-portkey-provider": "@vertex-prod"}},
        {"headers": {"x-portkey-virtual-key": "vertex-prod"}},
        {"headers": {"x-portkey-config": wire.config({"provider": "@vertex-prod"})}},
        {"model": "@vertex-prod/claude-x"},
        {"model": "vertex/claude-x"},
    ):
        assert wire.ask(key, **options).headers["x-portkey-provider"] == "vertex-prod"


@pytest.mark.parametrize(
    ("headers", "params", "message"),
    [
        ({"x-portkey-config": "pc-nobody-000000"}, {}, "Invalid config id passed"),
        ({"x-portkey-provider": "@nobody"}, {}, "Following keys are not valid: nobody"),
        ({}, {"model": "@nobody/claude"}, "Following keys are not valid: nobody"),
        ({"x-portkey-provider": "@azure-prod"}, {"model": 5}, "model: Field required"),
    ],
)
def test_what_can_not_be_routed(
    wire: Any, headers: dict[str, str], params: dict[str, Any], message: str
) -> None:
    reply = wire.ask(wire.mint()["key"], headers=headers, **params)
    assert (reply.status_code, reply.json()) == (400, {"status": "failure", "message": message})


def test_a_config_that_is_deleted_or_of_another_workspace_is_not_found(wire: Any) -> None:
    slug = wire.config()
    key = wire.mint(defaults={"config_id": slug})["key"]
    wire.admin("DELETE", f"/configs/{slug}")
    assert wire.ask(key).json()["message"] == "Invalid config id passed"
    other = wire.admin("POST", "/admin/workspaces", json={"name": "Other"}).json()
    stranger = wire.mint(workspace_id=other["id"])["key"]
    reply = wire.ask(stranger, headers={"x-portkey-config": wire.config()})
    assert reply.json()["message"] == "Invalid config id passed"


SAVED_ONLY = [
    ("x-portkey-provider", "anthropic", "inline_provider_blocked"),
    ("x-portkey-config", '{"provider":"@anthropic-prod"}', "inline_config_blocked"),
    ("x-portkey-custom-host", "http://127.0.0.1:9", "inline_custom_host_blocked"),
    ("x-portkey-forward-headers", "x-a", "inline_forward_headers_blocked"),
]


@pytest.mark.parametrize(("header", "value", "code"), SAVED_ONLY)
def test_saved_only_mode_refuses_what_is_inline(wire: Any, header: str, value: str, code: str) -> None:
    reply = wire.ask(wire.mint()["key"], headers={header: value})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == code
    assert reply.json()["error"]["field"] == header


def test_with_saved_only_off_names_and_configs_may_be_inline(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway(saved_only=False)
    key = wire.mint()["key"]
    for headers, status in (
        ({"x-portkey-provider": "vertex"}, 200),
        ({"x-portkey-config": '{"provider":"@vertex-prod"}'}, 200),
        ({"x-portkey-config": '{"provider":"vertex"}'}, 400),
        ({"x-portkey-custom-host": "http://127.0.0.1:9"}, 400),
    ):
        reply = wire.ask(key, headers=headers)
        assert reply.status_code == status
        assert status == 400 or reply.headers["x-portkey-provider"] == "vertex-prod"


@pytest.mark.covers("S158")
def test_fallback_takes_the_next_provider(wire: Any) -> None:
    """The echo refuses a request without `max_tokens`; the second target brings it."""
    config = {
        "strategy": {"mode": "fallback"},
        "targets": [
            {"provider": "@anthropic-prod"},
            {"provider": "@bedrock-prod", "override_params": {"max_tokens": 5}},
        ],
    }
    key = wire.bound(config)["key"]
    body = {"model": "claude-x", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {key}"}
    reply = wire.session.post(wire.url + "/v1/messages", json=body, headers=headers)
    assert reply.status_code == 200
    assert reply.headers["x-portkey-last-used-option-index"] == "config.targets[1]"
    entry = wire.logs()[0]
    assert (entry["provider"], entry["target"]) == ("bedrock-prod", "config.targets[1]")


@pytest.mark.covers("S159")
def test_load_balance_uses_every_target(wire: Any) -> None:
    config = {
        "strategy": {"mode": "loadbalance"},
        "targets": [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}],
    }
    key = wire.bound(config)["key"]
    used = {wire.ask(key).headers["x-portkey-provider"] for _ in range(60)}
    assert used == {"anthropic-prod", "bedrock-prod"}


@pytest.mark.covers("T22")
def test_conditional_routing_goes_by_the_keys_metadata_not_the_requests(wire: Any) -> None:
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.env": {"$eq": "prod"}}, "then": "prod"}],
            "default": "rest",
        },
        "targets": [
            {"name": "prod", "provider": "@anthropic-prod"},
            {"name": "rest", "provider": "@vertex-prod"},
        ],
    }
    claimed = {"x-portkey-metadata": '{"env":"prod"}'}
    forged = wire.bound(config, metadata={"env": "dev"})["key"]
    assert wire.ask(forged, headers=claimed).headers["x-portkey-provider"] == "vertex-prod"
    silent = wire.bound(config)["key"]
    assert wire.ask(silent, headers=claimed).headers["x-portkey-provider"] == "anthropic-prod"
    del config["strategy"]["default"]
    no_route = wire.ask(wire.bound(config)["key"])
    assert no_route.json()["message"] == "Query router did not resolve to any valid target"


@pytest.mark.parametrize("prefix", ["", "/anthropic"])
def test_streaming_events_in_the_order_that_clients_insist_on(
    wire: Any, read_events: Callable[..., Any], prefix: str
) -> None:
    key = wire.bound()["key"]
    reply = wire.ask(key, "hello " * 20, path=f"{prefix}/v1/messages?beta=true", stream=True)
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = read_events(reply)
    assert all(event == data["type"] for event, data in found)
    names = [event for event, _ in found]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert set(names[3:-3]) == {"content_block_delta"}
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(data["delta"]["text"] for event, data in found if event == "content_block_delta")
    assert text == "echo: " + "hello " * 20


def test_a_tool_call_is_streamed_in_parts(wire: Any, read_events: Callable[..., Any]) -> None:
    key = wire.bound()["key"]
    tools = [{"name": "Bash", "input_schema": {"type": "object"}}]
    reply = wire.ask(key, '[[tool:Bash {"command":"echo hi there"}]]', tools=tools, stream=True)
    found = read_events(reply)
    parts = [data["delta"]["partial_json"] for event, data in found if event == "content_block_delta"]
    assert len(parts) > 3
    assert json.loads("".join(parts)) == {"command": "echo hi there"}
    assert found[-2][1]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize("prefix", ["", "/anthropic"])
def test_the_other_routes(wire: Any, prefix: str) -> None:
    key = wire.bound()["key"]
    counted = wire.ask(key, path=f"{prefix}/v1/messages/count_tokens?beta=true")
    assert counted.json() == {"input_tokens": 11}
    url, headers = f"{wire.url}{prefix}/v1/models", {"authorization": f"Bearer {key}"}
    models = wire.session.get(url, params={"limit": 1000}, headers=headers).json()
    assert "claude-opus-5-5" in [model["id"] for model in models["data"]]
    assert models["has_more"] is False
    assert wire.session.get(url).status_code == 401
    for path in (prefix or "/", f"{prefix}/"):
        assert wire.session.head(wire.url + path).status_code == 200
        assert wire.session.get(wire.url + path).json()["product"] == "provision-bundled-gateway"


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b"\xff", b"[" * 100, b"7"])
def test_a_body_that_is_no_object_is_one_clear_400(wire: Any, body: bytes) -> None:
    headers = {"authorization": f"Bearer {wire.bound()['key']}"}
    reply = wire.session.post(wire.url + "/v1/messages", data=body, headers=headers)
    message = "request body: must be a JSON object"
    assert (reply.status_code, reply.json()) == (400, {"status": "failure", "message": message})


def test_half_a_character_in_the_body_harms_nothing(wire: Any) -> None:
    key = wire.bound()["key"]
    body = b'{"model":"m\\ud800","max_tokens":9,"messages":[{"role":"user","content":"\\udfff"}]}'
    claimed = {"authorization": f"Bearer {key}", "x-portkey-metadata": '{"a\\ud800":"\\ud800"}'}
    reply = wire.session.post(wire.url + "/v1/messages", data=body, headers=claimed)
    assert reply.status_code == 200
    assert wire.logs()[0]["status"] == 200
    assert wire.logs()[0]["model_asked"] == "m?"
    assert wire.logs()[0]["metadata"] == {}
    refused = wire.ask(wire.mint()["key"], model="@\ud800/x")
    assert refused.json()["message"] == "Following keys are not valid: ?"


def test_a_body_of_megabytes_passes_and_a_limit_holds(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway(max_body=33 * 1024 * 1024)
    key = wire.bound()["key"]
    reply = wire.ask(key, "x" * (32 * 1024 * 1024))
    assert reply.status_code == 200
    assert reply.json()["usage"]["input_tokens"] > 8_000_000
    assert wire.ask(key, "x" * (33 * 1024 * 1024)).status_code == 413
    assert wire.logs()[0]["status"] == 413

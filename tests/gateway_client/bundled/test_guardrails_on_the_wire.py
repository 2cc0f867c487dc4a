"""Guardrails from the admin API to the client: deny, note, stream, metadata, models, workspace defaults."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
portkey_ai = pytest.importorskip("portkey_ai", reason="the portkey-ai SDK is not installed")
exceptions = pytest.importorskip("portkey_ai.api_resources.exceptions")

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"  # as in conftest
MAIL = "bob.secret@example.com"
PII = {"id": "default.pii", "parameters": {}}
OPUS, HAIKU = "claude-opus-4-8", "claude-haiku-4-5"


def save(wire: Any, *checks: dict[str, Any], deny: bool = True, **fields: Any) -> str:
    """Save a guardrail and return its slug."""
    actions = {"deny": deny, "async": False, **fields.pop("actions", {})}
    body = {"name": "content rules", "checks": list(checks), "actions": actions, **fields}
    reply = wire.admin("POST", "/guardrails", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["slug"])


def guarded(wire: Any, *, before: tuple[str, ...] = (), after: tuple[str, ...] = (), **defaults: Any) -> str:
    """Mint a key whose config has these guardrails, and return its secret."""
    config = {
        "provider": "@anthropic-prod",
        "input_guardrails": list(before),
        "output_guardrails": list(after),
    }
    return str(wire.bound(config, **defaults)["key"])


def hooks(reply: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = reply.json()["hook_results"]
    return found["before_request_hooks"], found["after_request_hooks"]


@pytest.mark.covers("S164")
def test_an_async_guardrail_changes_no_answer_and_is_logged(wire: Any) -> None:
    slug = save(wire, PII, actions={"deny": True, "async": True})
    for rails in ({"before": (slug,)}, {"after": (slug,)}):
        reply = wire.ask(guarded(wire, **rails), MAIL)  # the echo says it again
        assert reply.status_code == 200
        assert "hook_results" not in reply.json()
        (verdict,) = wire.logs()[0]["verdicts"]
        assert (verdict["check"], verdict["verdict"], verdict["deny"]) == ("default.pii", False, False)


@pytest.mark.covers("S164")
def test_deny_on_request(wire: Any) -> None:
    slug = save(wire, {**PII, "name": "no personal data"})
    key = guarded(wire, before=(slug,))
    assert wire.ask(key, "hello").status_code == 200
    reply = wire.ask(key, f"mail {MAIL}", headers={"x-portkey-trace-id": "denied-1"})
    assert reply.status_code == 446
    assert reply.json()["error"] == {
        "message": "The guardrail checks defined in the config failed. "
        "You can find more information in the `hook_results` object.",
        "type": "hooks_failed",
        "param": None,
        "code": None,
    }
    check = {
        "id": "default.pii",
        "name": "no personal data",
        "verdict": False,
        "data": {"explanation": "personal data found: EMAIL_ADDRESS 1"},
        "transformed": False,
    }
    assert hooks(reply) == (
        [
            {
                "verdict": False,
                "id": slug,
                "transformed": False,
                "checks": [check],
                "type": "guardrail",
                "async": False,
                "deny": True,
            }
        ],
        [],
    )
    log = next(entry for entry in wire.logs() if entry["trace_id"] == "denied-1")
    assert (log["status"], log["outcome"]) == (446, "refused")
    assert MAIL not in reply.text + json.dumps(log)


@pytest.mark.covers("S164", "S165")
def test_note_on_request_lets_the_answer_through(wire: Any) -> None:
    """The staging way: see what a rule would stop, before it stops anything."""
    key = guarded(wire, before=(save(wire, PII, deny=False),))
    reply = wire.ask(key, f"mail {MAIL}")
    assert reply.status_code == 246
    assert reply.json()["type"] == "message"
    before, after = hooks(reply)
    assert [(hook["verdict"], hook["deny"]) for hook in before] == [(False, False)]
    assert after == []
    assert "hook_results" not in wire.ask(key, "hello").json()
    noted = [entry for entry in wire.logs() if entry["status"] == 246]
    assert len(noted) == 1


@pytest.mark.covers("S164")
@pytest.mark.parametrize("stream", [False, True])
def test_deny_on_response(wire: Any, stream: bool) -> None:
    words = {"id": "default.contains", "parameters": {"words": ["Falcon"], "operator": "none"}}
    key = guarded(wire, after=(save(wire, words),))
    assert wire.ask(key, "hello", stream=stream).status_code == 200
    reply = wire.ask(key, "say Falcon", stream=stream)
    assert reply.status_code == 446
    before, after = hooks(reply)
    assert before == []
    assert after[0]["checks"][0]["data"] == {"explanation": "1 of 1 words found"}
    assert "Falcon" not in reply.text


@pytest.mark.covers("S164")
@pytest.mark.parametrize("stream", [False, True])
def test_what_a_tool_is_called_with_counts_as_said(wire: Any, stream: bool) -> None:
    key = guarded(wire, after=(save(wire, PII),))
    tools = [{"name": "Send", "input_schema": {"type": "object"}}]
    reply = wire.ask(key, f'[[tool:Send {{"to": "{MAIL}"}}]]', tools=tools, stream=stream)
    assert reply.status_code == 446
    assert MAIL not in reply.text


@pytest.mark.covers("S164")
def test_a_note_on_a_stream_leaves_the_stream_alone(wire: Any, read_events: Callable[..., Any]) -> None:
    key = guarded(wire, after=(save(wire, PII, deny=False),))
    reply = wire.ask(key, MAIL, stream=True, headers={"x-portkey-trace-id": "noted-stream"})
    assert reply.status_code == 200
    assert read_events(reply)[-1][0] == "message_stop"
    log = next(entry for entry in wire.logs() if entry["trace_id"] == "noted-stream")
    assert [(v["check"], v["verdict"], v["deny"]) for v in log["verdicts"]] == [("default.pii", False, False)]


@pytest.mark.covers("S164", "S193", "T22")
def test_models_follow_the_key_s_environment_whatever_the_header_says(wire: Any) -> None:
    rules = {"defaults": [HAIKU], "metadata": {"env": {"prod": [OPUS], "staging": [HAIKU]}}}
    slug = save(wire, {"id": "default.modelRules", "parameters": {"rules": rules}})
    prod = guarded(wire, before=(slug,), metadata={"env": "prod"})
    staging = guarded(wire, before=(slug,), metadata={"env": "staging"})
    forged = {"x-portkey-metadata": json.dumps({"env": "prod"})}
    assert wire.ask(prod, model=OPUS).status_code == 200
    assert wire.ask(prod, model=HAIKU).status_code == 446
    assert wire.ask(staging, model=HAIKU, headers=forged).status_code == 200
    assert wire.ask(staging, model=OPUS, headers=forged).status_code == 446
    assert wire.ask(staging, model=f"@anthropic-prod/{OPUS}").status_code == 446


@pytest.mark.covers("S164")
def test_required_metadata(wire: Any) -> None:
    needs = {
        "id": "default.requiredMetadataKeys",
        "parameters": {"metadataKeys": ["team", "user"], "operator": "all"},
    }
    key = guarded(wire, before=(save(wire, needs),), metadata={"team": "eng"})
    reply = wire.ask(key)
    assert reply.status_code == 446
    explanation = hooks(reply)[0][0]["checks"][0]["data"]["explanation"]
    assert explanation == "1 of 2 metadata keys found, missing: user"
    sent = {"x-portkey-metadata": json.dumps({"user": "alice@example.com"})}
    assert wire.ask(key, headers=sent).status_code == 200


def test_a_guardrail_that_is_not_there_stops_every_request(wire: Any) -> None:
    gone = save(wire, PII)
    key = guarded(wire, before=(gone,))
    assert wire.ask(key).status_code == 200
    assert wire.admin("DELETE", f"/guardrails/{gone}").json() == {}
    reply = wire.ask(key)
    assert reply.status_code == 400
    assert reply.json() == {"status": "failure", "message": f"Following guardrails are not valid: {gone}"}


@pytest.mark.covers("S164", "S165")
def test_a_change_holds_from_the_next_request(wire: Any) -> None:
    slug = save(wire, PII, deny=False)
    key = guarded(wire, before=(slug,))
    assert wire.ask(key, MAIL).status_code == 246
    reply = wire.admin("PUT", f"/guardrails/{slug}", json={"actions": {"deny": True, "async": False}})
    assert reply.status_code == 200
    assert wire.ask(key, MAIL).status_code == 446
    wire.admin("PUT", f"/guardrails/{slug}", json={"checks": [{**PII, "is_enabled": False}]})
    assert wire.ask(key, MAIL).status_code == 200


@pytest.mark.covers("S164")
def test_a_workspace_s_guardrails_hold_for_all_its_keys_and_no_others(wire: Any) -> None:
    workspace = wire.admin("POST", "/admin/workspaces", json={"name": "Regulated"}).json()["id"]
    organisation = wire.admin("GET", "/guardrails").json()
    slug = save(wire, PII, workspace_id=workspace)
    own = wire.mint(workspace_id=workspace)["key"]
    headers = {"x-portkey-provider": "@anthropic-prod"}
    assert wire.ask(own, MAIL, headers=headers).status_code == 200
    defaults = {"defaults": {"input_guardrails": [slug], "output_guardrails": [slug]}}
    reply = wire.admin("PUT", f"/admin/workspaces/{workspace}", json=defaults)
    assert reply.status_code == 200, reply.text
    assert wire.ask(own, MAIL, headers=headers).status_code == 446
    assert wire.ask(wire.mint()["key"], MAIL, headers=headers).status_code == 200
    assert wire.admin("GET", "/guardrails").json()["total"] == organisation["total"] + 1


def test_an_organisation_s_guardrail_can_be_named_in_every_workspace(wire: Any) -> None:
    organisation = wire.admin("GET", "/configs").json()["data"]
    if not organisation:
        wire.config()
        organisation = wire.admin("GET", "/configs").json()["data"]
    slug = save(wire, PII, organisation_id=organisation[0]["organisation_id"])
    assert wire.admin("GET", f"/guardrails/{slug}").json()["workspace_id"] is None
    assert wire.ask(guarded(wire, before=(slug,)), MAIL).status_code == 446


def test_errors_of_a_provider_are_not_looked_at(wire: Any) -> None:
    key = guarded(wire, after=(save(wire, {"id": "default.regexMatch", "parameters": {"rule": "^x$"}}),))
    reply = wire.ask(key, messages=None)
    assert reply.status_code == 400
    assert reply.json()["type"] == "error"


@pytest.mark.covers("S164")
def test_the_real_sdks_raise_what_one_would_expect(wire: Any) -> None:
    key = guarded(wire, before=(save(wire, PII),))
    messages: Any = [{"role": "user", "content": MAIL}]
    client = anthropic.Anthropic(auth_token=key, base_url=wire.url, max_retries=0)
    with client, pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model=OPUS, max_tokens=10, messages=messages)
    assert caught.value.status_code == 446
    assert "hooks_failed" in str(caught.value)
    with (
        anthropic.Anthropic(auth_token=key, base_url=wire.url, max_retries=0) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
        client.messages.stream(model=OPUS, max_tokens=10, messages=messages) as stream,
    ):
        list(stream)
    assert caught.value.status_code == 446
    with (
        portkey_ai.Portkey(api_key=key, base_url=f"{wire.url}/v1") as sdk,
        pytest.raises(
            exceptions.APIStatusError, match="guardrail checks defined in the config failed"
        ) as told,
    ):
        sdk.post("/messages", model=OPUS, max_tokens=10, messages=messages)
    assert told.value.status_code == 446


@pytest.mark.covers("S164")
def test_portkey_s_sdk_manages_guardrails(wire: Any) -> None:
    with portkey_ai.Portkey(api_key=ADMIN, base_url=f"{wire.url}/v1") as sdk:
        made = sdk.guardrails.create(name="g", checks=[PII], actions={"deny": True, "async": False})
        assert made.slug.startswith("pg-g-")
        found = sdk.guardrails.retrieve(guardrail_id=made.slug)
        assert (found.id, found.checks[0]["id"], found.actions["deny"]) == (made.id, "default.pii", True)
        assert made.id in [row.id for row in sdk.guardrails.list().data]
        changed = sdk.guardrails.update(guardrail_id=made.id, name="h")
        assert changed.version_id != made.version_id
        assert sdk.guardrails.retrieve(guardrail_id=made.id).name == "h"
        sdk.guardrails.delete(guardrail_id=made.id)
        assert made.id not in [row.id for row in sdk.guardrails.list().data]

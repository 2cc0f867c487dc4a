"""What leaves for a provider: who decides, what passes, and what never does (facts/portkey.md 9.4b)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_client.bundled.data_plane.dispatch import Dispatch, Incoming, dispatch
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.routing.attempts import Target
from gateway_client.bundled.routing.language import BadConfig, read
from gateway_client.bundled.settings import PROVIDERS


def send(target: Target, model: Any, header: str | None = None, **headers: str) -> Dispatch:
    params = {"model": model, "messages": [], "new_field": {"kept": 1.0}}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    incoming = Incoming("/v1/messages", "beta=true", sent, json.dumps(params).encode(), params, {})
    return dispatch(target, incoming, header, PROVIDERS)


PINNED = Target(provider="bedrock-prod")
MODEL_PINNED = Target(override_params={"model": "@vertex-prod/claude-v"})

CASES = [
    (PINNED, "claude-x", None, "bedrock-prod", "claude-x"),
    (PINNED, "@azure-prod/claude-x", "vertex-prod", "bedrock-prod", "claude-x"),
    (MODEL_PINNED, "@azure-prod/claude-x", "azure-prod", "vertex-prod", "claude-v"),
    (
        Target(provider="azure-prod", override_params={"model": "@vertex-prod/claude-v"}),
        "x",
        None,
        "azure-prod",
        "claude-v",
    ),
    (Target(), "claude-x", "vertex-prod", "vertex-prod", "claude-x"),
    (Target(), "@azure-prod/claude-x", "vertex-prod", "vertex-prod", "claude-x"),
    (Target(), "@azure-prod/claude-x", None, "azure-prod", "claude-x"),
    (Target(), "azure/claude-x", None, "azure-prod", "claude-x"),
]


@pytest.mark.parametrize(("target", "asked", "header", "provider", "model"), CASES)
def test_who_decides(target: Target, asked: str, header: str | None, provider: str, model: str) -> None:
    sent = send(target, asked, header)
    assert (sent.provider, sent.model) == (provider, model)
    body = json.loads(sent.outgoing.body)
    assert body["model"] == model
    assert body["new_field"] == {"kept": 1.0}
    assert sent.outgoing.path == "/v1/messages?beta=true"


@pytest.mark.parametrize(
    ("target", "model", "message"),
    [
        (Target(), "claude-x", "Either x-portkey-config or x-portkey-provider header is required"),
        (Target(), "@nobody/claude-x", "Following keys are not valid: nobody"),
        (Target(provider="nobody"), "claude-x", "Following keys are not valid: nobody"),
        (PINNED, "", "model: Field required"),
        (PINNED, None, "model: Field required"),
        (PINNED, "@azure-prod/", "model: is missing after the provider's slug"),
    ],
)
def test_refusals(target: Target, model: Any, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        send(target, model)
    assert caught.value.status == 400
    assert caught.value.body["message"] == message


def test_an_unchanged_body_passes_byte_for_byte() -> None:
    body = b'{ "model":"m",  "messages":[],"x":1.50 }'
    incoming = Incoming("/v1/messages", "", {}, body, json.loads(body), {})
    assert dispatch(PINNED, incoming, None, PROVIDERS).outgoing.body == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"forbidden","messages":[],"model":"m"}',
        b'{"mod\\u0065l":"forbidden","messages":[],"model":"m"}',
        b'{"\\u006D\\u006fdel" : "forbidden","messages":[],"model":"m"}',
    ],
)
def test_what_names_its_model_twice_leaves_as_it_was_read(body: bytes) -> None:
    incoming = Incoming("/v1/messages", "", {}, body, json.loads(body), {})
    assert dispatch(PINNED, incoming, None, PROVIDERS).outgoing.body == b'{"model": "m", "messages": []}'


def test_escapes_and_quotes_within_texts_leave_the_bytes_alone() -> None:
    text = 'say "model": \u00e9 "mod\\u0065l": {"model":1}'
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    incoming = Incoming("/v1/messages", "", {}, body, json.loads(body), {})
    assert dispatch(PINNED, incoming, None, PROVIDERS).outgoing.body == body


def test_what_guardrails_looked_at_is_what_leaves() -> None:
    body = b'{"model":"m","messages":[{"content":"bad","content":"good"}]}'
    incoming = Incoming("/v1/messages", "", {}, body, json.loads(body), {}, judged=True)
    sent = dispatch(PINNED, incoming, None, PROVIDERS).outgoing.body
    assert sent == b'{"model": "m", "messages": [{"content": "good"}]}'


def test_headers_pass_as_an_open_list_and_credentials_never() -> None:
    target = Target(provider="azure-prod", forward_headers=("X-Corp", "authorization", "X-Api-Key"))
    sent = send(
        target,
        "m",
        authorization="Bearer gateway-key",
        x_api_key="gateway-key",
        x_portkey_metadata="{}",
        anthropic_beta="a,b",
        Anthropic_Future="1",
        x_corp="7",
        user_agent="claude-cli",
    )
    assert sent.outgoing.headers == {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a,b",
        "anthropic-future": "1",
        "x-corp": "7",
        "content-type": "application/json",
    }


def test_defaults_fill_in_and_dropped_parameters_are_gone() -> None:
    target = Target(
        provider="bedrock-prod",
        default_params={"temperature": 0.2, "new_field": "ours"},
        drop_params=("messages", "absent"),
        override_params={"top_k": 1},
    )
    assert json.loads(send(target, "claude-x").outgoing.body) == {
        "model": "claude-x",
        "new_field": {"kept": 1.0},
        "temperature": 0.2,
        "top_k": 1,
    }


@pytest.mark.parametrize(
    "name", ["Accept-Encoding", "user-agent", "content-type", "connection", "expect", "te"]
)
def test_what_the_gateway_says_of_its_own_is_never_forwarded(name: str) -> None:
    target = Target(provider="azure-prod", forward_headers=(name,))
    sent = send(target, "m", **{name.lower().replace("-", "_"): "theirs"}).outgoing.headers
    assert sent == {"anthropic-version": "2023-06-01", "content-type": "application/json"}
    with pytest.raises(BadConfig, match="is never forwarded"):
        read(json.dumps({"provider": "@a", "forward_headers": [name]}))

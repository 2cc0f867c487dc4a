"""What a request used is counted also where nobody waits for the answer, or where it tells nonsense."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.data_plane import watch
from gateway_client.bundled.settings import HttpUpstream

ESTIMATED = "usage estimated"
MODEL = "claude-opus-4-8"


@pytest.fixture
def metered(start_gateway: Callable[..., Any], fake_upstream: Any) -> Any:
    """A gateway before the fake upstream."""
    return start_gateway(upstreams={"anthropic-prod": HttpUpstream(fake_upstream.url, SecretStr("u" * 12))})


def entry(wire: Any) -> dict[str, Any]:
    """Return the log's newest entry, as soon as there is one: a client may be gone before it is written."""
    deadline = time.monotonic() + 10
    while not (found := wire.logs()):
        assert time.monotonic() < deadline, "nothing was logged"
        time.sleep(0.02)
    return dict(found[0])


def message(usage: Any, model: str = MODEL) -> bytes:
    text = [{"type": "text", "text": "mail bob@example.com"}]
    return json.dumps({"type": "message", "model": model, "content": text, "usage": usage}).encode()


def stream(texts: int, then: Callable[[], object]) -> Callable[[Any, dict[str, Any]], None]:
    """Behave as a service that has told that much text, a thousand letters each, when `then` is called."""

    def behave(handler: Any, params: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        usage = {"input_tokens": 10, "output_tokens": 1}
        delta = {"type": "text_delta", "text": "w" * 1000}
        for event in (
            {"type": "message_start", "message": {"model": MODEL, "usage": usage}},
            *({"type": "content_block_delta", "index": 0, "delta": delta} for _ in range(texts)),
            {"type": "content_block_stop", "index": 0},
        ):
            handler.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        handler.wfile.flush()
        then()
        handler.close_connection = True

    return behave


@pytest.mark.covers("S165")
def test_a_client_that_hangs_up_before_the_usage_pays_for_what_passed(
    metered: Any, fake_upstream: Any
) -> None:
    over = threading.Event()
    fake_upstream.behaviours[MODEL] = stream(200, lambda: over.wait(10))
    slug = metered.config()
    limit = {"type": "tokens", "credit_limit": 40_000}
    key = metered.mint(defaults={"config_id": slug}, usage_limits=limit)["key"]
    with requests.Session() as session:
        metered.session, kept = session, metered.session
        reply = metered.ask(key, stream=True)
        metered.session = kept
        for part in reply.iter_content(1 << 16):
            if b"content_block_stop" in part:
                break
        reply.close()
    found = entry(metered)
    over.set()
    assert (found["outcome"], found["error"]) == ("client gone", ESTIMATED)
    assert (found["input_tokens"], found["output_tokens"]) == (10, 50_000)
    assert metered.ask(key).status_code == 412


def test_a_stream_that_breaks_off_is_estimated_too(metered: Any, fake_upstream: Any) -> None:
    fake_upstream.behaviours[MODEL] = stream(8, lambda: None)
    assert metered.ask(metered.bound()["key"], stream=True).status_code == 200
    found = entry(metered)
    assert (found["output_tokens"], found["error"]) == (2_000, ESTIMATED)


def test_a_whole_answer_that_is_no_message_pays_for_the_prompt(metered: Any, fake_upstream: Any) -> None:
    fake_upstream.answer(MODEL, 200, b"<html>", "text/html")
    assert metered.ask(metered.bound()["key"], "w" * 4000).status_code == 200
    found = entry(metered)
    assert (found["input_tokens"] > 1000, found["error"]) == (True, ESTIMATED)


def test_counting_tokens_is_free(metered: Any, fake_upstream: Any) -> None:
    fake_upstream.answer(MODEL, 200, b"<html>", "text/html")
    key = metered.bound()["key"]
    assert metered.ask(key, path="/v1/messages/count_tokens").status_code == 200
    assert (entry(metered)["input_tokens"], entry(metered)["error"]) == (None, None)


def test_a_call_given_up_before_its_answer_pays_for_the_prompt(metered: Any, fake_upstream: Any) -> None:
    over = threading.Event()
    fake_upstream.behaviours[MODEL] = lambda handler, params: over.wait(10)
    key = metered.bound({"provider": "@anthropic-prod", "request_timeout": 200})["key"]
    assert metered.ask(key, "w" * 4000).status_code == 408
    over.set()
    found = entry(metered)
    assert found["input_tokens"] == len(fake_upstream.seen[-1][2]) // 4
    assert found["error"].endswith(ESTIMATED)


@pytest.mark.parametrize("number", [10**400, 10**25, 2**31, True, -5, 1.5, "7", None])
def test_no_number_of_an_upstream_costs_a_log_entry(metered: Any, fake_upstream: Any, number: Any) -> None:
    told = {
        "input_tokens": number,
        "output_tokens": 7,
        "cache_creation": {"ephemeral_1h_input_tokens": number},
    }
    fake_upstream.answer(MODEL, 200, message(told))
    assert metered.ask(metered.bound()["key"]).status_code == 200
    found = metered.logs()
    assert [(one["status"], one["input_tokens"], one["output_tokens"]) for one in found] == [(200, 0, 7)]


def test_the_model_that_was_sent_has_a_price_where_the_served_one_has_none(
    metered: Any, fake_upstream: Any
) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 0}
    fake_upstream.answer(MODEL, 200, message(usage, "deployment-7"))
    assert metered.ask(metered.bound()["key"]).status_code == 200
    assert entry(metered)["model_served"] == "deployment-7"
    assert entry(metered)["cost_usd"] == 0.005


def test_a_compressed_answer_passes_and_is_noted_and_no_guardrail_lets_it_through(
    metered: Any, fake_upstream: Any
) -> None:
    packed = gzip.compress(message({"input_tokens": 1, "output_tokens": 1}))
    fake_upstream.answer(MODEL, 200, packed, content_encoding="gzip")
    reply = metered.ask(metered.bound()["key"])
    assert (reply.status_code, reply.json()["model"]) == (200, MODEL)
    assert entry(metered)["error"] == "usage unknown: compressed answer"
    checks = [{"id": "default.pii", "parameters": {}}]
    rail = {"name": "pii", "checks": checks, "actions": {"deny": True}}
    slug = metered.admin("POST", "/guardrails", json=rail).json()["slug"]
    guarded = metered.bound({"provider": "@anthropic-prod", "output_guardrails": [slug]})["key"]
    refused = metered.ask(guarded)
    assert refused.status_code == 502
    assert "compressed" in refused.text


@pytest.mark.parametrize("first", ['"model"', '"mod\\u0065l"'])
def test_a_model_named_twice_leaves_as_it_was_checked(metered: Any, fake_upstream: Any, first: str) -> None:
    fake_upstream.answer("c", 200, message({}))
    checks = [{"id": "default.modelWhitelist", "parameters": {"models": ["c"]}}]
    rail = {"name": "models", "checks": checks, "actions": {"deny": True}}
    slug = metered.admin("POST", "/guardrails", json=rail).json()["slug"]
    body = f'{{{first}:"forbidden","max_tokens":1,"messages":[],"model":"c"}}'
    for config in ({}, {"input_guardrails": [slug]}):
        key = metered.bound({"provider": "@anthropic-prod", **config})["key"]
        headers = {"authorization": f"Bearer {key}"}
        reply = metered.session.post(metered.url + "/v1/messages", data=body, headers=headers)
        assert reply.status_code == 200
        assert fake_upstream.seen[-1][2] == b'{"model": "c", "max_tokens": 1, "messages": []}'


def test_a_client_that_reads_nothing_is_given_up(
    metered: Any, fake_upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STALL_SECONDS", 0.2)
    fake_upstream.behaviours[MODEL] = stream(40_000, lambda: None)
    reply = metered.ask(metered.bound()["key"], stream=True)  # `stream`: nothing is read but the head
    found = entry(metered)
    reply.close()
    assert (found["outcome"], found["error"]) == ("client gone", ESTIMATED)

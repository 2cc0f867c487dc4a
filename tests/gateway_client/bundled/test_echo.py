"""The built-in provider: deterministic, and never at a loss."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_client.bundled.upstreams.echo import Echo, compose, tokens_of
from gateway_client.bundled.upstreams.echo_modes import SLOWEST, WRONG_MODEL, Modes, read
from gateway_client.bundled.upstreams.port import Broken, Outgoing

BASH = {"name": "Bash", "input_schema": {"type": "object"}}
CALL = '[[tool:Bash {"command": "echo ]] hi"}]]'


def user(content: Any, **params: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": "m", "max_tokens": 100, "messages": messages, **params}


def answered(params: Any, path: str = "/v1/messages") -> tuple[int, bytes]:
    async def run() -> tuple[int, bytes]:
        reply = await Echo().call(Outgoing(path, {}, json.dumps(params).encode()))
        return reply.status, b"".join([chunk async for chunk in reply.chunks])

    return asyncio.run(run())


def test_same_request_same_bytes() -> None:
    for params in (user("hi"), user("hi", stream=True), user(CALL, tools=[BASH], stream=True)):
        assert answered(params) == answered(params)
    assert answered(user("hi")) != answered(user("ho"))


SYSTEM_AFTER = {
    "model": "m",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "first"}, {"type": "text", "text": "last"}]},
        {"role": "system", "content": "clients put one here"},
    ],
}
RESULT = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "42"}]}]

TEXTS = [
    (user("hi"), "echo: hi"),
    (SYSTEM_AFTER, "echo: last"),
    (user(RESULT), "tool result: 42"),
    (user([*RESULT, {"type": "text", "text": CALL}], tools=[BASH]), "tool result: 42"),
    (user(CALL), f"echo: {CALL}"),
    (user("[[tool:Bash {broken]]", tools=[BASH]), "echo: [[tool:Bash {broken]]"),
    (user("[[tool:Bash [1]]]", tools=[BASH]), "echo: [[tool:Bash [1]]]"),
    ({"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": "x"}]}, "echo: "),
]


@pytest.mark.parametrize(("params", "text"), TEXTS)
def test_says_back(params: dict[str, Any], text: str) -> None:
    assert (compose(params).text, compose(params).tool) == (text, None)


def test_calls_a_tool_that_is_offered_wherever_the_marker_stands() -> None:
    blocks = [{"type": "text", "text": f"please {CALL}"}, {"type": "text", "text": "<system-reminder>"}]
    answer = compose(user(blocks, tools=[BASH]))
    assert (answer.tool, answer.tool_input) == ("Bash", {"command": "echo ]] hi"})
    assert answer.stop_reason == "tool_use"
    assert compose(user("[[tool:Bash]]", tools=[BASH])).tool_input == {}


def test_max_tokens_cuts_the_answer() -> None:
    answer = compose(user("x" * 500, max_tokens=1))
    assert (answer.text, answer.stop_reason) == ("echo", "max_tokens")
    assert tokens_of(answer.text) == 1


def test_counts_the_same_as_it_bills() -> None:
    params = user("count me", system="be brief", tools=[BASH])
    _, counted = answered(params, "/v1/messages/count_tokens?beta=true")
    _, billed = answered(params)
    assert json.loads(counted)["input_tokens"] == json.loads(billed)["usage"]["input_tokens"] > 10


@pytest.mark.parametrize(
    ("params", "missing"),
    [
        ({"max_tokens": 1, "messages": []}, "model"),
        ({"model": "m", "messages": [{"role": "user"}]}, "max_tokens"),
        ({"model": "m", "max_tokens": 1}, "messages"),
        ({"model": "m", "max_tokens": 1, "messages": []}, "messages.0"),
        ({"model": "m", "max_tokens": 1, "messages": [5]}, "messages.0"),
    ],
)
def test_refuses_as_anthropic_does(params: dict[str, Any], missing: str) -> None:
    status, body = answered(params)
    assert status == 400
    error = {"type": "invalid_request_error", "message": f"{missing}: Field required"}
    assert json.loads(body) == {"type": "error", "error": error}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    content=json_values
    | st.lists(st.fixed_dictionaries({"type": st.just("tool_result"), "content": json_values})),
    tools=json_values,
    max_tokens=json_values,
    stream=st.booleans(),
)
def test_answers_whatever_clients_send(content: Any, tools: Any, max_tokens: Any, stream: bool) -> None:
    status, body = answered(user(content, tools=tools, max_tokens=max_tokens, stream=stream))
    assert status == 200
    assert b'"message"' in body


def test_each_marker_asks_for_its_fault() -> None:
    text = "[[echo:slow 0.5]] [[echo:429 2]] [[echo:drop]] [[echo:empty-arguments]] [[echo:wrong-model]]"
    assert read(text, "a") == Modes(429, "2", 0.5, True, True, True)
    assert read("[[echo:slow 99999]]", "a").slow == SLOWEST


@pytest.mark.parametrize(
    "text", ["[[echo:200]]", "[[echo:slow]]", "[[echo:nap 2]]", "[[echo:drop 2]]", "echo:429"]
)
def test_what_is_no_marker_is_plain_text(text: str) -> None:
    assert read(text, "a") == Modes()
    assert compose(user(text)).text == f"echo: {text}"


def test_a_marker_may_be_for_one_provider_only() -> None:
    assert read("[[echo:529 @bedrock-prod]]", "bedrock-prod").status == 529
    assert read("[[echo:529 @bedrock-prod]]", "anthropic-prod") == Modes()


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error"), (503, "api_error")]
)
def test_a_refusal_is_worded_as_anthropics(status: int, kind: str) -> None:
    got, body = answered(user(f"hello [[echo:{status}]]"))
    assert (got, json.loads(body)["type"], json.loads(body)["error"]["type"]) == (status, "error", kind)


def test_retry_after_is_told_where_it_is_asked_for() -> None:
    def headers(text: str) -> Any:
        sent = Outgoing("/v1/messages", {}, json.dumps(user(text)).encode())
        return asyncio.run(Echo().call(sent)).headers

    assert headers("[[echo:429 3600]]")["retry-after"] == "3600"
    assert "retry-after" not in headers("[[echo:429]]")


@pytest.mark.parametrize("stream", [True, False])
def test_it_can_break_off(stream: bool) -> None:
    with pytest.raises(Broken):
        answered(user("[[echo:drop]]", stream=stream))


@pytest.mark.covers("S77")
def test_a_tool_call_can_come_without_its_arguments() -> None:
    """OpenRouter's fault: the name is there, the input is not."""
    text = f"{CALL} [[echo:empty-arguments]]"
    _, whole = answered(user(text, tools=[BASH]))
    assert json.loads(whole)["content"][0]["input"] == {}
    assert json.loads(whole)["stop_reason"] == "tool_use"
    _, streamed = answered(user(text, tools=[BASH], stream=True))
    parts = [json.loads(line[6:]) for line in streamed.decode().splitlines() if line.startswith("data: ")]
    sent = [part["delta"]["partial_json"] for part in parts if part["type"] == "content_block_delta"]
    assert sent == [""]


def test_it_can_claim_another_model() -> None:
    assert json.loads(answered(user("[[echo:wrong-model]]"))[1])["model"] == WRONG_MODEL


def test_markers_do_not_change_counting() -> None:
    status, body = answered(user("[[echo:529]]"), "/v1/messages/count_tokens")
    assert status == 200
    assert json.loads(body)["input_tokens"] > 0

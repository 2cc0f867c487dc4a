"""The built-in provider: deterministic, and never at a loss."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_client.bundled.upstreams.echo import Echo, compose, tokens_of
from gateway_client.bundled.upstreams.port import Outgoing

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

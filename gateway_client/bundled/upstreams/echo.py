"""The built-in provider: answers every request by itself, and the same request always the same way.

It says back the last text of the last user message. `[[tool:NAME {json}]]` in that text calls the
tool NAME with that input, when the request offers it; a tool's result is said back in turn. Usage
is counted in quarters of the text's length. Faults are had by markers, too (`echo_modes`). Enough for
every client to be shown working without an account; it is no model.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from gateway_client.bundled import json_objects
from gateway_client.bundled.upstreams import echo_modes
from gateway_client.bundled.upstreams.port import Broken, Outgoing, Reply

MARKER = re.compile(r"\[\[tool:([A-Za-z0-9_.-]{1,128})\s*")
MAX_ECHO = 2000
MOST_MARKERS, LONGEST_INPUT = 50, 100_000
"""Markers that are looked at, and characters of what stands after the name in one."""
TEXT_STEP, JSON_STEP = 24, 8
"""Characters per streamed part."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the echo says: text, or one tool call."""

    text: str
    tool: str | None = None
    tool_input: Mapping[str, Any] | None = None
    """None beside a tool: the call comes without its input."""
    stop_reason: str = "end_turn"

    def length(self) -> int:
        """Return the output tokens."""
        return tokens_of(self.text if self.tool is None else self.tool + _json(self.tool_input or {}))


class Echo:
    """Implements `port.Upstream` without a network, for one provider."""

    def __init__(self, slug: str = "echo") -> None:
        self._slug = slug

    async def call(self, request: Outgoing) -> Reply:
        """Answer `/v1/messages` and `/v1/messages/count_tokens`; see `port.Upstream`."""
        params = json_objects.read(request.body)
        if params is None:
            return _reply(
                400, _error("invalid_request_error", "the body is no JSON object, or too much of one")
            )
        missing = _missing(params, counting="count_tokens" in request.path)
        if missing:
            return _reply(400, _error("invalid_request_error", f"{missing}: Field required"))
        if "count_tokens" in request.path:
            return _reply(200, {"input_tokens": input_tokens(params)})
        modes = echo_modes.read(_last_user_turn(params["messages"])[1], self._slug)
        if modes.slow:
            await asyncio.sleep(modes.slow)
        if modes.status is not None:
            waiting = {} if modes.retry_after is None else {"retry-after": modes.retry_after}
            return _reply(modes.status, _error(*echo_modes.refusal(modes.status)), **waiting)
        answer = compose(params)
        if modes.empty_arguments and answer.tool is not None:
            answer = replace(answer, tool_input=None)
        identity = hashlib.sha256(request.body).hexdigest()[:24]
        message = _message(identity, params, answer)
        if modes.wrong_model:
            message["model"] = echo_modes.WRONG_MODEL
        if params.get("stream") is True:
            events = list(_events(message, answer))
            chunks = _broken(events[: len(events) // 2]) if modes.drop else _each(events)
            return Reply(200, {"content-type": "text/event-stream; charset=utf-8"}, chunks)
        reply = _reply(200, {**message, "content": [_block(identity, answer)]})
        return replace(reply, chunks=_broken([b'{"id":'])) if modes.drop else reply

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def tokens_of(text: str) -> int:
    """Return a text's tokens as the echo counts them: a quarter of its length, at least 1."""
    return max(1, -(-len(text) // 4))


def input_tokens(params: Mapping[str, Any]) -> int:
    """Return the input tokens of a request: of its system, messages and tools as compact JSON."""
    return tokens_of(_json([params.get("system"), params["messages"], params.get("tools")]))


def compose(params: Mapping[str, Any]) -> Answer:
    """Decide what to say to a request."""
    results, text = _last_user_turn(params["messages"])
    if results:
        return _cut(f"tool result: {results}", params.get("max_tokens"))
    offered = {str(tool.get("name")) for tool in _objects(params.get("tools"))}
    for name, tool_input in _marked(text):
        if name in offered:
            return Answer("", name, tool_input, "tool_use")
    return _cut(f"echo: {text}", params.get("max_tokens"))


def _cut(text: str, max_tokens: Any) -> Answer:
    text = text[:MAX_ECHO]
    if isinstance(max_tokens, int) and tokens_of(text) > max_tokens:
        return Answer(text[: max_tokens * 4], stop_reason="max_tokens")
    return Answer(text)


def _last_user_turn(messages: Sequence[Any]) -> tuple[str, str]:
    """Return the tool results and the last text of the last user message; roles may be any."""
    content = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), "")
    if isinstance(content, str):
        return "", content
    blocks = _objects(content)
    results = [_text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    marked = [text for text in texts if MARKER.search(text) or echo_modes.MARKER.search(text)]
    # Clients append reminders of their own to a message; a marker counts wherever it stands.
    return "\n".join(results), (marked or texts or [""])[-1]


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block["text"]) for block in _objects(content) if "text" in block)


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; clients may send anything."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _marked(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for match in islice(MARKER.finditer(text), MOST_MARKERS):
        rest = text[match.end() : match.end() + LONGEST_INPUT]
        if rest.startswith("]]"):
            yield match[1], {}
            continue
        try:
            tool_input, end = json.JSONDecoder().raw_decode(rest)
        except (ValueError, RecursionError):
            continue  # no JSON after the name: plain text that looks like a marker
        if json_objects.deep(tool_input):
            continue
        if isinstance(tool_input, dict) and rest[end:].lstrip().startswith("]]"):
            yield match[1], tool_input


def _missing(params: Mapping[str, Any], *, counting: bool) -> str | None:
    for name in ("model", "messages") if counting else ("model", "max_tokens", "messages"):
        if name not in params:
            return name
    messages = params["messages"]
    well_formed = isinstance(messages, list) and messages and all(isinstance(m, dict) for m in messages)
    return None if well_formed else "messages.0"


def _message(identity: str, params: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_echo_{identity}",
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": [],
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": input_tokens(params),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": answer.length(),
        },
    }


def _block(identity: str, answer: Answer) -> dict[str, Any]:
    if answer.tool is None:
        return {"type": "text", "text": answer.text}
    return {
        "type": "tool_use",
        "id": f"toolu_echo_{identity}",
        "name": answer.tool,
        "input": dict(answer.tool_input or {}),
    }


async def _each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def _broken(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    raise Broken("the echo was told to break off")


def _events(message: dict[str, Any], answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer, in the order that real clients insist on."""
    final_usage = {"output_tokens": message["usage"]["output_tokens"]}
    opening = {**message, "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield _event({"type": "message_start", "message": opening})
    block = _block(message["id"].removeprefix("msg_echo_"), answer)
    empty = {**block, "text": ""} if answer.tool is None else {**block, "input": {}}
    yield _event({"type": "content_block_start", "index": 0, "content_block": empty})
    yield _event({"type": "ping"})
    for delta in _deltas(answer):
        yield _event({"type": "content_block_delta", "index": 0, "delta": delta})
    yield _event({"type": "content_block_stop", "index": 0})
    ending = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": ending, "usage": final_usage})
    yield _event({"type": "message_stop"})


def _deltas(answer: Answer) -> Iterator[dict[str, str]]:
    if answer.tool is None:
        for at in range(0, len(answer.text) or 1, TEXT_STEP):
            yield {"type": "text_delta", "text": answer.text[at : at + TEXT_STEP]}
        return
    yield {"type": "input_json_delta", "partial_json": ""}
    source = "" if answer.tool_input is None else _json(answer.tool_input)
    for at in range(0, len(source), JSON_STEP):
        yield {"type": "input_json_delta", "partial_json": source[at : at + JSON_STEP]}


def _event(data: Mapping[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {_json(data)}\n\n".encode()


def _reply(status: int, body: Mapping[str, Any], **headers: str) -> Reply:
    return Reply(status, {"content-type": "application/json", **headers}, _each([_json(body).encode()]))


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

"""What is said in a request's last turn, and in an answer: the texts that checks look at. Pure.

The last turn of a request is looked at, as Portkey does with the last message (facts/portkey.md 9.8): what
the model said before it ends it, so that texts before were in the last turn of an earlier request. For an
honest client, that is: who makes a conversation up can put words before a made-up answer, or into `system`,
and they are not looked at. Inputs of tools count as text, read as the JSON that they are, so that no escape
hides anything. No more is collected than checks look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from gateway_client.bundled.guardrails.text_checks import LONGEST

Walk: TypeAlias = "Iterator[str | Walk]"
"""Texts, and walks through what lies deeper: so that no depth is too deep for the interpreter."""


def of_request(params: Mapping[str, Any]) -> str:
    """Return the text of the last turn: its words, tools' results and inputs, and plain documents.

    All messages since the last one of the assistant; one that ends the request, for the model to go
    on from, belongs to the turn. A text longer than `LONGEST` is cut somewhere past that.
    """
    messages = params.get("messages")
    turn = _last_turn(messages) if isinstance(messages, list) else []
    return _joined(_content(message.get("content")) for message in turn if isinstance(message, dict))


def of_answer(body: bytes, *, stream: bool) -> str | None:
    """Return the text of a whole answer, a message or its events; None for anything else, e.g. an error."""
    if stream:
        return _joined(_events(body))
    message = _object(body)
    content = message.get("content")
    return _joined(_content(content)) if isinstance(content, list) else None


def _last_turn(messages: list[Any]) -> list[Any]:
    answered = False
    for at in range(len(messages), 0, -1):
        message = messages[at - 1]
        if not (isinstance(message, dict) and message.get("role") == "assistant"):
            answered = True
        elif answered:
            return messages[at:]
    return messages


def _joined(walk: Walk) -> str:
    parts = []
    room = LONGEST
    for text in _flat(walk):
        if text:
            parts.append(text)
            room -= len(text) + 1
            if room < -1:  # the last text has no line break after it
                break
    # Half a character, which JSON can hold, must not keep the rest from being looked at.
    return "\n".join(parts).encode(errors="replace").decode()


def _flat(walk: Walk) -> Iterator[str]:
    """Yield the texts of a walk in their order."""
    walks = [walk]
    while walks:
        part = next(walks[-1], None)
        if part is None:
            walks.pop()
        elif isinstance(part, str):
            yield part
        else:
            walks.append(part)


def _content(content: Any) -> Walk:
    """Walk through a message's content: text, or blocks that may hold content in turn."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for block in content:
            if isinstance(block, dict):
                yield _block(block)


def _block(block: Mapping[str, Any]) -> Walk:
    for name in ("text", "thinking", "title", "context", "source"):
        if isinstance(block.get(name), str):
            yield block[name]
    yield _content(block.get("content"))
    yield _strings(block.get("input"))
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") in ("text", "content"):
        yield _content(source.get("data"))
        yield _content(source.get("content"))


def _strings(value: Any) -> Walk:
    """Walk through every text in a JSON value, and its numbers, which may be somebody's."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield str(name)
            yield _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield _strings(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _events(body: bytes) -> Walk:
    """Walk through the blocks that a stream's events make up."""
    words: dict[Any, list[str]] = {}
    inputs: dict[Any, list[str]] = {}
    for line in body.split(b"\n"):
        event = _object(line[5:]) if line.startswith(b"data:") else {}
        match event:
            case {"type": "content_block_start", "content_block": dict(block)}:
                yield _block(block)
            case {"type": "content_block_delta", "delta": dict(delta)}:
                for name, blocks in (("text", words), ("thinking", words), ("partial_json", inputs)):
                    if isinstance(delta.get(name), str):
                        blocks.setdefault(event.get("index"), []).append(delta[name])
    yield from ("".join(parts) for parts in words.values())
    for parts in inputs.values():
        whole = "".join(parts)
        try:
            yield _strings(json.loads(whole))
        except (ValueError, RecursionError):
            yield whole


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

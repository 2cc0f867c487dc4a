"""What is said in a request's last message, and in an answer: the texts that checks look at. Pure.

Only the last message of a request is looked at (facts/portkey.md 9.8): the others were when they were the
last. Inputs of tools count as text, read as the JSON that they are, so that no escape hides anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def of_request(params: Mapping[str, Any]) -> str:
    """Return the text of the last message: its words, tools' results and inputs, and plain documents."""
    messages = params.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return _joined(_content(last.get("content") if isinstance(last, dict) else None))


def of_answer(body: bytes, *, stream: bool) -> str | None:
    """Return the text of a whole answer, a message or its events; None for anything else, e.g. an error."""
    if stream:
        return _joined(_events(body))
    message = _object(body)
    content = message.get("content")
    return _joined(_content(content)) if isinstance(content, list) else None


def _joined(texts: Iterator[str]) -> str:
    # Half a character, which JSON can hold, must not keep the rest from being looked at.
    return "\n".join(text for text in texts if text).encode(errors="replace").decode()


def _content(content: Any) -> Iterator[str]:
    """Yield the texts of a message's content: text, or blocks that may hold content in turn."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for block in content:
            if isinstance(block, dict):
                yield from _block(block)


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    for name in ("text", "thinking", "title", "context"):
        if isinstance(block.get(name), str):
            yield block[name]
    yield from _content(block.get("content"))
    yield from _strings(block.get("input"))
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") in ("text", "content"):
        yield from _content(source.get("data"))
        yield from _content(source.get("content"))


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, and its numbers, which may be somebody's."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield str(name)
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _events(body: bytes) -> Iterator[str]:
    """Yield the texts of the blocks that a stream's events make up."""
    words: dict[Any, list[str]] = {}
    inputs: dict[Any, list[str]] = {}
    for line in body.split(b"\n"):
        event = _object(line[5:]) if line.startswith(b"data:") else {}
        match event:
            case {"type": "content_block_start", "content_block": dict(block)}:
                yield from _block(block)
            case {"type": "content_block_delta", "delta": dict(delta)}:
                for name, blocks in (("text", words), ("thinking", words), ("partial_json", inputs)):
                    if isinstance(delta.get(name), str):
                        blocks.setdefault(event.get("index"), []).append(delta[name])
    yield from ("".join(parts) for parts in words.values())
    for parts in inputs.values():
        whole = "".join(parts)
        try:
            yield from _strings(json.loads(whole))
        except (ValueError, RecursionError):
            yield whole


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

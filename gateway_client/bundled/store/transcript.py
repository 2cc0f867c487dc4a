"""A streamed answer as the message that it carries: what was said, in one piece. Pure."""

from __future__ import annotations

import json
import operator
from typing import Any

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Where each kind of delta carries its piece."""


def message(body: str) -> str:
    """Return the events of a Messages stream as one JSON object; other text as it is.

    A stream that broke off, or was cut, gives what came of it. Tool input is kept as the text that
    came, because it need not be JSON. An event that is not understood makes the whole stay as it was.
    """
    if not body.startswith(("event:", "data:")):
        return body
    whole: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    try:
        for line in body.splitlines():
            if line.startswith("data:"):
                _take(json.loads(line[5:]), whole, blocks)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if not blocks:
            return body
        whole["incomplete"] = True
    whole["content"] = [blocks[index] for index in sorted(blocks)]
    try:
        return json.dumps(whole, ensure_ascii=False)
    except RecursionError:  # deeper by one level than what was just read
        return body


def _take(event: dict[str, Any], whole: dict[str, Any], blocks: dict[int, dict[str, Any]]) -> None:
    match event["type"]:
        case "message_start":
            whole |= event["message"]
        case "content_block_start":
            blocks[operator.index(event["index"])] = dict(event["content_block"])
        case "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            piece = _DELTAS.get(delta["type"])
            if piece is not None:
                name = "input" if piece == "partial_json" else piece
                said = block.get(name)
                block[name] = (said if isinstance(said, str) else "") + delta[piece]
        case "message_delta":
            whole |= {**event["delta"], "usage": {**whole.get("usage", {}), **event.get("usage", {})}}
        case "error":
            whole["error"] = event["error"]
        case _:  # ping, and whatever comes to be
            pass

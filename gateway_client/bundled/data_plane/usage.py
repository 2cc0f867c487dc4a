"""Reads the usage out of an answer while it passes, without holding it back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway_client.bundled.data_plane.prices import Usage

LINE_LIMIT = 1024 * 1024
"""A line that is longer is let pass unread; the events that tell usage are short."""


class Tap:
    """Sees the bytes of an answer, whole or as events, and knows what it used so far.

    `model` is the model that the upstream says it served; `complete` whether the last event passed.
    """

    def __init__(self) -> None:
        self.model: str | None = None
        self.complete = False
        self._counts: dict[str, int] = {}
        self._line = bytearray()

    def usage(self) -> Usage | None:
        """Return the tokens seen so far; None when the upstream told none."""
        if not self._counts:
            return None
        count = self._counts.get
        written, long_lived = count("cache_creation_input_tokens", 0), count("ephemeral_1h_input_tokens", 0)
        return Usage(
            input=count("input_tokens", 0),
            output=count("output_tokens", 0),
            cache_read=count("cache_read_input_tokens", 0),
            cache_write_5m=max(0, written - long_lived),
            cache_write_1h=long_lived,
        )

    def body(self, data: bytes) -> None:
        """Read a whole JSON answer."""
        found = _object(data)
        self._message(found)
        self.complete = True

    def events(self, chunk: bytes) -> None:
        """Read the next bytes of an event stream."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._line += line
            self._event_line(bytes(self._line))
            self._line.clear()
        if len(self._line) < LINE_LIMIT:
            self._line += rest

    def _event_line(self, line: bytes) -> None:
        if not line.startswith(b"data:") or b'"message_' not in line:
            return
        event = _object(line[5:])
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._message(message if isinstance(message, dict) else {})
            case "message_delta":
                self._message({"usage": event.get("usage")})
            case "message_stop":
                self.complete = True

    def _message(self, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("model"), str):
            self.model = message["model"]
        usage = message.get("usage")
        if isinstance(usage, dict):
            split = usage.get("cache_creation")
            for name, value in (*usage.items(), *(split.items() if isinstance(split, dict) else ())):
                if isinstance(value, int):
                    self._counts[name] = value


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}  # not ours to judge: the bytes pass on as they are
    return found if isinstance(found, dict) else {}

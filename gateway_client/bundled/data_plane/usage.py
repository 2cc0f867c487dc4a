"""Reads the usage out of an answer while it passes, without holding it back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_client.bundled import json_objects
from gateway_client.bundled.data_plane.prices import Usage

LINE_LIMIT = 1024 * 1024
"""A line that is longer is let pass unread; the events that tell usage are short."""


class Tap:
    """Sees the bytes of an answer, whole or as events, and knows what it used so far.

    `model` is the model that the upstream says it served, `error` the type of error that it tells;
    `complete` says whether the last event passed.
    """

    def __init__(self) -> None:
        self.model: str | None = None
        self.error: str | None = None
        self.complete = False
        self._counts: dict[str, int] = {}
        self._line = b""
        self._skipping = False

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
        self._message(json_objects.read(data) or {})  # what it is not, is not ours to judge
        self.complete = True

    def events(self, chunk: bytes) -> None:
        """Read the next bytes of an event stream."""
        end = chunk.rfind(b"\n") + 1
        if end:
            lines, self._line = self._line + chunk[:end], b""
            # Nearly every chunk holds text only, and is not worth being taken apart.
            if b'"message_' in lines or b'"error"' in lines:
                for line in lines.split(b"\n")[self._skipping :]:
                    self._event_line(line)
            self._skipping = False
        if len(self._line) + len(chunk) - end > LINE_LIMIT:
            self._line, self._skipping = b"", True
        elif not self._skipping:
            self._line += chunk[end:]

    def _event_line(self, line: bytes) -> None:
        if not line.startswith(b"data:") or not (b'"message_' in line or b'"error"' in line):
            return
        event = json_objects.read(line[5:]) or {}
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._message(message if isinstance(message, dict) else {})
            case "message_delta":
                self._message({"usage": event.get("usage")})
            case "message_stop":
                self.complete = True
            case "error":
                self._message(event)

    def _message(self, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("model"), str):
            self.model = message["model"]
        error = message.get("error")
        if isinstance(error, dict) and isinstance(error.get("type"), str):
            self.error = error["type"]
        usage = message.get("usage")
        if isinstance(usage, dict):
            split = usage.get("cache_creation")
            for name, value in (*usage.items(), *(split.items() if isinstance(split, dict) else ())):
                if isinstance(value, int):
                    self._counts[name] = value

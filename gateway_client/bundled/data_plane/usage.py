"""Reads the usage out of an answer while it passes, without holding it back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway_client.bundled import json_objects
from gateway_client.bundled.data_plane.prices import Usage

LINE_LIMIT = 1024 * 1024
"""A line that is longer is let pass unread; the events that tell usage are short."""
TOKENS_LIMIT = 2**31
"""A larger number is nonsense: with it, costs and their sums would not fit the database's 64 bits."""
BYTES_PER_TOKEN = 4
"""A rule of thumb for text and code in English, for what no usage was told of."""
_SAID = re.compile(rb'"(?:text|thinking|partial_json)"\s*:\s*"([^\n]*)').findall
_CLOSING = len(b'"}}')
_FILES = re.compile(rb'"data"\s*:\s*"[^"]*').finditer
FILE_TOKENS = 1600
"""For an image or a document in base64, whose length says little: what a large image costs."""


class Tap:
    """Sees the bytes of an answer, whole or as events, and knows what it used so far.

    `model` is the model that the upstream says it served, `error` the type of error that it tells;
    `complete` says whether the last event passed, `final` whether the whole usage was told: an answer
    that breaks off before has told one token of output, however long it is.
    """

    def __init__(self) -> None:
        self.model: str | None = None
        self.error: str | None = None
        self.complete = False
        self.final = False
        self._said = 0
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

    def said(self) -> int:
        """Return about how many tokens the text, thinking and tool input are that passed as events.

        Bytes are counted and not characters, and escapes as they are written: rather too much.
        """
        return max(0, self._said) // BYTES_PER_TOKEN

    def body(self, data: bytes) -> None:
        """Read a whole JSON answer."""
        message = json_objects.read(data)
        self._message(message or {})  # what it is not, is not ours to judge
        self.complete, self.final = True, message is not None

    def events(self, chunk: bytes) -> None:
        """Read the next bytes of an event stream."""
        end = chunk.rfind(b"\n") + 1
        if end:
            lines, self._line = self._line + chunk[:end], b""
            said = _SAID(lines)  # all lines at once: about half a microsecond per event (measured)
            self._said += sum(map(len, said)) - _CLOSING * len(said)
            # Nearly every chunk holds text only, and is not worth being taken apart.
            if b'"message_' in lines or b'"error"' in lines:
                for line in lines.split(b"\n")[self._skipping :]:
                    self._event_line(line)
            self._skipping = False
        if len(self._line) + len(chunk) - end > LINE_LIMIT:
            self._line, self._skipping = b"", True
        elif not self._skipping:
            self._line += chunk[end:]

    def end(self) -> None:
        """Read what is left where events end within a line."""
        self.events(b"\n")

    def _event_line(self, line: bytes) -> None:
        if not line.startswith(b"data:") or not (b'"message_' in line or b'"error"' in line):
            return
        event = json_objects.read(line[5:]) or {}
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._message(message if isinstance(message, dict) else {})
            case "message_delta":
                usage = event.get("usage")
                self._message({"usage": usage})
                self.final = isinstance(usage, dict) and _counts(usage.get("output_tokens"))
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
                if _counts(value):
                    self._counts[name] = value


def prompt_tokens(body: bytes) -> int:
    """Return about how many tokens a request is, for one whose answer did not tell."""
    files = [file.end() - file.start() for file in _FILES(body)] if b'"base64"' in body else []
    return (len(body) - sum(files)) // BYTES_PER_TOKEN + FILE_TOKENS * len(files)


def _counts(value: object) -> bool:
    """Tell whether a value is a number of tokens."""
    return type(value) is int and 0 <= value < TOKENS_LIMIT  # a bool is an int

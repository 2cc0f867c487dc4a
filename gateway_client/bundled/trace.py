"""Puts `x-portkey-trace-id` on every answer.

It is more than a label: the official SDK repeats a failed POST at once, a create too, unless the
answer carries it (facts/portkey.md 11.3).
"""

from __future__ import annotations

import os
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-portkey-trace-id"
_SANE = re.compile(r"[\x21-\x7e]{1,128}\Z")


def trace_id(asked: str | None) -> str:
    """Return the id of a request: the one that the client asked for, when it is a sane one."""
    return asked if asked and _SANE.match(asked) else os.urandom(16).hex()


class Traced:
    """Wraps an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the header; handlers find the id as `request.state.trace_id`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = trace_id(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["trace_id"] = identity

        async def traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = identity
            await send(message)

        await self._app(scope, receive, traced)

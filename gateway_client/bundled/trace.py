"""Puts `x-portkey-trace-id` on every answer.

It is more than a label: the official SDK repeats a failed POST at once, a create too, unless the
answer carries it (facts/portkey.md 11.3).
"""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-portkey-trace-id"
_SANE = re.compile(r"[\x21-\x7e]{1,128}\Z")


class Traced:
    """Wraps an application; the client's own id is kept when it is a sane one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the header; handlers find the id as `request.state.trace_id`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(HEADER, "")
        trace_id = asked if _SANE.match(asked) else str(uuid.uuid4())
        scope.setdefault("state", {})["trace_id"] = trace_id

        async def traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = trace_id
            await send(message)

        await self._app(scope, receive, traced)

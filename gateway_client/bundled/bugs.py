"""Answers for our own bugs, and logs them without values: their messages may quote a key or a prompt (T2)."""

from __future__ import annotations

import asyncio
import logging

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_client import frames
from gateway_client.bundled import stopping
from gateway_client.bundled.admin.door import AdminRefusal

_log = logging.getLogger(__name__)


class BrokenOff(Exception):
    """An answer that had begun can't be ended; what happened is logged already."""


def answer(bug: Exception, *, begun: bool) -> Response:
    """Log a bug, and return what tells the client of it; raises `BrokenOff` where an answer has begun."""
    _log.error("a bug in the gateway:\n%s", "\n".join(frames.lines(bug)))
    if begun:
        raise BrokenOff from None
    return AdminRefusal(500, "AB04", "Something went wrong").response()


class Caught:
    """Wraps an application, so that the server never gets an exception to print."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer where that fails, or the gateway stops, before an answer began."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if scope["type"] != "http" or not stopping.accepted():
                raise
            if not begun:
                await AdminRefusal(503, "AB04", stopping.MESSAGE).response()(scope, receive, send)
        except Exception as exc:  # noqa: BLE001  # a boundary: told in the log, and to the client as 500
            response = answer(exc, begun=begun or scope["type"] != "http")
            await response(scope, receive, send)

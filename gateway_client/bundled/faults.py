"""Lost connections on demand, for tests of what a client does when it never learns the outcome.

Off unless `GatewaySettings.faults` says otherwise; then the server hands the connection's transport
to the application, and `dropped` stands where an answer would.
"""

from __future__ import annotations

import itertools

from starlette.types import Receive, Scope, Send


class ChangeCount:
    """Numbers the changing admin calls from 1."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> int:
        """Return the number of the call that just came."""
        return next(self._numbers)


async def dropped(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection without a byte of an answer (an ASGI application)."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass

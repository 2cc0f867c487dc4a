"""Watches the client of a request: how its body comes, and whether it is still there for the answer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

from gateway_client.bundled import request_body
from gateway_client.bundled.request_body import TooSlow

WATCH_AFTER = 0.05
"""Seconds after which a client is watched. A request that is over by then has had a timer, and no second
task.
"""

STALL_SECONDS = 600
"""A client that takes nothing of its answer for so long, and at most twice that, is given up: it holds a
call to a provider. As long as a provider may be silent.
"""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Watch:
    """A block that is cancelled when the client goes away (`ClientGone`) or its body trickles (`TooSlow`).

    The body is read with `body`, or before the block; `receive` is the watch's from then on. `sends` is
    to be counted up before and after each part of an answer is sent, so that it is odd in between.
    """

    def __init__(self, receive: Receive) -> None:
        self.sends = 0
        self._receive = receive
        self._reading = False
        self._length = 0
        self._watcher: asyncio.Task[None] | None = None
        self._reason: Exception | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._start = self._loop.time()
        self._timer = self._loop.call_later(WATCH_AFTER, self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        # A stop of the server may have cancelled the task as well, and goes first.
        if self._reason is not None and self._task is not None:
            others = self._task.uncancel()
            if kind is asyncio.CancelledError and not others:
                raise self._reason from exc

    async def body(self, declared: str | None, limit: int) -> bytes:
        """Return the request's body; raises as `request_body.read`."""
        self._reading = True
        body = await request_body.read(self._receive, declared, limit, self._arrived)
        self._reading = False
        return body

    def end(self) -> None:
        """Let the client go from now on: the last part of its answer is about to leave."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.remove_done_callback(self._gone)
            self._watcher.cancel()
            self._watcher = None

    def _arrived(self, length: int) -> None:
        self._length = length

    def _look(self) -> None:
        """Watch the client, or first how its body comes."""
        left = self._start + request_body.allowed(self._length) - self._loop.time()
        if not self._reading:
            self._watcher = self._loop.create_task(self._disconnected())
            self._watcher.add_done_callback(self._gone)
            self._timer = self._loop.call_later(STALL_SECONDS, self._look_again, self.sends)
        elif left > 0:
            self._timer = self._loop.call_later(min(left, 1.0), self._look)
        else:
            self._give_up(TooSlow())

    def _look_again(self, sends: int) -> None:
        """Give a client up that has not taken a part of its answer since the last look."""
        if sends % 2 and sends == self.sends:
            self._give_up(ClientGone())
        else:
            self._timer = self._loop.call_later(STALL_SECONDS, self._look_again, self.sends)

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _gone(self, _watcher: asyncio.Task[None]) -> None:
        self._give_up(ClientGone())

    def _give_up(self, reason: Exception) -> None:
        if self._task is not None:
            self._reason = reason
            self._task.cancel()

"""Faults on demand, for tests of what a client does when a gateway misbehaves (`settings.Faults`).

`Trouble` stands between a route of the admin API and its handler, which knows nothing of it; `Dated`
around all of an application whose clock is wrong. Without faults neither is there. For a connection
to be dropped, the server hands its transport to the application.
"""

from __future__ import annotations

import itertools
import sqlite3
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import StaticPool, create_engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_client.bundled.admin.door import PAGE, AdminRefusal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.settings import Faults
from gateway_client.bundled.timestamps import Clock

SIZES = ("page_size", "pageSize")


class Trouble:
    """Numbers the calls of one gateway's admin API, and decides which of them suffers what."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._calls = itertools.count(1)
        self._changes = itertools.count(1)
        self._stale_reads_left = 0
        self._before: sqlite3.Connection | None = None

    async def pass_on(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call by the application of its route, or as the faults have it."""
        faults, call = self._faults, next(self._calls)
        change = next(self._changes) if scope["method"] != "GET" else 0
        if change in faults.drop_before:
            await _drop(scope, receive)
        elif call in faults.busy:
            refusal = AdminRefusal(429, "AB06", "Too many calls").response()
            refusal.headers["retry-after"] = f"{faults.retry_after:g}"
            await refusal(scope, receive, send)
        elif call in faults.fail_before:
            await _FAILED.response()(scope, receive, send)
        elif change in faults.drop_after:
            await self._carried_out(app, scope, receive, _unheard)
            await _drop(scope, receive)
        elif call in faults.fail_after:
            await self._carried_out(app, scope, receive, _unheard)
            await _FAILED.response()(scope, receive, send)
        else:
            await self._carried_out(app, scope, receive, send)

    async def _carried_out(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        faults = self._faults
        if faults.page_cap is not None:
            scope = {**scope, "query_string": _capped(scope["query_string"], faults.page_cap)}
        if faults.stale_reads:
            gateway: Gateway = scope["app"].state.gateway
            if scope["method"] != "GET":
                send = self._remembering(await run_in_threadpool(_copy, gateway), send)
            elif self._before is not None and self._stale_reads_left:
                self._stale_reads_left -= 1
                scope = {**scope, "app": _as_it_was(gateway, self._before)}
        await app(scope, receive, send)

    def _remembering(self, before: sqlite3.Connection, send: Send) -> Send:
        """Return a `send` that keeps what was before a change, once it is one: refusals change nothing."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._before, self._stale_reads_left = before, self._faults.stale_reads
            await send(message)

        return sending


class Troubled:
    """The application of one route with the gateway's trouble around it."""

    def __init__(self, trouble: Trouble, app: ASGIApp) -> None:
        self._trouble = trouble
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        await self._trouble.pass_on(self._app, scope, receive, send)


class Dated:
    """Wraps an application, so that the `Date` of each answer is its clock's."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the header."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = format_datetime(self._clock(), usegmt=True)
            await send(message)

        await self._app(scope, receive, dated)


def skewed(clock: Clock, seconds: float) -> Clock:
    """Return a clock that is ahead by so much."""
    return (lambda: clock() + timedelta(seconds=seconds)) if seconds else clock


_FAILED = AdminRefusal(500, "AB04", "Something went wrong, on demand")


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection without a byte of an answer."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unheard(_message: Message) -> None:
    """Take an answer that nobody will get."""


def _capped(query: bytes, cap: int) -> bytes:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    asked = [value for name, value in pairs if name in SIZES and value]
    sizes = [int(value) for value in asked if value.isdecimal()] or [PAGE]
    if asked and sizes[0] <= cap:
        return query
    kept = [(name, value) for name, value in pairs if name not in SIZES]
    return urlencode([*kept, (SIZES[0], str(min(cap, sizes[0])))]).encode()


def _copy(gateway: Gateway) -> sqlite3.Connection:
    """Return the database as it is now, in memory."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    source = sqlite3.connect(gateway.settings.database)
    try:
        source.backup(memory)
    finally:
        source.close()
    return memory


def _as_it_was(gateway: Gateway, before: sqlite3.Connection) -> Starlette:
    """Return an application whose gateway has the copy for its store."""
    engine = create_engine("sqlite://", creator=lambda: before, poolclass=StaticPool)
    app = Starlette()
    app.state.gateway = replace(gateway, store=replace(gateway.store, engine=engine))
    return app

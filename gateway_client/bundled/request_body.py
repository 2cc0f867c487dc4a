"""Reads a request's body, up to a limit and from clients that keep sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

GRACE_SECONDS = 30.0
LEAST_RATE = 10_000
"""Bytes per second that a client must keep up once the grace is over; slower than any line in use."""


class TooLong(Exception):
    """The body is longer than the limit; safe to show."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"request body: is longer than {limit} bytes")


class TooSlow(Exception):
    """The body trickles; safe to show. What is left of it will not be read."""

    def __init__(self) -> None:
        super().__init__("request body: came too slowly")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a Starlette request; raises as `read`, and `TooSlow` past `allowed` seconds."""
    try:
        async with asyncio.timeout(GRACE_SECONDS) as patience:
            start = asyncio.get_running_loop().time()
            declared = request.headers.get("content-length")
            return await read(
                request.receive, declared, limit, lambda length: patience.reschedule(start + allowed(length))
            )
    except TimeoutError as exc:
        raise TooSlow from exc


async def read(receive: Receive, declared: str | None, limit: int, arrived: Callable[[int], object]) -> bytes:
    """Return the body, however long it takes; `arrived` is told how many bytes there are so far.

    Raises `TooLong` as soon as there are more than `limit` bytes, and `ClientDisconnect`.
    """
    if declared and declared.isdecimal() and int(declared[:20]) > limit:
        raise TooLong(limit)
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        length += len(part)
        if length > limit:
            raise TooLong(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        arrived(length)


def allowed(length: int) -> float:
    """Return the seconds that so many bytes may take."""
    return GRACE_SECONDS + length / LEAST_RATE

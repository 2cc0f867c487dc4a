"""Reads a request's body up to a limit."""

from __future__ import annotations

from starlette.requests import Request


class TooLong(Exception):
    """The body is longer than the limit; safe to show."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"request body: is longer than {limit} bytes")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; raises `TooLong` as soon as it is longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLong(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLong(limit)
    return bytes(body)

"""Reads a request's body up to a limit."""

from __future__ import annotations

from starlette.requests import Request

from gateway_client.bundled.data_plane import refusals


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; raises a refusal with status 413 as soon as it is longer than `limit` bytes."""
    too_long = refusals.plain(f"request body: is longer than {limit} bytes", 413)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_long
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_long
    return bytes(body)

"""The port that the data plane calls: one request in, one reply with its bytes as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Unreachable(Exception):
    """No answer: the connection was refused, or broke before the status came. Safe to show."""


class Broken(Exception):
    """The answer began, and broke before its end. Safe to show."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves: no credential of the client in it; `path` with its query."""

    path: str
    headers: Mapping[str, str]
    body: bytes


async def nothing_to_close() -> None:
    """Close a reply that holds no connection."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose body is still coming. `close` must be awaited once, read to the end or not.

    `chunks` raises `Broken`. Header names are lower-case.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]] = field(default=nothing_to_close)


class Upstream(Protocol):
    """Something that speaks Anthropic Messages."""

    async def call(self, request: Outgoing) -> Reply:
        """Send a request and return when the status is there. Raises `Unreachable`."""

    async def close(self) -> None:
        """Give up every connection; called once, when the gateway stops."""

"""Who is signed in, and how fast somebody may try to be. In memory only: a restart signs everybody out.

The event loop alone uses it, so that nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFE = timedelta(hours=8)
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
"""Seconds that an attempt waits after one failure, doubled with each further, and at most."""
WAITING = 4
"""Attempts from one address that may wait at the same time."""
ADDRESSES = 1024


class SignedIn:
    """The browsers that are signed in, by the digest of the random id in their cookie."""

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}

    def begin(self, now: datetime) -> str:
        """Return a new id, good for `LIFE`."""
        self._ends = {digest: end for digest, end in self._ends.items() if end > now}
        identity = secrets.token_urlsafe(32)
        self._ends[_digest(identity)] = now + LIFE
        return identity

    def holds(self, identity: str | None, now: datetime) -> bool:
        """Tell whether an id was given out here and is still good."""
        end = self._ends.get(_digest(identity)) if identity else None
        return end is not None and now < end

    def end(self, identity: str | None) -> None:
        """Forget an id."""
        if identity:
            self._ends.pop(_digest(identity), None)


@dataclass(slots=True)
class _Address:
    failures: int = 0
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class TooMany(Exception):
    """Enough attempts of this address wait already."""


class Attempts:
    """Makes guessing slow: one attempt at a time from one address, after a pause that grows.

    A right token is let in like any other attempt, after the pause, and ends the row of failures. Which
    address failed least lately is forgotten first, beyond `ADDRESSES`.
    """

    def __init__(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._pause = pause
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    async def attempt(self, address: str, right: Callable[[], bool]) -> int:
        """Ask `right` when it is this attempt's turn: 0 if so, else how many failed in a row.

        Raises `TooMany` at once, and without asking, where `WAITING` attempts are before this one.
        """
        known = self._addresses.setdefault(address, _Address())
        if known.waiting >= WAITING:
            raise TooMany
        known.waiting += 1
        try:
            async with known.turn:
                if known.failures:
                    await self._pause(min(FIRST_PAUSE * 2 ** min(known.failures - 1, 10), LONGEST_PAUSE))
                known.failures = 0 if right() else known.failures + 1
                return known.failures
        finally:
            known.waiting -= 1
            self._remember(address, known)

    def _remember(self, address: str, known: _Address) -> None:
        if known.failures or known.waiting:
            self._addresses[address] = known
            self._addresses.move_to_end(address)
        else:
            self._addresses.pop(address, None)
        while len(self._addresses) > ADDRESSES:
            self._addresses.popitem(last=False)


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()

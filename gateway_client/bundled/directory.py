"""What every request needs to know, kept at hand: who holds a secret, and what a saved config says.

The admin API's writes all pass through this process, and each raises the store's generation; an
older look-up is forgotten with it. So a key that is revoked is unknown to the next request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway_client.bundled.routing import language
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store import configs, keys
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.timestamps import Clock, stamp

MOST = 10_000
"""Entries kept at most, so that wrong secrets can't fill the memory: those are not kept at all."""


@dataclass(frozen=True, slots=True)
class Route:
    """A saved config, read."""

    slug: str
    node: Node


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found in the store since it last changed."""

    generation: int
    callers: dict[str, Caller] = field(default_factory=dict)
    routes: dict[tuple[str | None, str], Route] = field(default_factory=dict)


class Directory:
    """Answers from memory, and from the store where something changed. Safe to ask from any thread.

    `revocation_delay` is the fault of that name (`settings.Faults`), in seconds.
    """

    def __init__(self, store: Store, clock: Clock, revocation_delay: float = 0.0) -> None:
        self._store = store
        self._clock = clock
        self._kept = _Kept(-1)
        self._delay = timedelta(seconds=revocation_delay)
        self._seen: dict[str, tuple[Caller, datetime]] = {}

    def caller(self, digest: str) -> Caller | None:
        """Return who holds a secret, or None for one that is unknown, revoked or past its transition."""
        kept = self._current()
        found = kept.callers.get(digest)
        if found is None:
            with self._store.reading() as db:
                found = keys.caller(db, digest, self._clock())
            if found is not None and len(kept.callers) < MOST:
                kept.callers[digest] = found
        elif found.ends_at is not None and found.ends_at <= stamp(self._clock()):
            return None
        return found

    def caller_as_seen(self, digest: str) -> Caller | None:
        """Return the same for the data plane, as it was when it was last seen less than the delay ago."""
        found = self.caller(digest)
        if not self._delay:
            return found
        now = self._clock()
        seen, last = self._seen.get(digest, (None, now))
        if seen is not None and seen != found and now < last + self._delay:
            return seen
        if found is not None:
            self._seen[digest] = found, now
        return found

    def route(self, workspace_id: str | None, reference: str) -> Route | None:
        """Return the config that a key of the workspace names by slug or UUID. Raises `BadConfig`."""
        kept = self._current()
        found = kept.routes.get((workspace_id, reference))
        if found is None:
            with self._store.reading() as db:
                saved = configs.saved(db, workspace_id, reference)
            if saved is None:
                return None
            found = Route(saved.slug, language.read(saved.body))
            if len(kept.routes) < MOST:
                kept.routes[workspace_id, reference] = found
        return found

    def _current(self) -> _Kept:
        # The generation is read before the look-up: what is found meanwhile goes where nobody looks.
        if self._kept.generation != self._store.generation:
            self._kept = _Kept(self._store.generation)
        return self._kept

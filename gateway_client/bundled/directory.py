"""What every request needs to know, kept at hand: who holds a secret, and what a saved config says.

The admin API's writes all pass through this process, and each raises the store's generation; an
older look-up is forgotten with it. So a key that is revoked is unknown to the next request.
"""

from __future__ import annotations

from dataclasses import dataclass

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


class Directory:
    """Answers from memory, and from the store where something changed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._generation = -1
        self._callers: dict[str, Caller] = {}
        self._routes: dict[tuple[str | None, str], Route] = {}

    def caller(self, digest: str) -> Caller | None:
        """Return who holds a secret, or None for one that is unknown, revoked or past its transition."""
        self._forget()
        found = self._callers.get(digest)
        if found is None:
            with self._store.reading() as db:
                found = keys.caller(db, digest, self._clock())
            if found is not None and len(self._callers) < MOST:
                self._callers[digest] = found
        elif found.ends_at is not None and found.ends_at <= stamp(self._clock()):
            return None
        return found

    def route(self, workspace_id: str | None, reference: str) -> Route | None:
        """Return the config that a key of the workspace names by slug or UUID. Raises `BadConfig`."""
        self._forget()
        found = self._routes.get((workspace_id, reference))
        if found is None:
            with self._store.reading() as db:
                saved = configs.saved(db, workspace_id, reference)
            if saved is None:
                return None
            found = Route(saved.slug, language.read(saved.body))
            if len(self._routes) < MOST:
                self._routes[workspace_id, reference] = found
        return found

    def _forget(self) -> None:
        # The generation is read before the look-up, so that a change in between is not missed.
        if self._generation != self._store.generation:
            self._generation = self._store.generation
            self._callers.clear()
            self._routes.clear()

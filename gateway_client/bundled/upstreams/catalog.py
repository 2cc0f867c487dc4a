"""Which providers there are, and who answers for each: the settings' and the operator's own.

`provision gateway provider add` writes to the database from another process; a gateway that runs
looks there again once a second, so that nothing has to be told to it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from gateway_client.bundled.errors import ServeError
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream
from gateway_client.bundled.store import providers
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.providers import StoredProvider
from gateway_client.bundled.upstreams.echo import Echo
from gateway_client.bundled.upstreams.http import HttpClient
from gateway_client.bundled.upstreams.port import Upstream

LOOK_AGAIN = 1.0
"""Seconds after which a provider that another process added is known."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """The providers at one moment: families and who answers, by slug. Never changed, only replaced."""

    families: Mapping[str, str]
    upstreams: Mapping[str, Upstream]
    services: frozenset[str]
    """Slugs behind which a service stands; the echo answers for the others."""


class Catalog:
    """The providers of one gateway. Safe to ask from any thread."""

    def __init__(
        self, settings: GatewaySettings, store: Store, replaced: Mapping[str, Upstream] | None = None
    ) -> None:
        """Read what there is; `replaced` stands in for some slugs. Raises `ServeError`."""
        self._settings = settings
        self._store = store
        self._replaced = dict(replaced or {})
        self._clients: dict[tuple[str, HttpUpstream | StoredProvider], HttpClient] = {}
        self._lock = threading.Lock()
        self._rows = self._stored()
        self._known = self._assembled(self._rows)
        self._generation = store.generation
        self._until = time.monotonic() + LOOK_AGAIN

    def known(self) -> Known:
        """Return the providers as they are now."""
        if self._generation != self._store.generation or time.monotonic() >= self._until:
            with self._lock:
                self._look()
        return self._known

    async def close(self) -> None:
        """Close every upstream, also those that were replaced meanwhile."""
        for upstream in (*self._clients.values(), *self._replaced.values()):
            await upstream.close()

    def _look(self) -> None:
        self._generation = self._store.generation
        self._until = time.monotonic() + LOOK_AGAIN
        rows = self._stored()
        if rows == self._rows:
            return
        self._rows = rows
        try:
            self._known = self._assembled(rows)
        except ServeError as exc:
            _log.error("providers stay as they were: %s; %s", exc.message, exc.hint)

    def _stored(self) -> tuple[StoredProvider, ...]:
        with self._store.reading() as db:
            return providers.listed(db)

    def _assembled(self, rows: tuple[StoredProvider, ...]) -> Known:
        """Put together settings and database; what the gateway was started with wins."""
        services: dict[str, Upstream] = {}
        for row in rows:
            if row.base_url is not None:
                services[row.slug] = self._client(row.slug, row)
        for slug, upstream in self._settings.upstreams.items():
            services[slug] = self._client(slug, upstream)
        services.update(self._replaced)
        families = {**self._settings.providers, **{row.slug: row.family for row in rows}}
        # `vertex/model` goes to the family's first provider: one with a service, where there is any.
        ordered = sorted(families, key=lambda slug: slug not in services)
        return Known(
            {slug: families[slug] for slug in ordered},
            {slug: services.get(slug) or Echo(slug) for slug in ordered},
            frozenset(services),
        )

    def _client(self, slug: str, upstream: HttpUpstream | StoredProvider) -> HttpClient:
        """Return the client of a service; one that is unchanged keeps its connections."""
        found = self._clients.get((slug, upstream))
        if found is None:
            settings = self._opened(upstream) if isinstance(upstream, StoredProvider) else upstream
            found = self._clients[slug, upstream] = HttpClient(settings)
        return found

    def _opened(self, row: StoredProvider) -> HttpUpstream:
        from gateway_client.bundled.store import seal  # only a gateway with sealed keys pays for loading it

        key = seal.of(self._settings.database).open(row.slug, row.sealed_key or "")
        try:
            return HttpUpstream(row.base_url or "", key, "bearer" if row.auth == "bearer" else "x-api-key")
        except ValueError as exc:  # added by a release that checked less
            raise ServeError(f"provider {row.slug}: {exc}", "add it again, or remove it") from exc

"""What all handlers of one running gateway share. Made once by `app.create_app`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from gateway_client.bundled.data_plane.cache import AnswerCache
from gateway_client.bundled.directory import Directory
from gateway_client.bundled.governance.governor import Governor
from gateway_client.bundled.guardrails.model_lists import ModelLists
from gateway_client.bundled.guardrails.screens import Screens
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.logbook import Logbook
from gateway_client.bundled.timestamps import Clock
from gateway_client.bundled.upstreams.catalog import Catalog
from gateway_client.bundled.upstreams.port import Upstream

ADMIN_CALLS = 20
"""Calls of the admin API that are carried out at a time; the pool that all share has 40 threads."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway. `pause` waits some seconds before a call is tried again.

    `admin_turns` leaves some of the threads to others when calls of the admin API wait for the database.
    """

    settings: GatewaySettings
    store: Store
    directory: Directory
    governor: Governor
    screens: Screens
    model_lists: ModelLists
    logbook: Logbook
    clock: Clock
    catalog: Catalog
    chance: Random
    admin_digest: str
    version: str
    cache: AnswerCache = field(default_factory=AnswerCache)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    admin_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ADMIN_CALLS))

    @property
    def providers(self) -> Mapping[str, str]:
        """Every provider's family by its slug, as of now: shipped ones and those that were added.

        Changes while the gateway runs; hold on to one mapping where two looks must agree.
        """
        return self.catalog.known().families

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """Who answers for a provider, by its slug; has the same slugs as `providers`."""
        return self.catalog.known().upstreams

"""What all handlers of one running gateway share. Made once by `app.create_app`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from gateway_client.bundled.directory import Directory
from gateway_client.bundled.governance.governor import Governor
from gateway_client.bundled.guardrails.model_lists import ModelLists
from gateway_client.bundled.guardrails.screens import Screens
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.logbook import Logbook
from gateway_client.bundled.timestamps import Clock
from gateway_client.bundled.upstreams.port import Upstream


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway. `upstreams` maps every known provider slug to who answers for it."""

    settings: GatewaySettings
    store: Store
    directory: Directory
    governor: Governor
    screens: Screens
    model_lists: ModelLists
    logbook: Logbook
    clock: Clock
    upstreams: Mapping[str, Upstream]
    chance: Random
    admin_digest: str
    version: str

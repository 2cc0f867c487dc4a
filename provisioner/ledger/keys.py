"""The ledger's keys, listed and looked up by whatever a person calls one. Pure; no key's secret is here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from provisioner import naming
from provisioner.errors import UsageError
from provisioner.ledger.model import KeyRecord
from provisioner.roster.model import Person

State = Literal["live", "HOLD", "expired", "no secret"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One live key of ours."""

    name: str
    assignment: str
    who: str
    """The person's address or the service's id; empty for a key that several people share."""
    expires_at: datetime | None
    fingerprint: str
    state: State
    failures: tuple[str, ...]
    """What it failed at, on HOLD."""


def listed(keys: Mapping[str, KeyRecord], sealed: frozenset[str], now: datetime) -> tuple[Listed, ...]:
    """Return every key by name; `sealed` are the vault's ids."""
    return tuple(
        Listed(
            name=key.name,
            assignment=key.name.removeprefix(naming.KEY_PREFIX),
            who=_who(key),
            expires_at=key.spec.expires_at,
            fingerprint=key.secret.fingerprint,
            state=state(key, sealed, now),
            failures=key.failures or (),
        )
        for _name, key in sorted(keys.items())
    )


def state(key: KeyRecord, sealed: frozenset[str], now: datetime) -> State:
    """Return how a key stands as far as the ledger knows."""
    if key.secret.vault_id not in sealed:
        return "no secret"
    if key.spec.expires_at is not None and key.spec.expires_at <= now:
        return "expired"
    return "HOLD" if key.failures else "live"


def find(keys: Mapping[str, KeyRecord], asked: str, people: Iterable[Person] = ()) -> KeyRecord:
    """Return the one key that somebody means.

    Args:
        keys: the ledger's, by name.
        asked: a key's name, a service's id, or a person's address.
        people: those whose aliases count as addresses, too.

    Raises:
        UsageError: no key is meant, or several are.
    """
    if asked in keys:
        return keys[asked]
    spelling = asked.casefold()
    spellings = {spelling}
    for person in people:
        own = {person.identity, *person.aliases}
        if spelling in own:
            spellings |= own
    theirs = [k for _name, k in sorted(keys.items()) if _who(k) and _who(k).casefold() in spellings]
    if len(theirs) == 1:
        return theirs[0]
    shown = naming.shown(asked)
    if theirs:
        names = ", ".join(key.name for key in theirs)
        raise UsageError(f"{shown} has {len(theirs)} keys: {names}", hint="name one of them")
    known = sorted({*keys, *filter(None, map(_who, keys.values()))})
    near = difflib.get_close_matches(spelling, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else "see provision key list"
    if "@" in asked and not near:
        hint += "; whoever shares a team's key has none of their own, and aliases need --roster FILE"
    raise UsageError(f"no key is called {shown}, and nobody of that name has one", hint=hint)


def _who(key: KeyRecord) -> str:
    return key.spec.metadata.get("user", "")

"""Keys of one person under two spellings: an address was changed, or another one was chosen. Pure.

`roster.identity` and mail addresses change; the key of the old spelling then is asked for by
nobody, while the new one is wanted. The roster's aliases tell that both are one human's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from provisioner.ledger.model import KeyRecord
from provisioner.plan.model import WantedKey
from provisioner.roster.model import Person

WHO = "user"
"""The metadata that names a key's person, as `assign` writes it."""


def successors(
    keys: Mapping[str, KeyRecord], wanted: Mapping[str, WantedKey], people: Iterable[Person]
) -> dict[str, str]:
    """Return the wanted keys that stand for keys which nobody asks for any more, by the old key's name.

    The surest pairs come first.

    Only where the person's spelling is another: whoever merely changed teams has left one and
    joined another. Of several wanted keys of a person that of the same team and env is taken.
    """
    old = {name: key.spec.metadata for name, key in keys.items() if name not in wanted}
    old = {name: told for name, told in old.items() if WHO in told}
    if not old:
        return {}
    identity = _identities(people, {told[WHO].casefold() for told in old.values()})
    theirs: dict[str, list[WantedKey]] = {}
    for key in wanted.values():
        if (who := key.metadata.get(WHO)) is not None:
            theirs.setdefault(who, []).append(key)
    found = []
    for name, told in old.items():
        who = identity.get(told[WHO].casefold())
        if who is not None and who != told[WHO].casefold() and who in theirs:
            likeness, new = max(((_likeness(k, told), k.name) for k in theirs[who]), key=itemgetter(0))
            found.append((likeness, name, new))
    found.sort(key=itemgetter(0), reverse=True)
    return {name: new for _likeness, name, new in found}


def _identities(people: Iterable[Person], asked: set[str]) -> dict[str, str]:
    """Return who is meant by each spelling; what two people share identifies nobody."""
    found: dict[str, set[str]] = {}
    for person in people:
        for spelling in asked.intersection((person.identity, *person.aliases)):
            found.setdefault(spelling, set()).add(person.identity)
    return {spelling: next(iter(who)) for spelling, who in found.items() if len(who) == 1}


def _likeness(key: WantedKey, told: Mapping[str, str]) -> tuple[bool, bool]:
    """Return how near a key is: of the same team and env, of the same env; the first of equals is taken."""
    same_env = key.metadata.get("env") == told.get("env")
    return key.metadata.get("team") == told.get("team") and same_env, same_env

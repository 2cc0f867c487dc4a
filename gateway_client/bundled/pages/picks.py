"""What the fields of the filter form offer: the values of the newest requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages.search import OUTCOMES, RANGES, WINDOWS, Search
from gateway_client.bundled.store import keys, records
from gateway_client.bundled.store.records import Filters

LOOKED_AT = 5000
"""Requests whose values are offered, so that a long log makes no page slow."""
COLUMNS = {
    "team": "team",
    "user": "user",
    "env": "env",
    "tenant": "tenant",
    "model": "model_asked",
    "provider": "provider",
    "client": "client_version",
}
Options = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Picks:
    """Suggestions by field, and the options of fields that are chosen from: value and text each."""

    suggested: Mapping[str, Sequence[str]]
    windows: Options
    statuses: Options
    outcomes: Options
    keys: Options
    bodies: bool


def picks(gateway: Gateway, db: Connection, search: Search) -> Picks:
    """Return what the form offers for a question; what is asked for is always among it."""
    _, older = records.requests(db, Filters(), offset=LOOKED_AT, limit=1)
    since = older[0]["time"] if older else ""
    statuses = records.distinct(db, "status", since)
    names = key_names(db, records.distinct(db, "key_id", since))
    by_name = sorted(names.items(), key=lambda item: (item[1], item[0]))
    ranges = [(value, f"Any {value}") for value in RANGES]
    return Picks(
        suggested={name: records.distinct(db, column, since) for name, column in COLUMNS.items()},
        windows=[(value, text) for value, (text, _) in WINDOWS.items()],
        statuses=_offered(search, "status", [*ranges, *((status, status) for status in statuses)]),
        outcomes=_offered(search, "outcome", [(outcome, outcome) for outcome in OUTCOMES]),
        keys=_offered(search, "key", by_name),
        bodies=gateway.settings.log_bodies,
    )


def key_names(db: Connection, identities: Sequence[str]) -> Mapping[str, str]:
    """Return the names of keys by their ids; one that is gone goes by its id."""
    _, rows = keys.page(db, workspace_id=None, ids=identities, offset=0, limit=len(identities))
    return {identity: identity for identity in identities} | {row["id"]: row["name"] for row in rows}


def _offered(search: Search, name: str, options: list[tuple[str, str]]) -> Options:
    asked = search.typed[name]
    if asked and all(value != asked for value, _ in options):
        options = [*options, (asked, asked)]
    return [("", "Any"), *options]

"""`/revisions`: who runs which version of a client, under which settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages import paging
from gateway_client.bundled.pages.door import Page, Visit
from gateway_client.bundled.pages.picks import picks
from gateway_client.bundled.pages.search import Search, read
from gateway_client.bundled.store import analytics
from gateway_client.bundled.store.analytics import Group, Revision

REVISION = "rev"
"""The metadata key in which rendered settings carry the revision that they are of."""
MOST_GROUPS = 50


@dataclass(frozen=True, slots=True)
class InUse:
    """What clients run, or None for those that tell nothing; `link` leads to their requests."""

    value: str | None
    link: str | None
    users: int
    requests: int
    last_seen: str


def index(gateway: Gateway, visit: Visit) -> Page:
    """Show revisions, client versions and settings with their users, and who runs what."""
    behind = not gateway.logbook.flush()
    now, page = gateway.clock(), paging.asked(visit.query.get("page"))
    search = read(visit.query, "/revisions", now)
    everybody: list[Revision] = []
    revisions: list[Group] = []
    with gateway.store.reading() as db:
        if not search.problems:
            everybody = analytics.revisions(db, search.filters)
            revisions = analytics.by_metadata(db, search.filters, REVISION, MOST_GROUPS)
        offered = picks(gateway, db, search)
    rows = everybody[(page - 1) * paging.SIZE : page * paging.SIZE]
    around = paging.pages(
        page, len(rows), len(everybody), lambda number: search.address(page=str(number)), ("Previous", "Next")
    )
    return Page(
        "revisions.html.j2",
        {
            "search": search,
            "picks": offered,
            "behind": behind,
            "kinds": [
                ("Revision", _latest([_of_revision(search, group) for group in revisions])),
                ("Client version", _latest(_together(search, everybody, "client", "client_version"))),
                ("Settings checksum", _latest(_together(search, everybody, "checksum", "settings_checksum"))),
            ],
            "rows": rows,
            "pages": around,
        },
        400 if search.problems else 200,
    )


def _of_revision(search: Search, group: Group) -> InUse:
    sums = group.totals
    return InUse(group.value, _link(search, group.value), sums.users, sums.requests, group.last_seen)


def _together(
    search: Search,
    everybody: Iterable[Revision],
    field: str,
    column: Literal["client_version", "settings_checksum"],
) -> list[InUse]:
    """Return the different values of a column with their users; `field` is what an address calls it."""
    found: dict[str | None, list[Revision]] = {}
    for row in everybody:
        found.setdefault(getattr(row, column), []).append(row)
    return [
        InUse(
            value,
            value and search.address("/logs", **{field: value}),
            len({row.user for row in rows if row.user is not None}),
            sum(row.requests for row in rows),
            max(row.last_seen for row in rows),
        )
        for value, rows in found.items()
    ]


def _latest(found: Iterable[InUse]) -> list[InUse]:
    return sorted(found, key=lambda one: one.last_seen, reverse=True)[:MOST_GROUPS]


def _link(search: Search, revision: str | None) -> str | None:
    """Return where the requests of a revision are listed: what else was asked of the metadata still holds."""
    if revision is None:
        return None
    others = [f"{name}={value}" for name, value in search.filters.metadata.items() if name != REVISION]
    return search.address("/logs", metadata=shlex.join([*others, f"{REVISION}={revision}"]))

"""`/keys`: which keys there are, masked; what they may, and how much of their budget is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages import paging
from gateway_client.bundled.pages.door import Page, Visit
from gateway_client.bundled.pages.limits import budgets, rates
from gateway_client.bundled.store import keys, workspaces
from gateway_client.bundled.timestamps import stamp

MOST_WORKSPACES = 1000


def index(gateway: Gateway, visit: Visit) -> Page:
    """Show one page of the keys, and the workspaces that have limits of their own."""
    page, now = paging.asked(visit.query.get("page")), gateway.clock()
    with gateway.store.reading() as db:
        _, owners = workspaces.page(
            db, name=None, exact_name=None, only=None, offset=0, limit=MOST_WORKSPACES
        )
        total, rows = keys.page(
            db, workspace_id=None, ids=None, offset=(page - 1) * paging.SIZE, limit=paging.SIZE
        )
        names = {owner["id"]: owner["name"] for owner in owners}
        shown = [_shown(gateway, db, row, names, now) for row in rows]
    around = paging.pages(
        page, len(rows), total, lambda number: f"/keys?page={number}", ("Earlier keys", "Later keys")
    )
    limited = [_limited(gateway, owner, now) for owner in owners]
    return Page(
        "keys.html.j2",
        {
            "rows": shown,
            "pages": around,
            "workspaces": [one for one in limited if one["rates"] or one["budgets"]],
        },
    )


def _shown(
    gateway: Gateway, db: Connection, row: RowMapping, names: Mapping[str, str], now: datetime
) -> Mapping[str, Any]:
    limits = [row["usage_limits"]] if row["usage_limits"] else []
    expired = row["expires_at"] is not None and row["expires_at"] <= stamp(now)
    exhausted = bool(limits) and gateway.governor.exhausted(row["id"], limits, now)
    return {
        **row,
        "workspace": names.get(row["workspace_id"], "the organisation"),
        "status": "expired" if expired else "exhausted" if exhausted else "active",
        "rotating": keys.in_transition(db, row["id"], now),
        "budgets": budgets(limits, gateway.governor.used(row["id"], now)),
        "rates": rates(row["rate_limits"] or ()),
        "metadata": row["defaults_metadata"] or {},
    }


def _limited(gateway: Gateway, owner: RowMapping, now: datetime) -> Mapping[str, Any]:
    return {
        "name": owner["name"],
        "slug": owner["slug"],
        "budgets": budgets(owner["usage_limits"] or (), gateway.governor.used(owner["id"], now)),
        "rates": rates(owner["rate_limits"] or ()),
    }

"""`/configs` and `/configs/{reference}`: the saved routing configs with their bodies, to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages import paging
from gateway_client.bundled.pages.door import Page, Visit
from gateway_client.bundled.store import configs, workspaces


def index(gateway: Gateway, visit: Visit) -> Page:
    """Show one page of the configs."""
    page = paging.asked(visit.query.get("page"))
    with gateway.store.reading() as db:
        total, rows = configs.page(db, workspace_id=None, offset=(page - 1) * paging.SIZE, limit=paging.SIZE)
        shown = [_shown(db, row) for row in rows]
    around = paging.pages(
        page, len(rows), total, lambda number: f"/configs?page={number}", ("Earlier configs", "Later configs")
    )
    return Page("configs.html.j2", {"rows": shown, "pages": around, "one": False})


def one(gateway: Gateway, visit: Visit) -> Page:
    """Show one config, by its slug or UUID."""
    with gateway.store.reading() as db:
        row = configs.find(db, visit.path["reference"])
        shown = None if row is None else _shown(db, row)
    if shown is None:
        values = {
            "here": "/configs",
            "what": "No such config",
            "why": "It is not there any more. Keys that are bound to it answer 400.",
            "back": "/configs",
            "back_name": "To the configs",
        }
        return Page("missing.html.j2", values, 404)
    around = paging.pages(1, 1, 1, lambda _number: "/configs")
    return Page("configs.html.j2", {"rows": [shown], "pages": around, "one": True})


def _shown(db: Connection, row: RowMapping) -> Mapping[str, Any]:
    versions = configs.versions(db, row["id"])
    current = next(version for version in versions if version["version_id"] == row["version_id"])
    workspace = workspaces.find(db, row["workspace_id"])
    return {
        **row,
        "workspace": workspace["name"] if workspace else row["workspace_id"],
        "body": current["body"],
        "number": current["number"],
    }

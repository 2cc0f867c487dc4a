"""`/v1/logs/exports`: the log as JSON lines, in Portkey's steps (facts/portkey.md 7).

Create says what is wanted, start fixes up to which request, download gives a link that works for an
hour and needs no key. Nothing is prepared: the lines are read while they are downloaded, so an export is
a draft, then a success at once, or stopped; and requests that the retention deletes meanwhile are left
out. At most 50,000 lines, newest first; `cost` in cents.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, RowMapping
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway_client.bundled.admin import bodies as admin_bodies
from gateway_client.bundled.admin import log_filters, reach
from gateway_client.bundled.admin.door import (
    AdminRefusal,
    Answer,
    Call,
    Table,
    forbidden,
    invalid,
    listing,
    paging,
)
from gateway_client.bundled.admin.log_filters import MOST_ROWS, NANO_PER_CENT, Wanted
from gateway_client.bundled.admin.records import flush
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import bodies, exports, records

LINK_LASTS = timedelta(hours=1)
PIECE = 500
"""Rows read at a time, so that a slow download holds no transaction open."""

Field = Literal[
    "id",
    "trace_id",
    "created_at",
    "request",
    "response",
    "is_success",
    "ai_org",
    "ai_model",
    "req_units",
    "res_units",
    "total_units",
    "request_url",
    "cost",
    "cost_currency",
    "response_time",
    "response_status_code",
    "mode",
    "config",
    "prompt_slug",
    "metadata",
]
USUAL: tuple[Field, ...] = (
    *("id", "trace_id", "created_at", "is_success", "ai_org", "ai_model"),
    *("req_units", "res_units", "total_units", "request_url", "cost", "cost_currency"),
    *("response_time", "response_status_code", "mode", "config", "metadata"),
)
"""What an export holds that asks for nothing in particular: all but bodies."""


class ExportUpdate(BaseModel):
    """Which requests are wanted, and which of their fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: Wanted
    requested_data: list[Field] | None = None
    workspace_id: str | None = None


class ExportCreate(ExportUpdate):
    """A new export."""

    filters: Wanted = Wanted()
    description: str | None = None


def create(gateway: Gateway, call: Call) -> Answer:
    """Make a draft; `total` is how many requests it means now."""
    body = admin_bodies.read(ExportCreate, call.body)
    flush(gateway)
    with gateway.store.writing() as db:
        wanted = _wanted(db, call, body)
        identity = exports.create(db, body.description, wanted, gateway.clock())
        return {"id": identity, "total": _total(db, wanted), "object": "export"}


def index(gateway: Gateway, call: Call) -> Answer:
    """List exports."""
    offset, limit = paging(call.query)
    with gateway.store.reading() as db:
        total, rows = exports.page(db, reach.workspace_of(db, call), offset=offset, limit=limit)
    return listing(total, [_shown(gateway, row) for row in rows])


def get(gateway: Gateway, call: Call) -> Answer:
    """Return one export."""
    with gateway.store.reading() as db:
        return _shown(gateway, _find(db, call))


def update(gateway: Gateway, call: Call) -> Answer:
    """Change what a draft means."""
    body = admin_bodies.read(ExportUpdate, call.body)
    flush(gateway)
    with gateway.store.writing() as db:
        row = _find(db, call)
        if row["status"] != "draft":
            raise invalid("export: was started already, make another one")
        wanted = _wanted(db, call, body, row["body"])
        exports.change(db, row["id"], {"body": wanted}, gateway.clock())
        return {"id": row["id"], "total": _total(db, wanted), "object": "export"}


def start(gateway: Gateway, call: Call) -> Answer:
    """Fix up to which request an export goes."""
    flush(gateway)
    with gateway.store.writing() as db:
        row = _find(db, call)
        if row["status"] != "draft":
            raise invalid("export: was started already, make another one")
        body = {**row["body"], "last": records.last(db)}
        exports.change(db, row["id"], {"body": body, "status": "success"}, gateway.clock())
    return {"message": "The export can be downloaded", "object": "export"}


def cancel(gateway: Gateway, call: Call) -> Answer:
    """Stop an export that is not there yet."""
    with gateway.store.writing() as db:
        row = _find(db, call)
        if row["status"] != "draft":
            return {"message": "The export had ended already", "object": "export"}
        exports.change(db, row["id"], {"status": "stopped"}, gateway.clock())
    return {"message": "The export is stopped", "object": "export"}


def download(gateway: Gateway, call: Call) -> Answer:
    """Return a link to the lines of an export that was started."""
    with gateway.store.reading() as db:
        row = _find(db, call)
    if row["status"] != "success":
        raise invalid("export: is not started yet")
    expires = int((gateway.clock() + LINK_LASTS).timestamp())
    signature = _signature(gateway, row["id"], expires)
    path = f"/v1/logs/exports/{row['id']}/file?expires={expires}&signature={signature}"
    return {"signed_url": call.origin + path}


async def file(request: Request) -> Response:
    """Answer a link that `download` gave: the export as JSON lines."""
    gateway: Gateway = request.app.state.gateway
    identity, query = request.path_params["id"], request.query_params
    expires, signature = query.get("expires", ""), query.get("signature", "")
    number = int(expires) if expires.isdecimal() and len(expires) < 12 else 0
    right = hmac.compare_digest(_signature(gateway, identity, number).encode(), signature.encode())
    if not right or number <= gateway.clock().timestamp():
        raise AdminRefusal(403, "AB03", "This link is not valid, or no longer")
    name = f'attachment; filename="log-{datetime.fromtimestamp(number, UTC):%Y%m%d-%H%M%S}.jsonl"'
    return StreamingResponse(
        _lines(gateway, identity), media_type="application/jsonl", headers={"content-disposition": name}
    )


def _lines(gateway: Gateway, identity: str) -> Iterator[bytes]:
    with gateway.store.reading() as db:
        row = exports.find(db, identity)
    if row is None:
        return
    wanted, names = Wanted.model_validate(row["body"]["filters"]), _fields(row["body"])
    filters = wanted.filters(row["body"]["workspace_id"])
    left = wanted.page_size or MOST_ROWS
    skip, before = left * (wanted.current_page or 0), row["body"]["last"] + 1
    while left > 0:
        with gateway.store.reading() as db:
            rows = records.before(db, filters, before, offset=skip, limit=min(left, PIECE))
            lines = [json.dumps(_line(db, one, names), ensure_ascii=False) + "\n" for one in rows]
        if not rows:
            return
        yield "".join(lines).encode()
        left, skip, before = left - len(rows), 0, rows[-1]["id"]


def _line(db: Connection, row: RowMapping, names: Sequence[str]) -> Mapping[str, Any]:
    asked = (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"])
    prompt, completion = sum(amount or 0 for amount in asked), row["output_tokens"] or 0
    cost = row["cost_nano_usd"]
    values: dict[str, Any] = {
        "id": str(row["id"]),
        "trace_id": row["trace_id"],
        "created_at": row["time"],
        "is_success": 200 <= row["status"] < 300,
        "ai_org": row["provider"],
        "ai_model": row["model_served"],
        "req_units": prompt,
        "res_units": completion,
        "total_units": prompt + completion,
        "request_url": row["path"],
        "cost": None if cost is None else cost / NANO_PER_CENT,
        "cost_currency": "USD",
        "response_time": row["latency_ms"],
        "response_status_code": row["status"],
        "mode": "stream" if row["stream"] else "single",
        "config": row["config"],
        "prompt_slug": None,
        "metadata": row["merged_metadata"],
    }
    if "request" in names or "response" in names:
        values["request"], values["response"] = bodies.of(db, row["id"]) or (None, None)
    return {name: values[name] for name in names}


def _signature(gateway: Gateway, identity: str, expires: int) -> str:
    """Sign with what only this gateway knows; a new admin token ends the links of the old one."""
    said = f"log export {identity} {expires}".encode()
    return hmac.new(gateway.admin_digest.encode(), said, hashlib.sha256).hexdigest()


def _wanted(
    db: Connection, call: Call, body: ExportUpdate, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    named = body.workspace_id or body.filters.workspace_slug
    fields = body.requested_data or (before["requested_data"] if before else None)
    return {
        "filters": body.filters.model_dump(mode="json", exclude_unset=True),
        "requested_data": fields or list(USUAL),
        "workspace_id": log_filters.workspace(db, call, named)
        if named or before is None
        else before["workspace_id"],
        "created_by": before["created_by"] if before else call.principal.name,
    }


def _total(db: Connection, wanted: Mapping[str, Any]) -> int:
    filters = Wanted.model_validate(wanted["filters"]).filters(wanted["workspace_id"])
    return min(records.count(db, filters), MOST_ROWS)


def _fields(body: Mapping[str, Any]) -> Sequence[str]:
    return tuple(dict.fromkeys(body["requested_data"]))


def _find(db: Connection, call: Call) -> RowMapping:
    row = exports.find(db, call.path["id"])
    if row is None:
        raise forbidden()
    reach.check(call, row["body"]["workspace_id"])
    return row


def _shown(gateway: Gateway, row: RowMapping) -> Answer:
    body = row["body"]
    return {
        "id": row["id"],
        "organisation_id": gateway.store.organisation_id,
        "filters": body["filters"],
        "requested_data": body["requested_data"],
        "status": row["status"],
        "description": row["description"] or "",
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "created_by": body["created_by"],
        "workspace_id": body["workspace_id"],
        "object": "export",
    }


TABLE: Table = (
    ("POST", "/v1/logs/exports", create),
    ("GET", "/v1/logs/exports", index),
    ("GET", "/v1/logs/exports/{id}", get),
    ("PUT", "/v1/logs/exports/{id}", update),
    ("POST", "/v1/logs/exports/{id}/start", start),
    ("POST", "/v1/logs/exports/{id}/cancel", cancel),
    ("GET", "/v1/logs/exports/{id}/download", download),
)

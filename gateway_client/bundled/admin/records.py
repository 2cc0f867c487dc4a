"""`/v1/logs` and `/v1/audit`: what was asked of the gateway, newest first.

`GET /v1/logs` is ours. It takes `metadata.<key>=<value>` (any number), the names of `records.Filters`
(`model` asked or served, `provider`, `key_id`, `tenant`, `team`, `user`, `env`, `status`, `outcome`,
`session_id`, `trace_id`, `config`, `client_version`, `settings_checksum`, `workspace_id`, `since`,
`until`, `content`), all of which must match, and the usual paging. One entry has the columns of
`records.RequestRecord`, but

    {"id": 7, "key": {"id", "name"}, "metadata": {..merged..}, "cost_usd": 0.000105, ...}

`GET /v1/logs/{id}`, by number or trace id, has Portkey's shape; its `entry` is the same as in the list.
Request and response have a `body` where it was logged: the JSON object, `{"json": ..}` for other JSON,
and `{"text": ".."}` where it was none or was cut.
`POST /v1/logs` takes Portkey's custom logs (facts/portkey.md 7): entries of requests that went past the
gateway. Their `target` is `inserted`; they carry the metadata of the key that inserts them, and no cost.

`GET /v1/audit` lists admin calls: `{"id", "time", "method", "path", "status", "caller"}`.
All wait until what was answered before is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel
from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import bodies as admin_bodies
from gateway_client.bundled.admin import log_filters, reach
from gateway_client.bundled.admin.door import AdminRefusal, Answer, Call, Table, forbidden, listing, paging
from gateway_client.bundled.data_plane import metadata
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import bodies, keys, records
from gateway_client.bundled.store.records import Filters, RequestRecord
from gateway_client.bundled.timestamps import stamp

INSERTED = "inserted"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    headers: dict[str, str] | None = None
    body: JsonValue = None


class InsertedRequest(_Part):
    """What was asked of some service, and where."""

    url: Annotated[str, Field(max_length=2048)]
    method: Annotated[str, Field(max_length=16)] | None = None


class InsertedResponse(_Part):
    """What the service answered; `response_time` in milliseconds."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    response_time: Annotated[int, Field(ge=0, lt=2**53)] = 0


class Inserted(BaseModel):
    """One request that went past the gateway."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    request: InsertedRequest
    response: InsertedResponse
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class Insert(RootModel[Annotated[list[Inserted], Field(max_length=1000)] | Inserted]):
    """One of them, or several."""


def logs(gateway: Gateway, call: Call) -> Answer:
    """List requests of the data plane."""
    offset, limit = paging(call.query)
    filters = log_filters.of_logs(call)
    flush(gateway)
    with gateway.store.reading() as db:
        total, rows = records.requests(db, filters, offset=offset, limit=limit)
    return listing(total, [_shown(row) for row in rows])


def one(gateway: Gateway, call: Call) -> Answer:
    """Return one request in Portkey's shape, with ours as `entry`."""
    flush(gateway)
    with gateway.store.reading() as db:
        row = _find(db, call.path["id"])
        if row is None:
            raise forbidden()
        reach.check(call, row["workspace_id"])
        kept = bodies.of(db, row["id"])
    asked, answered = (_body(text) for text in kept or ("", ""))
    sent = {"x-portkey-trace-id": row["trace_id"], "x-portkey-metadata": json.dumps(row["merged_metadata"])}
    return {
        "_id": str(row["id"]),
        "organisation_id": gateway.store.organisation_id,
        "created_at": row["time"],
        "request": {"url": row["path"], "method": "POST", "portkeyHeaders": sent, **asked},
        "response": {
            "status": row["status"],
            "responseTime": row["latency_ms"],
            "lastUsedOptionJsonPath": row["target"] or "",
            **answered,
        },
        "metrics": _metrics(row),
        "entry": _shown(row),
    }


def insert(gateway: Gateway, call: Call) -> Answer:
    """Add entries for requests that went past the gateway."""
    principal = call.principal
    if not principal.may("completions.write"):
        raise forbidden()
    given = admin_bodies.read(Insert, call.body).root
    with gateway.store.reading() as db:
        key = keys.find(db, principal.name)
        workspace_id = log_filters.workspace(db, call, None)
    name = key["name"] if key is not None else principal.name
    own = (key["defaults_metadata"] or {}) if key is not None else {}
    for entry in given if isinstance(given, list) else [given]:
        claimed = {k: v for k, v in entry.metadata.items() if k != "trace_id"}
        merged = metadata.merged(claimed, own, {})
        logged = metadata.logged(merged)
        trace_id = entry.metadata.get("trace_id")
        gateway.logbook.add(
            RequestRecord(
                time=stamp(gateway.clock()),
                trace_id=trace_id[:128] if isinstance(trace_id, str) else "",
                workspace_id=workspace_id,
                key_id=principal.name,
                key_name=name,
                path=bodies.redacted(entry.request.url),
                merged_metadata=logged,
                contradicted=metadata.contradicted(claimed, merged),
                target=INSERTED,
                status=entry.response.status,
                outcome="answered",
                latency_ms=entry.response.response_time,
                tenant=logged.get("tenant"),
                team=logged.get("team"),
                user=logged.get("user") or logged.get("_user"),
                env=logged.get("env"),
                bodies=_inserted_bodies(entry) if gateway.settings.log_bodies else None,
            )
        )
    return {"status": "success"}


def audit(gateway: Gateway, call: Call) -> Answer:
    """List admin calls."""
    offset, limit = paging(call.query)
    flush(gateway)
    with gateway.store.reading() as db:
        total, rows = records.admin_calls(db, offset=offset, limit=limit)
    return listing(total, [dict(row) for row in rows])


def flush(gateway: Gateway) -> None:
    """Wait until what was answered before can be read; raises 503 where the log is behind."""
    if not gateway.logbook.flush():
        raise AdminRefusal(503, "AB04", "The log is behind; try again")


def _find(db: Connection, reference: str) -> RowMapping | None:
    """Return the request of a number, or else the last one of a trace id."""
    row = records.request(db, int(reference)) if reference.isdecimal() and len(reference) < 19 else None
    if row is None:
        _, found = records.requests(db, Filters(trace_id=reference), offset=0, limit=1)
        row = found[0] if found else None
    return row


def _shown(row: RowMapping) -> dict[str, Any]:
    entry = dict(row)
    cost = entry.pop("cost_nano_usd")
    entry["cost_usd"] = None if cost is None else cost / 1e9
    entry["key"] = {"id": entry.pop("key_id"), "name": entry.pop("key_name")}
    entry["metadata"] = entry.pop("merged_metadata")
    return entry


def _metrics(row: RowMapping) -> Mapping[str, Any]:
    asked = (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"])
    prompt, completion = sum(amount or 0 for amount in asked), row["output_tokens"] or 0
    cost = row["cost_nano_usd"]
    return {
        "id": str(row["id"]),
        "config_id": row["config"] or "",
        "created_at": row["time"],
        "is_success": 200 <= row["status"] < 300,
        "ai_org": row["provider"] or "",
        "ai_model": row["model_served"] or "",
        "req_units": prompt,
        "res_units": completion,
        "total_units": prompt + completion,
        "cost": 0 if cost is None else cost / 1e9,
        "cost_currency": "USD",
        "request_method": "POST",
        "response_status_code": row["status"],
        "response_time": row["latency_ms"],
        "cache_status": row["cache_status"],
        "stream_mode": int(row["stream"]),
        "trace_id": row["trace_id"],
    }


def _body(text: str) -> Mapping[str, Any]:
    """Return a logged body as the object that Portkey has there."""
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        value = {"text": text}
    return {} if value is None else {"body": value if isinstance(value, dict) else {"json": value}}


def _inserted_bodies(entry: Inserted) -> tuple[bytes, bytes]:
    return json.dumps(entry.request.body).encode(), json.dumps(entry.response.body).encode()


TABLE: Table = (
    ("GET", "/v1/logs", logs),
    ("POST", "/v1/logs", insert),
    ("GET", "/v1/logs/{id}", one),
    ("GET", "/v1/audit", audit),
)

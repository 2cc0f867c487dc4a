"""`/v1/logs` and `/v1/audit`: what was asked of the gateway, newest first. Our own shapes.

`GET /v1/logs` takes `metadata.<key>=<value>` (any number; all must match), `model` (asked or served),
`provider`, `key_id`, and the usual paging. One entry:

    {"id", "time", "trace_id", "key": {"id", "name"}, "metadata": {..}, "contradicted": {..},
     "path", "stream", "config", "target", "provider", "model_asked", "model_served", "status",
     "outcome", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
     "cost_usd", "latency_ms", "user_agent", "session_id", "settings_checksum"}

`GET /v1/audit` lists admin calls that came through the door: `{"id", "time", "method", "path", "status"}`.
Both wait until all that was answered before is written.
"""

from __future__ import annotations

from sqlalchemy import RowMapping

from gateway_client.bundled.admin.door import AdminRefusal, Answer, Call, Table, invalid, listing, paging
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store import records

PAGING = frozenset({"page_size", "pageSize", "current_page", "currentPage"})
FILTERS = frozenset({"model", "provider", "key_id"})


def logs(gateway: Gateway, call: Call) -> Answer:
    """List requests of the data plane."""
    offset, limit = paging(call.query)
    unknown = [
        name for name in call.query if name not in PAGING | FILTERS and not name.startswith("metadata.")
    ]
    if unknown:
        # A misspelt filter would show everything and look like an answer.
        raise invalid(*(f"{name[:64]}: unknown filter" for name in unknown))
    filters = records.Filters(
        metadata={
            name.removeprefix("metadata."): value
            for name, value in call.query.items()
            if name.startswith("metadata.")
        },
        model=call.query.get("model"),
        provider=call.query.get("provider"),
        key_id=call.query.get("key_id"),
    )
    _flush(gateway)
    with gateway.store.reading() as db:
        total, rows = records.requests(db, filters, offset=offset, limit=limit)
    return listing(total, [_shown(row) for row in rows])


def audit(gateway: Gateway, call: Call) -> Answer:
    """List admin calls."""
    offset, limit = paging(call.query)
    _flush(gateway)
    with gateway.store.reading() as db:
        total, rows = records.admin_calls(db, offset=offset, limit=limit)
    return listing(total, [dict(row) for row in rows])


def _flush(gateway: Gateway) -> None:
    if not gateway.logbook.flush():
        raise AdminRefusal(503, "AB04", "The log is behind; try again")


def _shown(row: RowMapping) -> Answer:
    entry = dict(row)
    cost = entry.pop("cost_nano_usd")
    entry["cost_usd"] = None if cost is None else cost / 1e9
    entry["key"] = {"id": entry.pop("key_id"), "name": entry.pop("key_name")}
    entry["metadata"] = entry.pop("merged_metadata")
    return entry


TABLE: Table = (
    ("GET", "/v1/logs", logs),
    ("GET", "/v1/audit", audit),
)

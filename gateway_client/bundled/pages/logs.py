"""`/logs`, `/logs/{id}` and `/sessions/{id}`: what was asked of the gateway, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import RowMapping

from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages import paging, text
from gateway_client.bundled.pages.door import Page, Visit
from gateway_client.bundled.pages.picks import picks
from gateway_client.bundled.pages.search import read
from gateway_client.bundled.store import analytics, bodies, records
from gateway_client.bundled.store.analytics import Totals
from gateway_client.bundled.store.records import Filters

LARGEST_ID = 2**63 - 1
USERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Term:
    """One fact of a request; `link` is an address, `code` sets it in the typewriter's letters."""

    name: str
    value: str | None
    link: str | None = None
    code: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """One large number of a page; `bad` where it should be nothing."""

    name: str
    value: str
    bad: bool = False


def index(gateway: Gateway, visit: Visit) -> Page:
    """Show the requests that fit the filter, newest first."""
    behind = not gateway.logbook.flush()
    now, page = gateway.clock(), paging.asked(visit.query.get("page"))
    search = read(visit.query, "/logs", now)
    total, rows = 0, []
    with gateway.store.reading() as db:
        if not search.problems:
            total, found = records.requests(
                db, search.filters, offset=(page - 1) * paging.SIZE, limit=paging.SIZE
            )
            rows = listed(found)
        offered = picks(gateway, db, search)
    around = paging.pages(page, len(rows), total, lambda number: search.address(page=str(number)))
    return Page(
        "logs.html.j2",
        {"search": search, "picks": offered, "rows": rows, "pages": around, "behind": behind},
        400 if search.problems else 200,
    )


def one(gateway: Gateway, visit: Visit) -> Page:
    """Show everything that is written down of one request."""
    gateway.logbook.flush()
    asked = visit.path["id"]
    known = asked.isascii() and asked.isdecimal() and len(asked) < 20 and int(asked) <= LARGEST_ID
    with gateway.store.reading() as db:
        row = records.request(db, int(asked)) if known else None
        body = None if row is None else bodies.of(db, row["id"])
    if row is None:
        why = "The log has no request of this number. It may be older than what is kept."
        return _missing("No such request", why)
    return Page(
        "request.html.j2",
        {
            "row": row,
            "sections": _sections(row),
            "body": body and {"request": body[0], "response": body[1]},
            "bodies": gateway.settings.log_bodies,
        },
    )


def session(gateway: Gateway, visit: Visit) -> Page:
    """Show the requests of one session of a client, newest first, and what they come to."""
    gateway.logbook.flush()
    asked, page = visit.path["id"], paging.asked(visit.query.get("page"))
    filters = Filters(session_id=asked)
    with gateway.store.reading() as db:
        total, rows = records.requests(db, filters, offset=(page - 1) * paging.SIZE, limit=paging.SIZE)
        sums = analytics.totals(db, filters)
        users = analytics.grouped(db, filters, "user", USERS_SHOWN)
        _, oldest = records.requests(db, filters, offset=max(total - 1, 0), limit=1)
        _, newest = records.requests(db, filters, offset=0, limit=1)
    if not rows:
        return _missing("No such session", "The log has no request of this session, or not so many.")
    around = paging.pages(page, len(rows), total, lambda number: f"{session_address(asked)}?page={number}")
    return Page(
        "session.html.j2",
        {
            "session": asked,
            "users": [group.value for group in users if group.value is not None],
            "first": oldest[0]["time"],
            "last": newest[0]["time"],
            "counts": counts(sums),
            "rows": listed(rows),
            "pages": around,
        },
    )


def counts(sums: Totals) -> list[Count]:
    """Return the large numbers of some requests."""
    prompt = sums.input_tokens + sums.cache_read_tokens + sums.cache_write_tokens
    return [
        Count("requests", text.number(sums.requests)),
        Count("spent", text.dollars(sums.cost_nano_usd)),
        Count("tokens in", text.short_number(prompt)),
        Count("tokens out", text.short_number(sums.output_tokens)),
        Count("failed", text.number(sums.errors), bad=sums.errors > 0),
        Count("users", text.number(sums.users)),
        Count("median latency", text.duration(sums.latency_ms_p50)),
    ]


def listed(rows: Iterable[RowMapping]) -> list[Mapping[str, Any]]:
    """Return rows of the request log with what a table says in one word."""
    return [
        {
            **row,
            "tokens_in": _prompt(row),
            "denied": any(verdict.get("deny") and not verdict.get("verdict") for verdict in row["verdicts"]),
            "noted": any(not verdict.get("verdict") for verdict in row["verdicts"]),
        }
        for row in rows
    ]


def session_address(identity: str) -> str:
    """Return the address of a session's page."""
    return f"/sessions/{quote(identity, safe='')}"


def _sections(row: RowMapping) -> Sequence[tuple[str, Sequence[Term]]]:
    session_id, checksum, first_byte = row["session_id"], row["settings_checksum"], row["first_byte_ms"]
    return (
        (
            "Who",
            (
                Term("Key", row["key_name"], f"/logs?{urlencode({'key': row['key_id']})}"),
                Term("Key id", row["key_id"], code=True),
                Term("Workspace", row["workspace_id"], code=True),
                Term("Session", session_id, session_id and session_address(session_id)),
                Term("Agent", row["agent_id"], code=True),
            ),
        ),
        (
            "Metadata",
            tuple(Term(name, value) for name, value in row["merged_metadata"].items()),
        ),
        (
            "Route",
            (
                Term("Path", row["path"], code=True),
                Term("Config", row["config"], row["config"] and f"/configs/{quote(row['config'], safe='')}"),
                Term("Target", row["target"], code=True),
                Term("Provider", row["provider"]),
                Term("Model asked", row["model_asked"]),
                Term("Model served", row["model_served"]),
                Term("Calls to providers", text.number(row["attempts"])),
                Term("Cache", row["cache_status"]),
            ),
        ),
        (
            "Use",
            (
                Term("Input tokens", _number(row["input_tokens"])),
                Term("Read from cache", _number(row["cache_read_tokens"])),
                Term("Written to cache", _number(row["cache_write_tokens"])),
                Term("Output tokens", _number(row["output_tokens"])),
                Term("Cost", None if row["cost_nano_usd"] is None else text.dollars(row["cost_nano_usd"])),
            ),
        ),
        (
            "Time and size",
            (
                Term("Latency", text.duration(row["latency_ms"])),
                Term("First byte after", None if first_byte is None else text.duration(first_byte)),
                Term("Streamed", "yes" if row["stream"] else "no"),
                Term("Request", text.size(row["request_bytes"])),
                Term("Answer", text.size(row["response_bytes"])),
            ),
        ),
        (
            "Client",
            (
                Term("Version", row["client_version"]),
                Term("User agent", row["user_agent"]),
                Term("Settings", checksum, checksum and f"/logs?{urlencode({'checksum': checksum})}"),
                Term("Trace", row["trace_id"], code=True),
            ),
        ),
    )


def _missing(what: str, why: str) -> Page:
    values = {"here": "/logs", "what": what, "why": why, "back": "/logs", "back_name": "To the log"}
    return Page("missing.html.j2", values, 404)


def _prompt(row: RowMapping) -> int | None:
    """Return all input tokens, those of the cache among them."""
    if row["input_tokens"] is None:
        return None
    return int(row["input_tokens"] + (row["cache_read_tokens"] or 0) + (row["cache_write_tokens"] or 0))


def _number(value: int | None) -> str | None:
    return None if value is None else text.number(value)

"""Which requests a call of the log, its exports or its analytics means, in both spellings.

`/v1/logs` is ours, and takes our names (`records.Filters`); exports and analytics take Portkey's
(facts/portkey.md 7): several values with commas between, money in cents. Portkey's filters by feedback,
prompt and span are refused, because nothing of the kind is logged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import from_json
from sqlalchemy import Connection

from gateway_client.bundled.admin.bodies import Moment
from gateway_client.bundled.admin.door import Call, forbidden, invalid
from gateway_client.bundled.store import workspaces
from gateway_client.bundled.store.records import EQUAL, Filters
from gateway_client.bundled.timestamps import stamp

PAGING = frozenset({"page_size", "pageSize", "current_page", "currentPage"})
NAMES = frozenset({*EQUAL, "model", "content", "since", "until"})
MOST_METADATA = 50
NANO_PER_CENT = 10_000_000
MOST_ROWS = 50_000
"""Rows of an export at most."""


def of_logs(call: Call) -> Filters:
    """Return the filters of a call of `/v1/logs`; what is no filter is refused.

    A misspelt one would show everything and look like an answer.
    """
    given = {name: value for name, value in call.query.items() if name not in PAGING}
    metadata = {
        name.removeprefix("metadata."): given.pop(name)
        for name in list(given)
        if name.startswith("metadata.")
    }
    problems = [f"{name[:64]}: unknown filter" for name in given if name not in NAMES]
    if len(metadata) > MOST_METADATA:
        problems.append(f"metadata: has more than {MOST_METADATA} keys")
    values: dict[str, Any] = {name: value for name, value in given.items() if name in NAMES}
    if "status" in values:
        text = values["status"]
        values["status"] = int(text) if text.isdecimal() and len(text) < 6 else None
        if values["status"] is None:
            problems.append("status: must be a number")
    for name in ("since", "until"):
        if name in values:
            values[name] = _moment(values[name])
            if values[name] is None:
                problems.append(f"{name}: must be a moment with its zone, like 2026-11-20T12:00:00Z")
    if problems:
        raise invalid(*problems)
    if call.within is not None:
        if values.get("workspace_id") not in (None, call.within):
            raise forbidden()
        values["workspace_id"] = call.within
    return Filters(metadata=metadata, **values)


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else stamp(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _object(value: object) -> object:
    """Read metadata, which comes as an object, or as text that holds one."""
    return from_json(value) if isinstance(value, str) else value


Count = Annotated[int, Field(ge=0, lt=2**53)]
Cents = Annotated[float, Field(ge=0, lt=2**53 / NANO_PER_CENT, allow_inf_nan=False)]
Several = Annotated[str, Field(max_length=10_000)]


class Wanted(BaseModel):
    """Portkey's filters, as a body or a query has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_of_generation_min: Moment | None = None
    time_of_generation_max: Moment | None = None
    total_units_min: Count | None = None
    total_units_max: Count | None = None
    cost_min: Cents | None = None
    cost_max: Cents | None = None
    prompt_token_min: Count | None = None
    prompt_token_max: Count | None = None
    completion_token_min: Count | None = None
    completion_token_max: Count | None = None
    ai_model: Several | None = None
    ai_org_model: Several | None = None
    api_key_ids: Several | None = None
    virtual_keys: Several | None = None
    configs: Several | None = None
    trace_id: Several | None = None
    status_code: Several | None = None
    metadata: Annotated[dict[str, str], Field(max_length=MOST_METADATA), BeforeValidator(_object)] | None = (
        None
    )
    workspace_slug: str | None = None
    page_size: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = None
    current_page: Annotated[int, Field(ge=0, le=10_000_000)] | None = None

    def filters(self, workspace_id: str | None, cache_status: tuple[str, ...] = ()) -> Filters:
        """Return what this means within one workspace (None: all of them); both ends of a time count.

        `cache_status`, where given, is asked for besides.
        """
        return Filters(
            metadata=self.metadata or {},
            workspace_id=workspace_id,
            since=stamp(self.time_of_generation_min) if self.time_of_generation_min else None,
            until=_after(self.time_of_generation_max),
            any_of=dict(self._any_of()) | ({"cache_status": cache_status} if cache_status else {}),
            at_least=dict(self._amounts("min")),
            at_most=dict(self._amounts("max")),
        )

    def _any_of(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, column in _COLUMNS.items():
            text = getattr(self, name)
            if text:
                yield column, tuple(part.strip() for part in text.split(","))

    def _amounts(self, end: str) -> Iterator[tuple[str, int]]:
        for name, column in _AMOUNTS.items():
            value = getattr(self, f"{name}_{end}")
            if value is not None:
                yield column, round(value * NANO_PER_CENT) if name == "cost" else value


_COLUMNS: Mapping[str, str] = {
    "ai_model": "model_served",
    "ai_org_model": "provider__model",
    "api_key_ids": "key_id",
    "virtual_keys": "provider",
    "configs": "config",
    "trace_id": "trace_id",
    "status_code": "status",
}
_AMOUNTS: Mapping[str, str] = {
    "total_units": "tokens",
    "cost": "cost_nano_usd",
    "prompt_token": "prompt_tokens",
    "completion_token": "output_tokens",
}


def _after(moment: datetime | None) -> str | None:
    """Return the next stamp: Portkey's end of a time is part of it, `until` is not."""
    try:
        return stamp(moment + timedelta(milliseconds=1)) if moment else None
    except OverflowError:  # the calendar's last moment has no next one
        return stamp(moment) if moment else None


def workspace(db: Connection, call: Call, reference: str | None) -> str:
    """Return the UUID of the workspace whose requests are meant, as Portkey has it.

    That is a key's own, whatever the call names; for an admin the one named by slug or UUID, else the
    default one. Raises 403 for one that is not there.
    """
    row = workspaces.find(db, call.within or reference or None)
    if row is None:
        raise forbidden()
    return str(row["id"])

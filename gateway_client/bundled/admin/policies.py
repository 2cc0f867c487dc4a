"""`/v1/policies/usage-limits` and `/v1/policies/rate-limits` (facts/portkey.md 6.5)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping

from gateway_client.bundled.admin import bodies, reach
from gateway_client.bundled.admin.door import (
    AdminRefusal,
    Answer,
    Call,
    Handler,
    Table,
    invalid,
    listing,
    paging,
)
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance import gates, periods
from gateway_client.bundled.store import meters, policies
from gateway_client.bundled.store.policies import ACTIVE, ARCHIVED, RATE, USAGE
from gateway_client.bundled.timestamps import stamp

PLACE = frozenset({"name", "workspace_id", "organisation_id"})
FILTERS: Mapping[str, tuple[str, ...]] = {USAGE: ("type",), RATE: ("type", "unit")}


def create_usage(gateway: Gateway, call: Call) -> Answer:
    """Set a budget for each group that its conditions and `group_by` make."""
    return _create(gateway, call, USAGE, bodies.read(bodies.UsagePolicyCreate, call.body))


def create_rate(gateway: Gateway, call: Call) -> Answer:
    """Set a rate limit for each group."""
    return _create(gateway, call, RATE, bodies.read(bodies.RatePolicyCreate, call.body))


def _create(
    gateway: Gateway, call: Call, kind: str, body: bodies.UsagePolicyCreate | bodies.RatePolicyCreate
) -> Answer:
    fields = {name: value for name, value in body.given().items() if name not in PLACE}
    with gateway.store.writing() as db:
        workspace = reach.home(db, call, body.workspace_id)
        identity = policies.create(
            db, kind, workspace_id=workspace["id"], name=body.name, body=fields, now=gateway.clock()
        )
    return {"id": identity, "object": _object(kind)}


def index(kind: str) -> Handler:
    """Make the listing of one kind; takes `status`, `workspace_id`, and fields of the limit."""

    def answer(gateway: Gateway, call: Call) -> Answer:
        """List policies."""
        offset, limit = paging(call.query)
        having = {name: call.query[name] for name in FILTERS[kind] if call.query.get(name)}
        with gateway.store.reading() as db:
            total, rows = policies.page(
                db,
                kind,
                workspace_id=reach.workspace_of(db, call),
                status=_status(call),
                having=having,
                offset=offset,
                limit=limit,
            )
        return listing(total, [_shown(gateway, row) for row in rows])

    return answer


def get(kind: str) -> Handler:
    """Make the look at one policy; `include_usage` adds what each group of a budget has used."""

    def answer(gateway: Gateway, call: Call) -> Answer:
        """Return one policy."""
        with gateway.store.reading() as db:
            row = _find(db, call, kind, _status(call))
        shown = _shown(gateway, row)
        if kind == USAGE and call.query.get("include_usage", "").lower() in ("true", "1"):
            usage = {group: _usage(row, amount) for group, amount in _groups(gateway, row).items()}
            return {**shown, "value_key_usage_map": usage}
        return shown

    return answer


def update_usage(gateway: Gateway, call: Call) -> Answer:
    """Change what is given; `reset_usage_for_value` names a group, whole or by its value alone."""
    body = bodies.read(bodies.UsagePolicyUpdate, call.body)
    with gateway.store.writing() as db:
        row = _find(db, call, USAGE)
        _change(gateway, db, row, body.given(), bodies.UsagePolicy)
    wanted = body.reset_usage_for_value
    if wanted is not None:
        for group in _groups(gateway, row):
            if wanted in (group, group.partition(":")[2]):
                gateway.governor.reset(row["id"], gateway.clock(), group)
    return {}


def update_rate(gateway: Gateway, call: Call) -> Answer:
    """Change what is given; what was counted in the present window stays counted."""
    body = bodies.read(bodies.RatePolicyUpdate, call.body)
    with gateway.store.writing() as db:
        _change(gateway, db, _find(db, call, RATE), body.given(), bodies.RatePolicy)
    return {}


def delete(kind: str) -> Handler:
    """Make the deletion: the policy is archived, what it counted is dropped."""

    def answer(gateway: Gateway, call: Call) -> Answer:
        """Take a policy out of force."""
        with gateway.store.writing() as db:
            identity = _find(db, call, kind)["id"]
            policies.archive(db, identity, gateway.clock())
            meters.remove(db, identity)
        gateway.governor.forget(identity)
        return {}

    return answer


def entities(gateway: Gateway, call: Call) -> Answer:
    """List the groups of a budget that have used something in the present period, by name."""
    offset, limit = paging(call.query)
    wanted, search = call.query.get("status"), call.query.get("search", "")
    if wanted not in (None, "", "active", "exhausted"):
        raise invalid("status: must be active or exhausted")
    with gateway.store.reading() as db:
        row = _find(db, call, USAGE)
    found = []
    for group, amount in sorted(_groups(gateway, row).items()):
        usage = _usage(row, amount)
        if search in group and wanted in (None, "", usage["status"]):
            identity = _entity_id(row["id"], group)
            found.append({"id": identity, "value_key": group, "current_usage": usage["current_usage"]})
    return listing(len(found), [*found[offset : offset + limit]])


def reset_entity(gateway: Gateway, call: Call) -> Answer:
    """Set what one group has used back to nothing."""
    with gateway.store.reading() as db:
        row = _find(db, call, USAGE)
    for group in _groups(gateway, row):
        if _entity_id(row["id"], group) == call.path["entity"]:
            gateway.governor.reset(row["id"], gateway.clock(), group)
            return {}
    raise _missing("Policy or entity not found")


def _find(db: Connection, call: Call, kind: str, status: str = ACTIVE) -> RowMapping:
    row = policies.find(db, kind, call.path["id"], status)
    if row is None:
        raise _missing("Policy not found")
    reach.check(call, row["workspace_id"])
    return row


def _missing(message: str) -> AdminRefusal:
    return AdminRefusal(404, "AB08", message)


def _status(call: Call) -> str:
    status = call.query.get("status") or ACTIVE
    if status not in (ACTIVE, ARCHIVED):
        raise invalid("status: must be active or archived")
    return status


def _change(
    gateway: Gateway,
    db: Connection,
    row: RowMapping,
    given: Mapping[str, Any],
    whole: type[bodies.UsagePolicy | bodies.RatePolicy],
) -> None:
    changed = {name: value for name, value in given.items() if name not in ("name", "reset_usage_for_value")}
    body = {**row["body"], **changed}
    bodies.read(whole, json.dumps(body).encode())  # what was given may contradict what stands
    policies.change(db, row["id"], name=given.get("name", row["name"]), body=body, now=gateway.clock())


def _groups(gateway: Gateway, row: RowMapping) -> Mapping[str, int]:
    return gateway.governor.used(row["id"], gateway.clock())


def _usage(row: RowMapping, amount: int) -> dict[str, Any]:
    dollars = row["body"]["type"] == "cost"
    return {
        "current_usage": amount / gates.NANO if dollars else amount,
        "status": "exhausted" if amount >= gates.credit(row["body"]) else "active",
        "is_threshold_alerts_sent": False,
        "is_exhausted_alerts_sent": False,
    }


def _entity_id(policy: str, group: str) -> str:
    return str(uuid.uuid5(uuid.UUID(policy), group))


def _object(kind: str) -> str:
    return f"policy_{kind.replace('-', '_')}"


def _shown(gateway: Gateway, row: RowMapping) -> dict[str, Any]:
    shown = {
        "id": row["id"],
        "name": row["name"],
        **row["body"],
        "status": row["status"],
        "workspace_id": row["workspace_id"],
        "organisation_id": gateway.store.organisation_id,
        "created_at": row["created_at"],
        "last_updated_at": row["last_updated_at"],
        "object": _object(row["kind"]),
    }
    if row["kind"] == RATE:
        return shown
    last = gateway.governor.last_reset(row["id"])
    period = periods.period_of(row["body"], row["created_at"], periods.MONDAY)
    following = period.next_reset(gateway.clock())
    unset = dict.fromkeys(("alert_threshold", "periodic_reset", "periodic_reset_days"))
    return {
        **unset,
        **shown,
        "next_usage_reset_at": stamp(following) if following else None,
        "last_reset_at": stamp(last) if last else None,
    }


TABLE: Table = (
    ("POST", f"/v1/policies/{USAGE}", create_usage),
    ("GET", f"/v1/policies/{USAGE}", index(USAGE)),
    ("GET", f"/v1/policies/{USAGE}/{{id}}", get(USAGE)),
    ("PUT", f"/v1/policies/{USAGE}/{{id}}", update_usage),
    ("DELETE", f"/v1/policies/{USAGE}/{{id}}", delete(USAGE)),
    ("GET", f"/v1/policies/{USAGE}/{{id}}/entities", entities),
    ("PUT", f"/v1/policies/{USAGE}/{{id}}/entities/{{entity}}/reset", reset_entity),
    ("POST", f"/v1/policies/{RATE}", create_rate),
    ("GET", f"/v1/policies/{RATE}", index(RATE)),
    ("GET", f"/v1/policies/{RATE}/{{id}}", get(RATE)),
    ("PUT", f"/v1/policies/{RATE}/{{id}}", update_rate),
    ("DELETE", f"/v1/policies/{RATE}/{{id}}", delete(RATE)),
)

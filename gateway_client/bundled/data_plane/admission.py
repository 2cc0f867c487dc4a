"""Who may use the data plane: the key check that every request begins with."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from gateway_client.bundled import credentials
from gateway_client.bundled.data_plane import metadata, refusals
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import RequestRecord
from gateway_client.bundled.timestamps import stamp

INVALID = "Portkey Error: Invalid API Key. Error Code: 03"


def admit(
    gateway: Gateway,
    headers: Mapping[str, str],
    path: str,
    trace_id: str,
    scopes: Collection[str] = ("completions.write",),
) -> Caller:
    """Return the caller, whose key has one of the scopes, or raise the refusal of facts/portkey.md 9.5.

    The admin token and keys of an organisation are refused here: they never call models. A known
    key's refusal is logged as any request of it; a stranger's gets an event line with the path.
    """
    presented = credentials.presented(headers)
    if presented is None:
        raise _turned_away(gateway, path, "no key", refusals.coded(401, INVALID, "03"))
    digest = credentials.digest(presented)
    if hmac.compare_digest(digest, gateway.admin_digest):
        raise _turned_away(gateway, path, "admin token", refusals.coded(403, "Forbidden!", "033"))
    caller = gateway.directory.caller_as_seen(digest)
    if caller is None:
        raise _turned_away(gateway, path, "unknown key", refusals.coded(401, INVALID, "03"))
    if caller.expired(gateway.clock()):
        refusal = refusals.coded(401, "Portkey API Key Expired", "01")
        _write_down(gateway, caller, headers, path, trace_id, refusal.status, "the key has expired")
        raise refusal
    if not set(caller.scopes).intersection(scopes) or caller.type.startswith("organisation-"):
        refusal = refusals.coded(403, "Forbidden!", "033")
        error = f"the key has none of the scopes {', '.join(scopes)}"
        if caller.type.startswith("organisation-"):
            error = "a key of the organisation never calls models"
        _write_down(gateway, caller, headers, path, trace_id, refusal.status, error)
        raise refusal
    return caller


def _turned_away(gateway: Gateway, path: str, who: str, refusal: Refusal) -> Refusal:
    gateway.logbook.strangers.add(stamp(gateway.clock()), refusal.status, who, path)
    return refusal


def _write_down(
    gateway: Gateway,
    caller: Caller,
    headers: Mapping[str, str],
    path: str,
    trace_id: str,
    status: int,
    error: str,
) -> None:
    claimed = metadata.of_header(headers.get("x-portkey-metadata"))
    logged = metadata.logged(metadata.merged(claimed, caller.metadata, caller.workspace_metadata))
    record = RequestRecord(
        time=stamp(gateway.clock()),
        trace_id=trace_id,
        workspace_id=caller.workspace_id,
        key_id=caller.key_id,
        key_name=caller.key_name,
        path=path[:128],
        status=status,
        outcome="refused",
        error=error,
        merged_metadata=logged,
        user_agent=headers.get("user-agent", "")[:256] or None,
        tenant=logged.get("tenant"),
        team=logged.get("team"),
        user=logged.get("user") or logged.get("_user"),
        env=logged.get("env"),
    )
    gateway.logbook.add(record)

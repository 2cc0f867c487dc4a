"""Who may use the data plane: the key check that every request begins with."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from gateway_client.bundled import credentials
from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.timestamps import stamp

INVALID = "Portkey Error: Invalid API Key. Error Code: 03"


def admit(
    gateway: Gateway, headers: Mapping[str, str], path: str, scopes: Collection[str] = ("completions.write",)
) -> Caller:
    """Return the caller, whose key has one of the scopes, or raise the refusal of facts/portkey.md 9.5.

    The admin token and keys of an organisation are refused here: they never call models. Who is refused
    gets an event line with the path that was asked for.
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
        raise _turned_away(gateway, path, "expired key", refusal, caller)
    if not set(caller.scopes).intersection(scopes) or caller.type.startswith("organisation-"):
        refusal = refusals.coded(403, "Forbidden!", "033")
        raise _turned_away(gateway, path, "key without the scope", refusal, caller)
    return caller


def _turned_away(
    gateway: Gateway, path: str, who: str, refusal: Refusal, caller: Caller | None = None
) -> Refusal:
    key_name = None if caller is None else caller.key_name
    gateway.logbook.strangers.add(stamp(gateway.clock()), refusal.status, who, key_name, path)
    return refusal

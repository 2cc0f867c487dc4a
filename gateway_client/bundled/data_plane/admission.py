"""Who may use the data plane: the key check that every request begins with."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from gateway_client.bundled import credentials
from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.store.keys import Caller

INVALID = "Portkey Error: Invalid API Key. Error Code: 03"


def admit(
    gateway: Gateway, headers: Mapping[str, str], scopes: Collection[str] = ("completions.write",)
) -> Caller:
    """Return the caller, whose key has one of the scopes, or raise the refusal of facts/portkey.md 9.5.

    The admin token and keys of an organisation are refused here: they never call models.
    """
    presented = credentials.presented(headers)
    if presented is None:
        raise refusals.coded(401, INVALID, "03")
    digest = credentials.digest(presented)
    if hmac.compare_digest(digest, gateway.admin_digest):
        raise refusals.coded(403, "Forbidden!", "033")
    caller = gateway.directory.caller_as_seen(digest)
    if caller is None:
        raise refusals.coded(401, INVALID, "03")
    if caller.expired(gateway.clock()):
        raise refusals.coded(401, "Portkey API Key Expired", "01")
    if not set(caller.scopes).intersection(scopes) or caller.type.startswith("organisation-"):
        raise refusals.coded(403, "Forbidden!", "033")
    return caller

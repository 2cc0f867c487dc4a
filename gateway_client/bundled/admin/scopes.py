"""Who makes an admin call, and which scope each route asks for (facts/portkey.md 8).

A scope is `<resource>.<verb>`. The resource follows from a route's path, the verb from its method;
what Portkey names otherwise stands in `NAMED`. `list` does not imply `read`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway_client.bundled.store.keys import Caller

KEYS: Final = ("organisation_service_api_keys", "workspace_service_api_keys", "workspace_user_api_keys")
"""A route of keys takes a scope for any of the kinds; its handler asks for the one of the key it finds."""

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "/v1/api-keys": KEYS,
    "/v1/configs": ("configs",),
    "/v1/admin/workspaces/{id}/users": ("workspace_users",),
    "/v1/admin/workspaces": ("workspaces",),
    "/v1/admin/users": ("organisation_users",),
    "/v1/providers": ("providers",),
    "/v1/virtual-keys": ("virtual_keys",),
    "/v1/integrations": ("organisation_integrations", "workspace_integrations"),
    "/v1/mcp-servers": ("mcp_servers",),
    "/v1/mcp-integrations": ("mcp_integrations",),
    "/v1/policies": ("policies",),
    "/v1/guardrails": ("guardrails",),
    "/v1/logs": ("logs",),
    "/v1/analytics": ("analytics",),
    "/v1/audit": ("audit_logs",),
    "/v1/audit-logs": ("audit_logs",),
}
VERBS: Mapping[str, str] = {"POST": "create", "PUT": "update", "DELETE": "delete"}
ACTIONS: Mapping[str, str] = {"rotate": "rotate", "reset": "update", "resend": "create"}
"""The last part of a path that is no resource, and the verb that it is an instance of."""
NAMED: Mapping[tuple[str, str], str] = {("POST", "/v1/logs"): "logs.write", ("GET", "/v1/logs"): "logs.list"}
PREFIXED: Mapping[str, str] = {
    "/v1/logs/exports": "logs.export",
    "/v1/logs": "logs.view",
    "/v1/analytics": "analytics.view",
}

ORGANISATION: Final = frozenset(
    {
        *("organisation_users", "organisation_service_api_keys", "organisation_integrations", "audit_logs"),
        *("workspaces.create", "workspaces.delete"),
        *("workspace_integrations.create", "workspace_integrations.update", "workspace_integrations.delete"),
    }
)
"""Resources and scopes of the organisation: a workspace's key has no part in them, whatever it was given."""
DATA_PLANE: Final = frozenset(
    {
        "completions.write",
        "mcp.invoke",
        "guardrails.invoke",
        "prompts.render",
        "agents.invoke",
        "logs.write",
        "feedback.write",
    }
)
"""What keys of a workspace use a gateway with; an organisation's key hands it out without having it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes an admin call.

    `scopes` None stands for every scope (the admin token, which is no key). `within` is the UUID of the
    only workspace that the caller may touch, None for all of them.
    """

    scopes: frozenset[str] | None
    within: str | None = None
    key_id: str | None = None

    @property
    def name(self) -> str:
        """Return who it was, for the audit."""
        return self.key_id or "admin token"

    def may(self, *scopes: str) -> bool:
        """Tell whether the caller has one of the scopes."""
        mine = self.scopes
        return mine is None or any(scope in mine for scope in scopes)

    def may_hand_out(self, scopes: tuple[str, ...]) -> bool:
        """Tell whether the caller may let a key have these scopes: nobody gives what they lack."""
        if self.scopes is None:
            return True
        own = self.scopes if self.within is not None else self.scopes | DATA_PLANE
        return own.issuperset(scopes)


ROOT: Final = Principal(scopes=None)
"""The holder of the admin token."""


def principal(caller: Caller) -> Principal:
    """Return what a key may do here.

    A workspace's key acts in its workspace only; a user's key manages no keys.
    """
    scopes = frozenset(caller.scopes)
    if caller.type == "organisation-service":
        return Principal(scopes, key_id=caller.key_id)
    without = ORGANISATION.union(KEYS if caller.type == "workspace-user" else ())
    kept = {scope for scope in scopes if without.isdisjoint((scope, scope.rpartition(".")[0]))}
    return Principal(frozenset(kept), caller.workspace_id, caller.key_id)


def of_route(method: str, path: str) -> tuple[str, ...]:
    """Return the scopes of which a call of a route needs one. Raises KeyError for an unknown resource."""
    if (method, path) in NAMED:
        return (NAMED[method, path],)
    for prefix, scope in PREFIXED.items():
        if _below(path, prefix):
            return (scope,)
    resource = next(prefix for prefix in (*RESOURCES, path) if _below(path, prefix))
    last = path.rpartition("/")[2]
    if last in ACTIONS:
        verb = ACTIONS[last]
    elif method == "GET":
        verb = "read" if last.startswith("{") else "list"
    else:
        verb = VERBS[method]
    return tuple(f"{name}.{verb}" for name in RESOURCES[resource])


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")

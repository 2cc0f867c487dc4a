"""The paths of the admin API: each room has a table of its own."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, request_response

from gateway_client.bundled.admin import (
    analytics,
    api_keys,
    configs,
    guardrails,
    integrations,
    invites,
    log_exports,
    mcp_servers,
    members,
    openapi,
    policies,
    providers,
    records,
    scopes,
    users,
    workspaces,
)
from gateway_client.bundled.admin.door import Table, endpoint
from gateway_client.bundled.faults import Trouble, Troubled
from gateway_client.bundled.settings import Faults

TABLE: Table = (
    *api_keys.TABLE,
    *configs.TABLE,
    *members.TABLE,
    *workspaces.TABLE,
    *invites.TABLE,
    *users.TABLE,
    *providers.TABLE,
    *integrations.TABLE,
    *mcp_servers.TABLE,
    *guardrails.TABLE,
    *policies.TABLE,
    *log_exports.TABLE,
    *records.TABLE,
    *analytics.TABLE,
)


def routes(faults: Faults) -> list[BaseRoute]:
    """Return the routes of the admin API, with what is to go wrong with them."""
    trouble = Trouble(faults)
    found: list[BaseRoute] = [Route("/v1/openapi.json", openapi.serve(TABLE), methods=["GET"])]
    found.append(Route("/v1/logs/exports/{id}/file", log_exports.file, methods=["GET"]))
    for method, path, handler in TABLE:
        answer = endpoint(handler, scopes.of_route(method, path))
        app = Troubled(trouble, request_response(answer)) if faults else answer
        found.append(Route(path, app, methods=[method]))
    return found

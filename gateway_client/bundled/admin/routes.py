"""The paths of the admin API: each room has a table of its own."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from gateway_client.bundled.admin import api_keys, configs, providers, records, workspaces
from gateway_client.bundled.admin.door import Table, endpoint

TABLE: Table = (
    *api_keys.TABLE,
    *configs.TABLE,
    *workspaces.TABLE,
    *providers.TABLE,
    *records.TABLE,
)


def routes() -> list[BaseRoute]:
    """Return the routes of the admin API."""
    return [Route(path, endpoint(handler), methods=[method]) for method, path, handler in TABLE]

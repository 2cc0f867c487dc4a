"""The paths of the admin API."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from gateway_client.bundled.admin import api_keys, configs, providers, records, workspaces
from gateway_client.bundled.admin.door import Handler, endpoint

TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/api-keys/{id}/rotate", api_keys.rotate),
    ("POST", "/v1/api-keys/{type}/{sub_type}", api_keys.create),
    ("GET", "/v1/api-keys", api_keys.index),
    ("GET", "/v1/api-keys/{id}", api_keys.get),
    ("PUT", "/v1/api-keys/{id}", api_keys.update),
    ("DELETE", "/v1/api-keys/{id}", api_keys.delete),
    ("POST", "/v1/configs", configs.create),
    ("GET", "/v1/configs", configs.index),
    ("GET", "/v1/configs/{slug}", configs.get),
    ("PUT", "/v1/configs/{slug}", configs.update),
    ("DELETE", "/v1/configs/{slug}", configs.delete),
    ("GET", "/v1/configs/{slug}/versions", configs.versions),
    ("POST", "/v1/admin/workspaces", workspaces.create),
    ("GET", "/v1/admin/workspaces", workspaces.index),
    ("GET", "/v1/admin/workspaces/{id}", workspaces.get),
    ("PUT", "/v1/admin/workspaces/{id}", workspaces.update),
    ("DELETE", "/v1/admin/workspaces/{id}", workspaces.delete),
    ("GET", "/v1/providers", providers.index),
    ("GET", "/v1/providers/{slug}", providers.get),
    ("GET", "/v1/logs", records.logs),
    ("GET", "/v1/audit", records.audit),
)


def routes() -> list[BaseRoute]:
    """Return the routes of the admin API; the first that fits answers, so rotate stands before create."""
    return [Route(path, endpoint(handler), methods=[method]) for method, path, handler in TABLE]

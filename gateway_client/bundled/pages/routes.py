"""The paths of the pages."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from gateway_client.bundled.pages import analytics, configs, keys, logs, revisions
from gateway_client.bundled.pages.door import SIGN_IN, SIGN_OUT, Door, style


def routes() -> list[BaseRoute]:
    """Return the routes of the pages."""
    door = Door()
    pages = {
        "/logs": logs.index,
        "/logs/{id}": logs.one,
        "/sessions/{id:path}": logs.session,
        "/analytics": analytics.index,
        "/keys": keys.index,
        "/configs": configs.index,
        "/configs/{reference}": configs.one,
        "/revisions": revisions.index,
    }
    return [
        Route(SIGN_IN, door.form, methods=["GET"]),
        Route(SIGN_IN, door.sign_in, methods=["POST"]),
        Route(SIGN_OUT, door.sign_out, methods=["POST"]),
        Route("/pages.css", style, methods=["GET"]),
        *(Route(path, door.page(handler), methods=["GET"]) for path, handler in pages.items()),
    ]

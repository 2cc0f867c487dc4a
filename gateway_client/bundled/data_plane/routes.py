"""The paths of the data plane beside those of `front`; each is served at the root and under `/anthropic`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.data_plane.front import PREFIXES
from gateway_client.bundled.data_plane.models import models
from gateway_client.bundled.gateway import Gateway


def routes() -> list[BaseRoute]:
    """Return the routes of the data plane that need no speed."""
    found: list[BaseRoute] = []
    for prefix in PREFIXES:
        found.append(Route(f"{prefix}/v1/models", models, methods=["GET"]))
        found.append(Route(f"{prefix}/", greeting, methods=["GET"]))
    found.append(Route("/anthropic", greeting, methods=["GET"]))
    return found


async def greeting(request: Request) -> Response:
    """Answer the warm-up that clients send to the base URL; `HEAD` gets the same without its body."""
    gateway: Gateway = request.app.state.gateway
    return JSONResponse({"product": PRODUCT, "version": gateway.version})

"""The paths of the data plane; each is served at the root and under `/anthropic`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.data_plane.admission import admit
from gateway_client.bundled.data_plane.exchange import Exchange
from gateway_client.bundled.data_plane.prices import PRICES
from gateway_client.bundled.gateway import Gateway

PREFIXES = ("", "/anthropic")


def routes() -> list[BaseRoute]:
    """Return the routes of the data plane."""
    found: list[BaseRoute] = []
    for prefix in PREFIXES:
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            found.append(Route(prefix + path, _exchange(path), methods=["POST"]))
        found.append(Route(f"{prefix}/v1/models", models, methods=["GET"]))
        found.append(Route(f"{prefix}/", greeting, methods=["GET"]))
    found.append(Route("/anthropic", greeting, methods=["GET"]))
    return found


def models(request: Request) -> Response:
    """List the models with a known price, in Anthropic's shape; one page holds all of them.

    What a key may call is not known from here: a config can pin any model.
    """
    admit(request.app.state.gateway, request.headers)
    listed = [
        # An epoch stands for an unknown release date, as in Anthropic's own listing.
        {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
        for name in PRICES
    ]
    ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
    return JSONResponse({"data": listed, **ends, "has_more": False})


def greeting(request: Request) -> Response:
    """Answer the warm-up that clients send to the base URL; `HEAD` gets the same without its body."""
    gateway: Gateway = request.app.state.gateway
    return JSONResponse({"product": PRODUCT, "version": gateway.version})


def _exchange(path: str) -> Callable[[Request], Awaitable[ASGIApp]]:
    async def endpoint(request: Request) -> ASGIApp:
        gateway: Gateway = request.app.state.gateway
        return Exchange(gateway, admit(gateway, request.headers), request, path)

    return endpoint

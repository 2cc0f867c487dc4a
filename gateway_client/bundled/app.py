"""The application factory: settings and an open store in, an ASGI application out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib import metadata
from random import Random

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway_client.bundled import PRODUCT, credentials
from gateway_client.bundled.admin.door import AdminRefusal
from gateway_client.bundled.admin.routes import routes as admin_routes
from gateway_client.bundled.bugs import Caught
from gateway_client.bundled.data_plane.front import Front
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.data_plane.routes import routes as data_plane_routes
from gateway_client.bundled.directory import Directory
from gateway_client.bundled.faults import Dated, skewed
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance.governor import Governor
from gateway_client.bundled.guardrails.model_lists import ModelLists
from gateway_client.bundled.guardrails.screens import Screens
from gateway_client.bundled.mcp.routes import routes as mcp_routes
from gateway_client.bundled.pages.door import no_page
from gateway_client.bundled.pages.routes import routes as page_routes
from gateway_client.bundled.request_body import TooSlow
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.logbook import Logbook
from gateway_client.bundled.timestamps import Clock, wall_clock
from gateway_client.bundled.trace import Traced
from gateway_client.bundled.upstreams.catalog import Catalog
from gateway_client.bundled.upstreams.port import Upstream


def create_app(
    settings: GatewaySettings,
    store: Store,
    *,
    clock: Clock = wall_clock,
    upstreams: Mapping[str, Upstream] | None = None,
    chance: Random | None = None,
) -> ASGIApp:
    """Return the gateway as an ASGI application with a lifespan; the caller closes the store.

    `upstreams` replaces who answers for some slugs, `chance` what load balancing draws from.
    """
    clock = skewed(clock, settings.faults.clock_skew)
    governor = Governor(store, clock())
    catalog = Catalog(settings, store, upstreams)
    gateway = Gateway(
        settings=settings,
        store=store,
        directory=Directory(store, clock, settings.faults.revocation_delay),
        governor=governor,
        screens=Screens(store, lambda: catalog.known().families),
        model_lists=ModelLists(store),
        logbook=Logbook(store, governor, clock, settings.retention_days),
        clock=clock,
        catalog=catalog,
        chance=chance or Random(),  # noqa: S311  # spreads load, decides nothing secret
        admin_digest=credentials.digest(settings.admin_token),
        version=_version(),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        gateway.logbook.start()
        try:
            yield
        finally:
            await gateway.catalog.close()
            gateway.logbook.close()

    app = Starlette(
        routes=[
            Route("/v1/health", health, methods=["GET"]),
            Route("/v1/ready", ready, methods=["GET"]),
            *data_plane_routes(),
            *admin_routes(settings.faults),
            *mcp_routes(),
            *page_routes(),
        ],
        middleware=[Middleware(Traced), Middleware(Caught)],
        exception_handlers={
            Refusal: _refused,
            AdminRefusal: _refused,
            HTTPException: _no_such_route,
            ClientDisconnect: _nobody_there,
            TooSlow: _too_slow,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # clients follow no redirect with their key, and should not
    app.state.gateway = gateway
    front = Front(gateway, app)
    return Dated(front, clock) if settings.faults.clock_skew else front


async def health(request: Request) -> Response:
    """Tell that the gateway is up, and which one it is; asks for no credential."""
    gateway: Gateway = request.app.state.gateway
    return JSONResponse(
        {
            "status": "success",
            "message": "Server is healthy",
            "version": gateway.version,
            "product": PRODUCT,
            "instance_id": gateway.store.instance_id,
        }
    )


async def ready(request: Request) -> Response:
    """Tell whether requests should be sent here: 503 where the log is not written, or far behind."""
    gateway: Gateway = request.app.state.gateway
    if gateway.logbook.ready():
        return JSONResponse({"status": "success", "message": "Server is ready"})
    return JSONResponse({"status": "failure", "message": "The log is not being written"}, status_code=503)


def _version() -> str:
    try:
        return metadata.version("provision")
    except metadata.PackageNotFoundError:
        return "0+checkout"


def _refused(_request: Request, refusal: Exception) -> Response:
    if isinstance(refusal, Refusal | AdminRefusal):
        return refusal.response()
    raise refusal


def _no_such_route(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 404
    of_an_api = request.scope["path"].startswith(("/v1/", "/anthropic/"))
    if status == 404 and not of_an_api and "text/html" in request.headers.get("accept", ""):
        return no_page(request)
    message = f"{request.method} {request.scope['path'][:128]} is not served here"
    return AdminRefusal(status, "AB08" if status == 404 else "AB02", message).response()


def _too_slow(_request: Request, exc: Exception) -> Response:
    response = AdminRefusal(408, "AB01", str(exc)).response()
    response.headers["connection"] = "close"  # what is left of the body is not worth waiting for
    return response


def _nobody_there(_request: Request, _exc: Exception) -> Response:
    return Response(status_code=400)

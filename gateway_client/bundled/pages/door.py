"""The door to every page: the admin token by a form, then a cookie for eight hours.

Nothing but signing in and out is asked by POST. The cookie is never sent along from another site, and
a POST that a browser says comes from one is refused besides.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway_client.bundled import credentials
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.pages.rendering import STYLE, render
from gateway_client.bundled.pages.signing_in import LIFE, Attempts, SignedIn, TooMany
from gateway_client.bundled.request_body import TooLong, TooSlow, read_body
from gateway_client.bundled.store.records import AdminRecord
from gateway_client.bundled.timestamps import stamp

MAX_FORM = 8192
SIGN_IN, SIGN_OUT, FIRST_PAGE = "/sign-in", "/sign-out", "/logs"
PAGES = (FIRST_PAGE, "/sessions", "/analytics", "/keys", "/configs", "/revisions")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody wants to see: the parts of the path, and the question behind it."""

    path: Mapping[str, Any]
    query: ImmutableMultiDict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown: a template and its values."""

    template: str
    values: Mapping[str, object]
    status: int = 200


Handler = Callable[[Gateway, Visit], Page]


class Door:
    """Lets admins in, and everybody else to the sign-in page. One per gateway."""

    def __init__(self) -> None:
        self._signed_in = SignedIn()
        self._attempts = Attempts()

    def page(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Make a route of a handler, which runs in a thread and may use the store at leisure."""

        async def answer(request: Request) -> Response:
            gateway: Gateway = request.app.state.gateway
            if not self._lets_in(request):
                query = request.scope["query_string"].decode("latin-1")
                asked = quote(request.scope["path"]) + (f"?{query}" if query else "")
                return _see(f"{SIGN_IN}?{urlencode({'next': asked})}" if len(asked) < 2000 else SIGN_IN)
            if "" in request.query_params.values():
                # A form sends its empty fields along; an address without them can be read and passed on.
                said = [(name, value) for name, value in request.query_params.multi_items() if value]
                return _see(quote(request.scope["path"]) + (f"?{urlencode(said)}" if said else ""))
            visit = Visit(request.path_params, request.query_params)
            return await run_in_threadpool(_page, gateway, handler, visit)

        return answer

    async def form(self, request: Request) -> Response:
        """Show the form that asks for the token; who is signed in already is sent on."""
        onward = _local(request.query_params.get("next"))
        return _see(onward) if self._lets_in(request) else _form(request, onward)

    async def sign_in(self, request: Request) -> Response:
        """Compare the token, and hand out the cookie."""
        status = 400
        try:
            response = await self._sign_in(request)
            status = response.status_code
        finally:
            _audit(request, status)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session here and in the browser."""
        if not _of_this_site(request):
            return _form(request, FIRST_PAGE, 403, "That came from another site. Nothing was done.")
        name = _cookie(request)
        self._signed_in.end(request.cookies.get(name))
        response = _see(SIGN_IN)
        response.delete_cookie(name, path="/", secure=_secure(request), httponly=True, samesite="strict")
        _audit(request, response.status_code)
        return response

    async def _sign_in(self, request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        if not _of_this_site(request):
            return _form(request, FIRST_PAGE, 403, "That came from another site. Sign in here.")
        try:
            fields = parse_qs((await read_body(request, MAX_FORM)).decode("utf-8", "replace"))
        except (TooLong, TooSlow) as exc:
            status = 413 if isinstance(exc, TooLong) else 408
            response = _form(request, FIRST_PAGE, status, f"Nothing was read: {exc}.")
            response.headers["connection"] = "close"  # the rest of the body is not waited for
            return response
        onward = _local(fields.get("next", [""])[0])
        digest = credentials.digest(SecretStr(fields.get("token", [""])[0].strip()))
        address = request.client.host if request.client else "an unknown address"
        try:
            failures = await self._attempts.attempt(
                address, lambda: hmac.compare_digest(digest, gateway.admin_digest)
            )
        except TooMany:
            return _form(request, onward, 429, "Too many attempts at once. Wait a few seconds.")
        if failures:
            _log.warning("sign-in refused: wrong admin token from %s, %d in a row", address, failures)
            return _form(request, onward, 401, "This is not the admin token of this gateway.")
        _log.info("signed in to the pages from %s", address)
        response = _see(onward)
        response.set_cookie(
            _cookie(request),
            self._signed_in.begin(gateway.clock()),
            max_age=int(LIFE.total_seconds()),
            path="/",
            secure=_secure(request),
            httponly=True,
            samesite="strict",
        )
        return response

    def _lets_in(self, request: Request) -> bool:
        now = request.app.state.gateway.clock()
        return self._signed_in.holds(request.cookies.get(_cookie(request)), now)


async def style(_request: Request) -> Response:
    """Return the stylesheet, which every page names by its digest."""
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(STYLE, media_type="text/css", headers=headers)


def no_page(request: Request) -> Response:
    """Answer somebody whose browser asks for an address where nothing is."""
    why = "Nothing is served at this address. It may be mistyped."
    words = {"what": "No such page", "why": why, "back": FIRST_PAGE, "back_name": "To the log"}
    version = request.app.state.gateway.version
    return HTMLResponse(render("missing.html.j2", version=version, here="", **words), 404, HEADERS)


def _page(gateway: Gateway, handler: Handler, visit: Visit) -> Response:
    page = handler(gateway, visit)
    html = render(page.template, version=gateway.version, **page.values)
    return HTMLResponse(html, page.status, HEADERS)


def _form(request: Request, onward: str, status: int = 200, problem: str | None = None) -> Response:
    version = request.app.state.gateway.version
    html = render("sign_in.html.j2", version=version, onward=onward, problem=problem)
    return HTMLResponse(html, status, HEADERS)


def _see(address: str) -> Response:
    return RedirectResponse(address, 303, HEADERS)


def _local(address: str | None) -> str:
    """Return where to go on: one of the pages, never what leads elsewhere (`//host`, `/\\host`)."""
    if address and address.isascii() and address.isprintable():
        path = address.split("?", 1)[0]
        if "\\" not in path and any(path == page or path.startswith(f"{page}/") for page in PAGES):
            return address
    return FIRST_PAGE


def _of_this_site(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _cookie(request: Request) -> str:
    """Name the cookie for its gateway: browsers share cookies between the ports of a host."""
    gateway: Gateway = request.app.state.gateway
    return f"{'__Host-' if _secure(request) else ''}gateway-{gateway.store.instance_id[:8]}"


def _audit(request: Request, status: int) -> None:
    gateway: Gateway = request.app.state.gateway
    gateway.logbook.add(AdminRecord(stamp(gateway.clock()), "POST", request.scope["path"], status))

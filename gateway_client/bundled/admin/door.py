"""The door to every admin route: who calls, what it says, what was answered, and the audit of it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway_client.bundled import credentials
from gateway_client.bundled.admin import scopes
from gateway_client.bundled.admin.scopes import Principal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.request_body import TooLong, TooSlow, read_body
from gateway_client.bundled.store.records import AdminRecord
from gateway_client.bundled.timestamps import stamp

MAX_BODY = 1024 * 1024
PAGE, MAX_PAGE = 50, 1000

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One admin call, whose caller has a scope of its route.

    `body` is the JSON text as it came, `{}` where there was none. Handlers must keep to `within`:
    the UUID of the only workspace that the caller may read or change, None for all of them.
    `origin` is the gateway's URL as the caller wrote it, without a slash at the end.
    `reach` has the checks: `workspace_of` for listings, `home` for new things, `check` for found ones.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    principal: Principal
    origin: str

    @property
    def within(self) -> str | None:
        """Return the UUID of the caller's only workspace, or None."""
        return self.principal.within


Handler = Callable[[Gateway, Call], Answer]
Table = tuple[tuple[str, str, Handler], ...]
"""Method, path and handler of each route of a room; the first that fits answers."""


class AdminRefusal(Exception):
    """An admin call ends here (facts/portkey.md 3.2)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        """Return the answer in Portkey's admin shape."""
        data = {"message": self.message, "errorCode": self.code}
        return JSONResponse({"success": False, "data": data}, status_code=self.status)


def invalid(*problems: str) -> AdminRefusal:
    """Refuse a call for what it says, all problems in one message."""
    return AdminRefusal(400, "AB01", "; ".join(problems))


def forbidden() -> AdminRefusal:
    """Refuse what the caller may not touch; a thing that is not there reads the same, as on Portkey."""
    return AdminRefusal(403, "AB03", "You do not have enough permissions to execute this request")


def conflict(message: str) -> AdminRefusal:
    """Refuse what clashes with something that exists."""
    return AdminRefusal(409, "AB07", message)


def listing(total: int, data: list[Answer]) -> Answer:
    """Return one page in Portkey's envelope."""
    return {"object": "list", "total": total, "data": data}


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    """Return offset and limit from `page_size|pageSize` and `current_page|currentPage` (0-based)."""
    size = _number(query, ("page_size", "pageSize"), default=PAGE, least=1, most=MAX_PAGE)
    page = _number(query, ("current_page", "currentPage"), default=0, least=0, most=10_000_000)
    return size * page, size


def endpoint(handler: Handler, wanted: tuple[str, ...]) -> Callable[[Request], Awaitable[Response]]:
    """Make a route of a handler, which runs in a thread and may use the store at leisure.

    The caller needs one of the wanted scopes.
    """

    async def answer(request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        status, principal = 500, None
        try:
            principal = authorise(gateway, request.headers)
            if not principal.may(*wanted):
                raise forbidden()
            body = await read_body(request, MAX_BODY)
            origin = str(request.base_url).rstrip("/")
            call = Call(request.path_params, request.query_params, body or b"{}", principal, origin)
            async with gateway.admin_turns:
                answered = await run_in_threadpool(handler, gateway, call)
            response: Response = JSONResponse(answered)
            status = response.status_code
        except (TooLong, TooSlow) as exc:
            status = 413 if isinstance(exc, TooLong) else 408
            response = AdminRefusal(status, "AB01", str(exc)).response()
            response.headers["connection"] = "close"  # the rest of the body is not waited for
        except AdminRefusal as refusal:
            status, response = refusal.status, refusal.response()
        finally:
            path, caller = request.scope["path"][:512], principal.name if principal else None
            gateway.logbook.add(AdminRecord(stamp(gateway.clock()), request.method, path, status, caller))
        return response

    return answer


def authorise(gateway: Gateway, headers: Mapping[str, str]) -> Principal:
    """Return who calls, with what they may do; raises 401 AB05 for nobody we know."""
    presented = credentials.presented(headers)
    digest = credentials.digest(presented) if presented else ""
    if hmac.compare_digest(digest, gateway.admin_digest):
        return scopes.ROOT
    caller = gateway.directory.caller(digest) if presented else None
    if caller is None or caller.expired(gateway.clock()):
        raise AdminRefusal(401, "AB05", "Unauthorized: this is neither the admin token nor a key that works")
    return scopes.principal(caller)


def _number(query: Mapping[str, str], names: tuple[str, ...], *, default: int, least: int, most: int) -> int:
    given = next(((name, query[name]) for name in names if query.get(name)), None)
    if given is None:
        return default
    name, text = given
    number = int(text) if text.isdecimal() and len(text) < 9 else -1
    if not least <= number <= most:
        raise invalid(f"{name}: must be a number from {least} to {most}")
    return number

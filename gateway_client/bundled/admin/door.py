"""The door to every admin route: who calls, what it says, what was answered, and the audit of it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from gateway_client.bundled import credentials, faults
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.request_body import TooLong, read_body
from gateway_client.bundled.store import keys
from gateway_client.bundled.store.records import AdminRecord
from gateway_client.bundled.timestamps import stamp

CHANGING = frozenset({"POST", "PUT", "DELETE"})
MAX_BODY = 1024 * 1024
PAGE, MAX_PAGE = 50, 1000

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One admin call. `body` is the JSON text as it came, `{}` where there was none."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


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


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[ASGIApp]]:
    """Make a route of a handler, which runs in a thread and may use the store at leisure."""

    async def answer(request: Request) -> ASGIApp:
        gateway: Gateway = request.app.state.gateway
        number = request.app.state.changes.next() if request.method in CHANGING else 0
        if number in gateway.settings.faults.drop_before:
            return faults.dropped
        status = 500
        try:
            response = await _respond(gateway, handler, request)
            status = response.status_code
        finally:
            gateway.logbook.add(
                AdminRecord(stamp(gateway.clock()), request.method, request.scope["path"][:512], status)
            )
        return faults.dropped if number in gateway.settings.faults.drop_after else response

    return answer


async def _respond(gateway: Gateway, handler: Handler, request: Request) -> Response:
    try:
        _authorise(gateway, request.headers)
        body = await read_body(request, MAX_BODY)
        call = Call(request.path_params, request.query_params, body or b"{}")
        return JSONResponse(await run_in_threadpool(handler, gateway, call))
    except TooLong as exc:
        return AdminRefusal(413, "AB01", str(exc)).response()
    except AdminRefusal as refusal:
        return refusal.response()


def _authorise(gateway: Gateway, headers: Mapping[str, str]) -> None:
    presented = credentials.presented(headers)
    digest = credentials.digest(presented) if presented else ""
    if hmac.compare_digest(digest, gateway.admin_digest):
        return
    with gateway.store.reading() as db:
        if keys.caller(db, digest, gateway.clock()) is not None:
            raise forbidden()
    raise AdminRefusal(401, "AB05", "Unauthorized: this is not the admin token of this gateway")


def _number(query: Mapping[str, str], names: tuple[str, ...], *, default: int, least: int, most: int) -> int:
    given = next(((name, query[name]) for name in names if query.get(name)), None)
    if given is None:
        return default
    name, text = given
    number = int(text) if text.isdecimal() and len(text) < 9 else -1
    if not least <= number <= most:
        raise invalid(f"{name}: must be a number from {least} to {most}")
    return number

"""The short way in for requests to a model: past middleware, router and request objects, which do
nothing for them that is not done here.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway_client.bundled import bugs, trace
from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.data_plane.admission import admit
from gateway_client.bundled.data_plane.exchange import Exchange
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.gateway import Gateway

PREFIXES = ("", "/anthropic")
PATHS = {prefix + path: path for prefix in PREFIXES for path in ("/v1/messages", "/v1/messages/count_tokens")}
"""What is answered here, and the path that goes to a provider."""


class Front:
    """Answers requests to a model itself, and leaves all others to an application behind it."""

    def __init__(self, gateway: Gateway, app: ASGIApp) -> None:
        self._gateway = gateway
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = PATHS.get(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self._app(scope, receive, send)
            return
        headers = read_headers(scope["headers"])
        trace_id = trace.trace_id(headers.get(trace.HEADER))
        exchange: Exchange | None = None
        try:
            if scope["method"] != "POST":
                raise refusals.plain(f"{scope['method']} is not served here", 405)
            caller = admit(self._gateway, headers, scope["path"], trace_id)
            exchange = Exchange(self._gateway, caller, scope, headers, path, trace_id)
            await exchange.run(receive, send)
            return
        except Refusal as refusal:
            response = refusal.response()
        except Exception as exc:  # noqa: BLE001  # a boundary: told in the log, and to the client as 500
            response = bugs.answer(exc, begun=exchange is not None and exchange.begun)
        response.headers[trace.HEADER] = trace_id
        await response(scope, receive, send)


def read_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by their names in lower case, those of one name as one list (RFC 9110, 5.3).

    So a credential that is given twice is none that we know, and not one of two by chance.
    """
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers

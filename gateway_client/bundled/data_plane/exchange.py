"""One request carried out: targets tried, the answer passed on as it comes, and written down.

The whole of it runs beside a watch on the client: when the client goes away, the upstream call is
cancelled, and the log says so.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from gateway_client.bundled.data_plane import binding, metadata, prices, refusals
from gateway_client.bundled.data_plane.calling import Answered, Calling
from gateway_client.bundled.data_plane.dispatch import Dispatch, Incoming
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.data_plane.usage import Tap
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.request_body import TooLong, read_body
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import Outcome, RequestRecord
from gateway_client.bundled.timestamps import stamp
from gateway_client.bundled.upstreams.port import Broken, Reply

PASSED_BACK = frozenset({"content-type", "content-encoding", "request-id", "retry-after", "x-should-retry"})
BROKEN_STREAM = {
    "type": "error",
    "error": {"type": "api_error", "message": "the upstream's answer broke off"},
}


class Exchange:
    """An ASGI answer to one admitted request."""

    def __init__(self, gateway: Gateway, caller: Caller, request: Request, path: str) -> None:
        self._gateway = gateway
        self._caller = caller
        self._request = request
        self._path = path
        self._started = time.perf_counter()
        self._tap = Tap()
        self._logged = False
        self._last_part_sent = False
        headers = request.headers
        self._record = RequestRecord(
            time=stamp(gateway.clock()),
            trace_id=request.state.trace_id,
            workspace_id=caller.workspace_id,
            key_id=caller.key_id,
            key_name=caller.key_name,
            path=path,
            user_agent=_bounded(headers.get("user-agent")),
            session_id=_bounded(headers.get("x-claude-code-session-id")),
            settings_checksum=_bounded(headers.get("x-claude-code-managed-settings-checksum")),
        )
        self._calling = Calling(gateway, caller, self._record)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the client goes away first."""
        try:
            body = await read_body(self._request, self._gateway.settings.max_body)
        except TooLong as exc:
            self._finish(413, "refused")
            await refusals.plain(str(exc), 413).response()(scope, receive, send)
            return
        except ClientDisconnect:
            self._finish(self._record.status, "client gone")
            return
        work = asyncio.create_task(self._answer(body, scope, receive, send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not self._last_part_sent:
                work.cancel()
            await asyncio.wait((work,))
            if not work.cancelled() and work.exception() is not None:
                self._finish(500, "gateway failed")
                work.result()
        except asyncio.CancelledError:
            self._finish(self._record.status, "gateway stopped")
            raise
        finally:
            gone.cancel()
            work.cancel()
            self._finish(self._record.status, "client gone")

    async def _answer(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            incoming = self._read(body)
            bound = binding.bind(self._gateway, self._caller, self._request.headers)
            self._record.config = bound.slug
            answered = await self._calling.call(incoming, bound)
        except Refusal as refusal:
            self._finish(refusal.status, "upstream failed" if refusal.status in (408, 502) else "refused")
            self._last_part_sent = True
            await refusal.response()(scope, receive, send)
            return
        try:
            await self._pass_on(answered, send)
        finally:
            await answered.reply.close()

    def _read(self, body: bytes) -> Incoming:
        """Read the request, and note who it is attributed to and what it asks for."""
        headers, record, caller = self._request.headers, self._record, self._caller
        claimed = metadata.of_header(headers.get("x-portkey-metadata"))
        merged = metadata.merged(claimed, caller.metadata, caller.workspace_metadata)
        record.merged_metadata = logged = metadata.logged(merged)
        record.tenant, record.team, record.env = logged.get("tenant"), logged.get("team"), logged.get("env")
        record.user = logged.get("user") or logged.get("_user")
        record.contradicted = metadata.contradicted(claimed, merged)
        params = _params(body)
        record.model_asked = _bounded(params.get("model"))
        record.stream = params.get("stream") is True
        query = self._request.scope["query_string"].decode("latin-1")
        return Incoming(self._path, query, headers, body, params, merged)

    async def _pass_on(self, answered: Answered, send: Send) -> None:
        reply = answered.reply
        headers = {
            name: value
            for name, value in reply.headers.items()
            if name in PASSED_BACK or name.startswith("anthropic-")
        }
        headers |= answered.headers()
        self._record.status = reply.status
        if reply.headers.get("content-type", "").startswith("text/event-stream"):
            await self._stream(reply, headers, send)
        else:
            await self._whole(reply, headers, send, answered.sent)

    async def _stream(self, reply: Reply, headers: Mapping[str, str], send: Send) -> None:
        await send(_start(reply.status, headers))
        try:
            async for chunk in reply.chunks:
                self._tap.events(chunk)
                if self._tap.complete:
                    # Before the last bytes leave: a client that then reads the log finds its request.
                    self._finish(reply.status, "answered")
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except Broken:
            self._finish(reply.status, "upstream failed")
            event = f"event: error\ndata: {json.dumps(BROKEN_STREAM)}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
        self._finish(reply.status, "answered")
        self._last_part_sent = True
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _whole(self, reply: Reply, headers: dict[str, str], send: Send, sent: Dispatch) -> None:
        try:
            body = b"".join([chunk async for chunk in reply.chunks])
        except Broken as exc:
            refusal = refusals.upstream_failure(502, str(exc), "upstream_broken", sent.provider)
            body, headers = json.dumps(refusal.body).encode(), {"content-type": "application/json"}
            status = refusal.status
            self._finish(status, "upstream failed")
        else:
            status = reply.status
            self._tap.body(body)
            self._finish(status, "answered")
        self._last_part_sent = True
        await send(_start(status, {**headers, "content-length": str(len(body))}))
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _finish(self, status: int, outcome: Outcome) -> None:
        """Hand the record to the log; only the first call counts."""
        if self._logged:
            return
        self._logged = True
        record, usage = self._record, self._tap.usage()
        record.status, record.outcome = status, outcome
        record.model_served = _bounded(self._tap.model) or record.model_served
        if usage is not None:
            record.input_tokens, record.output_tokens = usage.input, usage.output
            record.cache_read_tokens = usage.cache_read
            record.cache_write_tokens = usage.cache_write_5m + usage.cache_write_1h
            record.cost_nano_usd = prices.cost(record.model_served, usage)
        record.latency_ms = round((time.perf_counter() - self._started) * 1000)
        if self._calling.admission is not None:
            tokens = usage.prompt() + usage.output if usage else 0
            now = self._gateway.clock()
            self._gateway.governor.settle(self._calling.admission, tokens, record.cost_nano_usd or 0, now)
        self._gateway.logbook.add(record)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _params(body: bytes) -> dict[str, Any]:
    try:
        params = json.loads(body)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise refusals.plain("request body: must be a JSON object")
    return params


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


def _bounded(value: object) -> str | None:
    """Return text as the log can keep it: not endless, and no half of a character (JSON can hold one)."""
    if not isinstance(value, str) or not value:
        return None
    return value[:256].encode(errors="replace").decode()

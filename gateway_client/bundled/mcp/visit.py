"""One MCP request answered: read whole, given to the protocol's SDK, and a call of a tool written down.

A server of the SDK is made for each request, in its stateless mode, with JSON answers: so every
request stands by its own key, none can enter a session of another's, and nothing is left to clean
up when one ends. What that gives up: tools cannot report progress or ask back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from gateway_client.bundled import PRODUCT
from gateway_client.bundled.data_plane import metadata, refusals
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.data_plane.watch import ClientGone, Watch
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance.governor import Subject
from gateway_client.bundled.mcp.catalogue import Catalogue
from gateway_client.bundled.mcp.toolbox import Toolbox, UnknownTool, bounded
from gateway_client.bundled.mcp.upstream import Failed
from gateway_client.bundled.request_body import TooLong, TooSlow, read_body
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import Outcome, RequestRecord
from gateway_client.bundled.timestamps import stamp

MAX_BODY = 4 * 1024 * 1024
LIMITED = -32_003
"""The code of the error for a limit that was reached; its `data` has the status that a model's request gets.
The numbers from -32000 to -32099 are for servers to give away (JSON-RPC 2.0, 5.1)."""
PROVIDER = "mcp"
"""What policies see as the provider of a tool."""
INSTRUCTIONS = (
    "Tools of your organisation's MCP servers, each named after its server, and two of the gateway's own."
)


class Visit:
    """An ASGI answer to one admitted request."""

    def __init__(
        self, gateway: Gateway, catalogue: Catalogue, caller: Caller, request: Request, only: str | None
    ) -> None:
        self._gateway = gateway
        self._caller = caller
        self._request = request
        self._toolbox = Toolbox(gateway, catalogue, caller, only)
        self._started = time.perf_counter()
        self._record: RequestRecord | None = None
        self._verdict: Outcome = "answered"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the client goes away first: then a call under way is given up."""
        try:
            body = await read_body(self._request, MAX_BODY)
        except TooLong as exc:
            await refusals.plain(str(exc), 413).response()(scope, receive, send)
        except TooSlow as exc:
            await refusals.plain(str(exc), 408).response()(scope, receive, send)
        except ClientDisconnect:
            pass  # before it had asked anything
        else:
            await self._watched(body, scope, receive, send)

    async def _watched(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        # The work is a task of its own, so that its end is written down before what it had open is
        # closed: when the gateway stops, the log is closed at the same time.
        watch = Watch(receive)
        work = asyncio.create_task(self._answer(body, watch, scope, send))
        try:
            with watch:
                await asyncio.wait((work,))
            work.result()
        except ClientGone:
            self._finish("client gone")
        except asyncio.CancelledError:
            self._finish("gateway stopped", 503)  # what `bugs.Caught` answers
            raise
        except Exception:
            self._finish("gateway failed", 500)
            raise
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _answer(self, body: bytes, watch: Watch, scope: Scope, send: Send) -> None:
        whole = [{"type": "http.request", "body": body, "more_body": False}]
        status = 0

        async def replayed() -> Message:
            return whole.pop() if whole else await asyncio.Future()  # the watch listens for the end

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                # Before the last bytes leave: a client that then reads the log finds its call.
                watch.end()
                self._finish(self._verdict, status, len(body), len(message.get("body", b"")))
            await send(message)

        server = Server(
            PRODUCT,
            version=self._gateway.version,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=MAX_BODY
        )
        async with manager.run():
            await manager.handle_request(scope, replayed, noted)

    async def _list(
        self, _context: ServerRequestContext, _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=await self._toolbox.tools())

    async def _call(self, _context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        self._record = record = self._new_record()
        try:
            self._admit(params.name, record.merged_metadata)
            return await self._toolbox.call(params.name, params.arguments, record)
        except Refusal as refusal:
            self._verdict, record.error = "refused", refusal.message()
            record.target = bounded(params.name)
            raise MCPError(LIMITED, refusal.message(), {"status": refusal.status}) from None
        except UnknownTool as exc:
            self._verdict, record.error = "refused", str(exc)
            raise MCPError(INVALID_PARAMS, str(exc)) from None
        except Failed as exc:
            # A result for the model to read, as any tool's failure is.
            self._verdict, record.error = "upstream failed", str(exc)
            return CallToolResult(content=[TextContent(text=str(exc))], is_error=True)

    def _admit(self, tool: str, merged: Mapping[str, Any]) -> None:
        """Count a call of a tool as a request, under all limits that a request to a model is under.

        It uses no tokens and costs nothing, so there is nothing to settle. Raises `Refusal`.
        """
        subject = Subject(self._caller, merged, None, PROVIDER, tool)
        self._gateway.governor.admit(subject, self._gateway.clock())

    def _new_record(self) -> RequestRecord:
        caller, headers = self._caller, self._request.headers
        claimed = metadata.of_header(headers.get("x-portkey-metadata"))
        merged = metadata.merged(claimed, caller.metadata, caller.workspace_metadata)
        logged = metadata.logged(merged)
        return RequestRecord(
            time=stamp(self._gateway.clock()),
            trace_id=self._request.state.trace_id,
            workspace_id=caller.workspace_id,
            key_id=caller.key_id,
            key_name=caller.key_name,
            path=self._request.scope["path"],
            merged_metadata=logged,
            contradicted=metadata.contradicted(claimed, merged),
            user_agent=headers.get("user-agent", "")[:256] or None,
            tenant=logged.get("tenant"),
            team=logged.get("team"),
            user=logged.get("user") or logged.get("_user"),
            env=logged.get("env"),
        )

    def _finish(self, outcome: Outcome, status: int = 499, asked: int = 0, told: int = 0) -> None:
        """Hand the record of a tool's call to the log; only the first call counts."""
        record, self._record = self._record, None
        if record is None:
            return
        record.outcome, record.status = outcome, status
        record.request_bytes, record.response_bytes = asked, told
        record.latency_ms = round((time.perf_counter() - self._started) * 1000)
        self._gateway.logbook.add(record)

"""One request carried out: targets tried, the answer passed on as it comes, and written down.

All of it happens in the server's own task for the request, and is cancelled when the client goes
away, or when the gateway stops and has waited long enough; the upstream call with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway_client.bundled import json_objects, stopping, trace
from gateway_client.bundled.data_plane import binding, metadata, prices, refusals
from gateway_client.bundled.data_plane.calling import Answered, Calling
from gateway_client.bundled.data_plane.dispatch import Incoming
from gateway_client.bundled.data_plane.prices import Usage
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.data_plane.usage import Tap, prompt_tokens
from gateway_client.bundled.data_plane.watch import ClientGone, Watch
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.guardrails import answers
from gateway_client.bundled.guardrails.screen import Screen, Verdict
from gateway_client.bundled.request_body import TooLong, TooSlow
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import Outcome, RequestRecord
from gateway_client.bundled.timestamps import stamp
from gateway_client.bundled.upstreams.port import Broken, Reply

PASSED_BACK = frozenset({"content-type", "content-encoding", "request-id", "retry-after", "x-should-retry"})
BROKEN_STREAM = "the upstream's answer broke off"
LAST_SECONDS = 1.0
"""How long a stream's last event may take to leave when the gateway stops."""
NOTED = 246
"""Stands for 200 where a guardrail failed that does not deny (facts/portkey.md 9.8)."""
_CLIENT = re.compile(r"claude-(?:cli|code)/([0-9A-Za-z.+-]{1,64})")


class Exchange:
    """The answer to one admitted request; `begun` tells whether any of it has left."""

    def __init__(
        self,
        gateway: Gateway,
        caller: Caller,
        scope: Scope,
        headers: Mapping[str, str],
        path: str,
        trace_id: str,
    ) -> None:
        self.begun = False
        self._gateway = gateway
        self._caller = caller
        self._scope = scope
        self._headers = headers
        self._path = path
        self._started = time.perf_counter()
        self._tap = Tap()
        self._logged = self._streaming = self._compressed = False
        self._screen: Screen | None = None
        self._before: Sequence[Verdict] = ()
        self._request = self._response = b""  # kept for the log, and only where it wants bodies
        user_agent = headers.get("user-agent")
        self._record = RequestRecord(
            time=stamp(gateway.clock()),
            trace_id=trace_id,
            workspace_id=caller.workspace_id,
            key_id=caller.key_id,
            key_name=caller.key_name,
            path=path,
            user_agent=_bounded(user_agent),
            client_version=_client_version(user_agent),
            session_id=_bounded(headers.get("x-claude-code-session-id")),
            agent_id=_bounded(headers.get("x-claude-code-agent-id")),
            settings_checksum=_bounded(headers.get("x-claude-code-managed-settings-checksum")),
        )
        self._calling = Calling(gateway, caller, self._record)

    async def run(self, receive: Receive, send: Send) -> None:
        """Answer, unless the client goes away first."""
        settings = self._gateway.settings
        try:
            with Watch(receive) as watch:
                body = await watch.body(self._headers.get("content-length"), settings.max_body)
                self._record.request_bytes = len(body)
                if settings.log_bodies:
                    self._request = body
                await self._answer(body, watch, send)
        except Refusal as refusal:
            failed = refusal.status in (408, 502)
            await self._refuse(refusal, "upstream failed" if failed else "refused", receive, send)
        except TooLong as exc:
            await self._refuse(refusals.plain(str(exc), 413), "refused", receive, send)
        except TooSlow as exc:
            await self._refuse(refusals.plain(str(exc), 408), "refused", receive, send)
        except (ClientDisconnect, ClientGone):
            self._finish(self._record.status, "client gone")
        except asyncio.CancelledError:
            if not stopping.accepted():
                raise
            await self._stop(receive, send)
        except Exception:
            self._finish(500, "gateway failed")
            raise

    async def _answer(self, body: bytes, watch: Watch, send: Send) -> None:
        incoming = self._read(body)
        bound = binding.bind(self._gateway, self._caller, self._headers)
        self._record.config = bound.slug
        self._screen = self._gateway.screens.of(self._caller, bound.node)
        if self._screen is not None:
            self._before = self._screen.request(incoming.params, incoming.metadata, self._path)
            self._note(self._before)
            incoming = replace(incoming, judged=bool(self._before))
            if _denies(self._before):
                raise answers.denial(self._before)
        answered = await self._calling.call(incoming, bound)
        try:
            await self._pass_on(answered, watch, send)
        finally:
            await answered.reply.close()

    def _read(self, body: bytes) -> Incoming:
        """Read the request, and note who it is attributed to and what it asks for."""
        headers, record, caller = self._headers, self._record, self._caller
        claimed = metadata.of_header(headers.get("x-portkey-metadata"))
        merged = metadata.merged(claimed, caller.metadata, caller.workspace_metadata)
        record.merged_metadata = logged = metadata.logged(merged)
        record.tenant, record.team, record.env = logged.get("tenant"), logged.get("team"), logged.get("env")
        record.user = logged.get("user") or logged.get("_user")
        record.contradicted = metadata.contradicted(claimed, merged)
        try:
            params = json_objects.read_within(body)
        except json_objects.TooMuch as exc:
            raise refusals.plain(f"request body: {exc}") from exc
        if params is None:
            raise refusals.plain("request body: must be a JSON object")
        record.model_asked = _bounded(params.get("model"))
        record.stream = params.get("stream") is True
        query = self._scope["query_string"].decode("latin-1")
        return Incoming(self._path, query, headers, body, params, merged)

    async def _pass_on(self, answered: Answered, watch: Watch, send: Send) -> None:
        reply = answered.reply
        headers = {
            name: value
            for name, value in reply.headers.items()
            if name in PASSED_BACK or name.startswith("anthropic-")
        }
        headers |= answered.headers()
        self._record.status = reply.status
        if 200 <= reply.status < 300 and answered.cache_status != "HIT":
            self._calling.unanswered = [answered.sent.outgoing.body]  # until it tells what it used
        events = reply.headers.get("content-type", "").startswith("text/event-stream")
        withheld = self._screen is not None and self._screen.withholds()
        self._compressed = 200 <= reply.status < 300 and _compressed(reply)
        if self._compressed and withheld:
            message = "the upstream's answer is compressed, and guardrails can't look into it"
            raise refusals.upstream_failure(502, message, "upstream_compressed", answered.sent.provider)
        if events and not withheld:
            await self._stream(reply, headers, watch, send)
        else:
            await self._whole(answered, headers, watch, send, events=events)

    async def _stream(self, reply: Reply, headers: Mapping[str, str], watch: Watch, send: Send) -> None:
        tap, record = self._tap, self._record
        keeps = self._screen is not None or self._gateway.settings.log_bodies
        kept: list[bytes] = []
        await self._start(reply.status, headers, send)
        self._streaming = True
        try:
            async for chunk in reply.chunks:
                if record.first_byte_ms is None:
                    record.first_byte_ms = self._milliseconds()
                record.response_bytes += len(chunk)
                tap.events(chunk)
                if keeps:
                    kept.append(chunk)
                if tap.complete:
                    # Before the last bytes leave: a client that then reads the log finds its request.
                    self._streamed(kept)
                watch.sends += 1
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                watch.sends += 1
            self._streamed(kept)
        except Broken as exc:
            self._response = b"".join(kept)
            self._finish(reply.status, "upstream failed", str(exc))
            event = _error_event(BROKEN_STREAM)
            await send({"type": "http.response.body", "body": event, "more_body": True})
        watch.end()
        self._streaming = False
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _streamed(self, kept: Sequence[bytes]) -> None:
        """Write a stream down that was passed on; its verdicts come too late for anything else."""
        if self._logged:
            return
        self._response = b"".join(kept)
        if self._screen is not None and self._record.status == 200:
            self._note(self._screen.response(self._response, stream=True))
        self._finish(self._record.status, "answered")

    async def _whole(
        self, answered: Answered, headers: Mapping[str, str], watch: Watch, send: Send, *, events: bool
    ) -> None:
        reply = answered.reply
        chunks: list[bytes] = []
        try:
            async for chunk in reply.chunks:
                chunks.append(chunk)
                if events:
                    self._tap.events(chunk)
        except Broken as exc:
            raise refusals.upstream_failure(502, str(exc), "upstream_broken", answered.sent.provider) from exc
        body = b"".join(chunks)
        if not events:
            self._tap.body(body)
        status = reply.status
        if self._screen is not None and status == 200:
            after = self._screen.response(body, stream=events)
            self._note(after)
            if _denies(after):
                raise answers.denial(self._before, after)
            if not events and any(not v.passed and not v.quiet for v in (*self._before, *after)):
                status, body = NOTED, _with_results(body, answers.hook_results(self._before, after))
        self._record.first_byte_ms = self._milliseconds()
        self._record.response_bytes = len(body)
        if self._gateway.settings.log_bodies:
            self._response = body
        self._finish(status, "answered")
        watch.end()
        await self._start(status, {**headers, "content-length": str(len(body))}, send)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: int, headers: Mapping[str, str], send: Send) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        encoded.append((b"x-portkey-trace-id", self._record.trace_id.encode("latin-1")))
        self.begun = True
        await send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _refuse(self, refusal: Refusal, outcome: Outcome, receive: Receive, send: Send) -> None:
        self._finish(refusal.status, outcome, refusal.message())
        response = refusal.response()
        response.headers[trace.HEADER] = self._record.trace_id
        if refusal.status in (408, 413):
            response.headers["connection"] = "close"  # what is left of the request is not worth reading
        self.begun = True
        await response(self._scope, receive, send)

    async def _stop(self, receive: Receive, send: Send) -> None:
        """Answer for a gateway that stops: 503, or the end of a stream."""
        if not self.begun:
            await self._refuse(refusals.plain(stopping.MESSAGE, 503), "gateway stopped", receive, send)
            return
        self._finish(self._record.status, "gateway stopped", stopping.MESSAGE)
        if self._streaming:
            # A client that does not read can't be told, and nobody waits for it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    body = _error_event(stopping.MESSAGE)
                    await send({"type": "http.response.body", "body": body, "more_body": False})

    def _note(self, verdicts: Sequence[Verdict]) -> None:
        """Put into the record what did not pass."""
        failed = [
            {
                "guardrail": verdict.guardrail,
                "check": verdict.check,
                "verdict": False,
                "deny": verdict.deny,
                "detail": verdict.detail,
            }
            for verdict in verdicts
            if not verdict.passed
        ]
        self._record.verdicts = (*self._record.verdicts, *failed)

    def _milliseconds(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)

    def _finish(self, status: int, outcome: Outcome, error: str | None = None) -> None:
        """Hand the record to the log; only the first call counts."""
        if self._logged:
            return
        self._logged = True
        record = self._record
        record.status, record.outcome, record.latency_ms = status, outcome, self._milliseconds()
        logbook = self._gateway.logbook
        with logbook.counting:
            try:
                self._account(error)
            finally:  # whatever an upstream told: nobody's request goes unlogged
                logbook.add(record)

    def _account(self, error: str | None) -> None:
        """Note what the request used, and count it against limits."""
        record, tap = self._record, self._tap
        if self._gateway.settings.log_bodies:
            record.bodies = (self._request, self._response)
        if error is None and (record.status >= 400 or tap.error) and record.outcome == "answered":
            error = f"the upstream answered {record.status}" + (f", {tap.error}" if tap.error else "")
        record.error = _bounded(error)
        usage, doubt = self._usage()
        if doubt:
            record.error = f"{record.error}; {doubt}" if record.error else doubt
        sent, record.model_served = record.model_served, _bounded(tap.model) or _bounded(record.model_served)
        if usage is not None:
            record.input_tokens, record.output_tokens = usage.input, usage.output
            record.cache_read_tokens = usage.cache_read
            record.cache_write_tokens = usage.cache_write_5m + usage.cache_write_1h
            from_cache = record.cache_status == "HIT"  # the tokens were paid for before
            record.cost_nano_usd = 0 if from_cache else prices.cost(usage, record.model_served, sent)
        if self._calling.admission is not None:
            tokens = usage.prompt() + usage.output if usage and record.cache_status != "HIT" else 0
            now = self._gateway.clock()
            self._gateway.governor.settle(self._calling.admission, tokens, record.cost_nano_usd or 0, now)

    def _usage(self) -> tuple[Usage | None, str | None]:
        """Return what was used, and in words what is not sure about it.

        A provider bills also what nobody waits for: where an answer did not come to its end, the request
        counts, and what passed of the answer. Counting tokens is free.
        """
        tap = self._tap
        tap.end()
        told, sent = tap.usage(), self._calling.unanswered
        if self._compressed:
            return None, "usage unknown: compressed answer"
        if tap.final or self._record.cache_status == "HIT" or self._path.endswith("/count_tokens"):
            return told, None
        if told is None and not sent:
            return None, None
        usage = told or Usage(input=sum(map(prompt_tokens, sent)))
        return replace(usage, output=max(usage.output, tap.said())), "usage estimated"


def _error_event(message: str) -> bytes:
    """Return what ends a stream that can't be ended well."""
    error = {"type": "error", "error": {"type": "api_error", "message": message}}
    return f"event: error\ndata: {json.dumps(error)}\n\n".encode()


def _compressed(reply: Reply) -> bool:
    return reply.headers.get("content-encoding", "").strip().lower() not in ("", "identity")


def _denies(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.deny and not verdict.passed for verdict in verdicts)


def _with_results(body: bytes, results: Mapping[str, Any]) -> bytes:
    """Return a JSON object with one more field, its own bytes as they are; other answers stay alone."""
    if not json_objects.read(body):
        return body
    return body.rstrip()[:-1] + b',"hook_results":' + json.dumps(results).encode() + b"}"


def _client_version(user_agent: str | None) -> str | None:
    match = _CLIENT.match(user_agent) if user_agent else None
    return match[1] if match else None


def _bounded(value: object) -> str | None:
    """Return text as the log can keep it: not endless, and no half of a character (JSON can hold one)."""
    if not isinstance(value, str) or not value:
        return None
    value = value[:256]
    return value if value.isascii() else value.encode(errors="replace").decode()

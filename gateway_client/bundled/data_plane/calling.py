"""A request's way to a provider: targets tried as the config has it, again and within their timeouts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway_client.bundled.data_plane import cache, refusals
from gateway_client.bundled.data_plane.binding import Binding
from gateway_client.bundled.data_plane.dispatch import Dispatch, Incoming, dispatch
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance.answers import TargetClosed
from gateway_client.bundled.governance.governor import Admission, Subject
from gateway_client.bundled.routing import retries
from gateway_client.bundled.routing.attempts import NoRoute, Target, attempts
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import RequestRecord
from gateway_client.bundled.upstreams.port import Reply, Unreachable, Upstream


@dataclass(frozen=True, slots=True)
class Silent:
    """A provider gave no answer; `refusal` is what the client gets when nobody else does.

    A timeout has its status 408 for retries to go by; a provider that can't be reached has none.
    """

    refusal: Refusal
    status: int | None = None


@dataclass(slots=True)
class Answered:
    """A provider's reply, with the call that brought it. The reply must be closed.

    `retried` counts how often the call was tried again, -1 when that was in vain.
    """

    sent: Dispatch
    target: Target
    reply: Reply
    cache_status: cache.Status
    retried: int

    def headers(self) -> dict[str, str]:
        """Return what tells the client how the request was routed (facts/portkey.md 9.7)."""
        return {
            "x-portkey-provider": self.sent.provider,
            "x-portkey-last-used-option-index": self.target.path,
            "x-portkey-cache-status": self.cache_status,
            "x-portkey-retry-attempt-count": str(self.retried),
        }


@dataclass(slots=True)
class _Try:
    """One target tried: what came of it."""

    sent: Dispatch
    result: Reply | Silent | Refusal
    cache_status: cache.Status = "DISABLED"
    retried: int = 0

    def status(self) -> int | None:
        """Return what a fallback goes by; None for a target that gave no answer."""
        return None if isinstance(self.result, Silent) else self.result.status


class Calling:
    """Carries one request out. What it learns on the way is noted in the record, also where it fails.

    `unanswered` holds what was sent in calls that were given up before their answer began: a provider
    works on, and bills them.
    """

    def __init__(self, gateway: Gateway, caller: Caller, record: RequestRecord) -> None:
        self._gateway = gateway
        self._caller = caller
        self._record = record
        self.admission: Admission | None = None
        self.unanswered: list[bytes] = []

    async def call(self, incoming: Incoming, bound: Binding) -> Answered:
        """Try targets, and return the reply to pass on. Raises `Refusal`."""
        facts = {
            "metadata": incoming.metadata,
            "params": incoming.params,
            "url": {"pathname": incoming.path},
        }
        steps = attempts(bound.node, facts, self._gateway.chance)
        try:
            target = next(steps)
            while True:
                tried = await self._try(target, incoming, bound)
                try:
                    target = steps.send(tried.status())
                except StopIteration:
                    break
                except NoRoute:
                    await _give_up(tried.result)
                    raise
                await _give_up(tried.result)
        except NoRoute as exc:
            raise refusals.plain("Query router did not resolve to any valid target") from exc
        match tried.result:
            case Reply() as reply:
                return Answered(tried.sent, target, reply, tried.cache_status, tried.retried)
            case Refusal() as refusal:
                raise refusal
            case Silent() as silent:
                raise silent.refusal

    async def _try(self, target: Target, incoming: Incoming, bound: Binding) -> _Try:
        """Try one target: not at all where it has no such model, from the cache, or by calling it."""
        gateway, record = self._gateway, self._record
        known = gateway.catalog.known()  # one look, so that nobody's provider vanishes half-way
        sent = dispatch(target, incoming, bound.provider, known.families)
        record.target, record.provider, record.model_served = target.path, sent.provider, sent.model
        if not gateway.model_lists.allows(sent.provider, sent.model):
            return _Try(sent, refusals.model_not_allowed(sent.provider, sent.model))
        try:
            self._admit(incoming, sent)
        except TargetClosed as refusal:
            return _Try(sent, refusal)
        upstream, limit = known.upstreams[sent.provider], target.request_timeout or bound.request_timeout
        if target.cache is None:
            record.cache_status = "DISABLED"
            return await self._call(upstream, sent, target, limit)
        key = cache.key_of(self._caller.workspace_id, sent, incoming)
        fresh = cache.refreshes(incoming.headers)
        kept = None if fresh else gateway.cache.get(key, gateway.clock())
        record.cache_status = "HIT" if kept else "REFRESH" if fresh else "MISS"
        if kept is not None:
            return _Try(sent, kept.reply(), "HIT")
        tried = await self._call(upstream, sent, target, limit)
        tried.cache_status = "REFRESH" if fresh else "MISS"
        if isinstance(tried.result, Reply):
            tried.result = gateway.cache.keeping(key, tried.result, gateway.clock(), target.cache.max_age)
        return tried

    def _admit(self, incoming: Incoming, sent: Dispatch) -> None:
        """Ask for leave to call a target; a fallback is the same request, at limits that may be others."""
        record, gateway = self._record, self._gateway
        subject = Subject(self._caller, incoming.metadata, record.config, sent.provider, sent.model)
        self.admission = gateway.governor.admit(subject, gateway.clock(), self.admission)

    async def _call(self, upstream: Upstream, sent: Dispatch, target: Target, limit: int | None) -> _Try:
        """Call a provider, again where its target says so; a client that goes away ends the waiting.

        `limit` is the milliseconds that each call may take until its answer begins.
        """
        made = 0
        while True:
            result = await self._once(upstream, sent, limit)
            headers: Mapping[str, str] = result.headers if isinstance(result, Reply) else {}
            wait = retries.wait(target.retry, made, result.status, headers, self._gateway.clock())
            if wait is None:
                return _Try(sent, result, retried=retries.count(target.retry, made, result.status))
            await _give_up(result)
            await self._gateway.pause(wait)
            made += 1

    async def _once(self, upstream: Upstream, sent: Dispatch, limit: int | None) -> Reply | Silent:
        """Call one provider once; that it gave no answer is a value, because another may be tried."""
        self._record.attempts += 1
        try:
            if not limit:
                return await upstream.call(sent.outgoing)
            async with asyncio.timeout(limit / 1000):
                return await upstream.call(sent.outgoing)
        except asyncio.CancelledError:
            self.unanswered.append(sent.outgoing.body)
            raise
        except TimeoutError:
            self.unanswered.append(sent.outgoing.body)
            message = f"Request exceeded the timeout sent in the request: {limit}ms"
            refusal = refusals.upstream_failure(408, message, "timeout_error", sent.provider)
            return Silent(refusal, refusal.status)
        except Unreachable as exc:
            return Silent(refusals.upstream_failure(502, str(exc), "upstream_unreachable", sent.provider))


async def _give_up(result: Reply | Silent | Refusal) -> None:
    if isinstance(result, Reply):
        await result.close()

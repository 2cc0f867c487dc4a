"""A request's way to a provider: targets tried as the config has it, within their timeouts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.data_plane.binding import Binding
from gateway_client.bundled.data_plane.dispatch import Dispatch, Incoming, dispatch
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.governance.governor import Admission, Subject
from gateway_client.bundled.routing.attempts import NoRoute, Target, attempts
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.records import RequestRecord
from gateway_client.bundled.upstreams.port import Reply, Unreachable


@dataclass(slots=True)
class Answered:
    """A provider's reply, with the call that brought it. The reply must be closed."""

    sent: Dispatch
    target: Target
    reply: Reply

    def headers(self) -> dict[str, str]:
        """Return what tells the client how the request was routed (facts/portkey.md 9.7)."""
        return {
            "x-portkey-provider": self.sent.provider,
            "x-portkey-last-used-option-index": self.target.path,
            "x-portkey-cache-status": "DISABLED",
        }


class Calling:
    """Carries one request out. What it learns on the way is noted in the record, also where it fails."""

    def __init__(self, gateway: Gateway, caller: Caller, record: RequestRecord) -> None:
        self._gateway = gateway
        self._caller = caller
        self._record = record
        self.admission: Admission | None = None

    async def call(self, incoming: Incoming, bound: Binding) -> Answered:
        """Try targets, and return the reply to pass on. Raises `Refusal`."""
        gateway, record = self._gateway, self._record
        facts = {
            "metadata": incoming.metadata,
            "params": incoming.params,
            "url": {"pathname": incoming.path},
        }
        steps = attempts(bound.node, facts, gateway.chance)
        try:
            target = next(steps)
            while True:
                sent = dispatch(target, incoming, bound.provider, gateway.settings.providers)
                record.target, record.provider, record.model_served = target.path, sent.provider, sent.model
                self._admit(incoming, sent)
                reply = await self._once(sent, target)
                try:
                    target = steps.send(reply.status if isinstance(reply, Reply) else None)
                except StopIteration:
                    break
                except NoRoute:
                    await _give_up(reply)
                    raise
                await _give_up(reply)
        except NoRoute as exc:
            raise refusals.plain("Query router did not resolve to any valid target") from exc
        if isinstance(reply, Refusal):
            raise reply
        return Answered(sent, target, reply)

    def _admit(self, incoming: Incoming, sent: Dispatch) -> None:
        """Ask for leave before the first call; a fallback that follows is the same request."""
        if self.admission is None:
            record, gateway = self._record, self._gateway
            subject = Subject(self._caller, incoming.metadata, record.config, sent.provider, sent.model)
            self.admission = gateway.governor.admit(subject, gateway.clock())

    async def _once(self, sent: Dispatch, target: Target) -> Reply | Refusal:
        """Call one provider; that it gave no answer is a value, because another may be tried."""
        self._record.attempts += 1
        limit = target.request_timeout
        try:
            async with asyncio.timeout(limit / 1000 if limit else None):
                return await self._gateway.upstreams[sent.provider].call(sent.outgoing)
        except TimeoutError:
            message = f"Request exceeded the timeout sent in the request: {limit}ms"
            return refusals.upstream_failure(408, message, "timeout_error", sent.provider)
        except Unreachable as exc:
            return refusals.upstream_failure(502, str(exc), "upstream_unreachable", sent.provider)


async def _give_up(reply: Reply | Refusal) -> None:
    if isinstance(reply, Reply):
        await reply.close()

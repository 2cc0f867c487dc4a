"""Answers kept in memory, for configs with `cache.mode: simple` (S160).

Only answers that are whole and a 2xx are kept; one that streams is kept while it passes, and streams
again. Nothing crosses a workspace, and no two people share an answer where their metadata differs,
as on Portkey's hosted service (facts/portkey.md 9.4). A hit costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from gateway_client.bundled.data_plane.dispatch import Dispatch, Incoming
from gateway_client.bundled.upstreams.port import Reply

Status = Literal["HIT", "MISS", "REFRESH", "DISABLED"]
"""What `x-portkey-cache-status` says (facts/portkey.md 9.7)."""

MOST_BYTES, LONGEST_BYTES = 64 * 1024 * 1024, 4 * 1024 * 1024
"""All answers together, and one: a longer answer is not kept."""

EVENTS = "text/event-stream"
KEPT_TYPES = frozenset({EVENTS, "application/json"})
"""The page of a proxy is no answer."""
KEPT_HEADERS = ("content-type", "content-encoding")
_LAST_EVENT = b"event: message_stop\n"


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole answer, good until `ends_at`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ends_at: datetime

    def reply(self) -> Reply:
        """Return the answer as if a provider gave it."""

        async def once() -> AsyncIterator[bytes]:
            yield self.body

        return Reply(self.status, self.headers, once())


class AnswerCache:
    """Keeps the answers that were used last, as many as there is room for. One per gateway, in its loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, key: str, now: datetime) -> Kept | None:
        """Return an answer that still holds."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.ends_at <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found

    def put(self, key: str, kept: Kept) -> None:
        """Keep an answer, in the place of an older one and of those that were not asked for longest."""
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def keeping(self, key: str, reply: Reply, now: datetime, max_age: int) -> Reply:
        """Return a reply that is kept when it has passed whole; what is no 2xx, or no message, never is."""
        headers = {name: reply.headers[name] for name in KEPT_HEADERS if name in reply.headers}
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if not 200 <= reply.status < 300 or kind not in KEPT_TYPES:
            return reply
        streams = kind == EVENTS
        ends_at = now + timedelta(seconds=max_age)

        async def passing() -> AsyncIterator[bytes]:
            parts: list[bytes] = []
            room = LONGEST_BYTES
            async for chunk in reply.chunks:
                room -= len(chunk)
                if room >= 0:
                    parts.append(chunk)
                    # Before the last part leaves: a client that then asks again gets a hit.
                    if streams and _ends(parts):
                        self.put(key, Kept(reply.status, headers, b"".join(parts), ends_at))
                yield chunk
            if room >= 0 and not streams:
                self.put(key, Kept(reply.status, headers, b"".join(parts), ends_at))

        return replace(reply, chunks=passing())

    def _drop(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= len(dropped.body)


def key_of(workspace_id: str | None, sent: Dispatch, incoming: Incoming) -> str:
    """Return what an answer is kept under: who asks, whom, and the whole of what is asked."""
    parts: list[Any] = [
        workspace_id,
        sent.provider,
        sent.outgoing.path,
        sorted(sent.outgoing.headers.items()),
        sorted(incoming.metadata.items()),
        incoming.headers.get("x-portkey-cache-namespace", ""),
    ]
    told = json.dumps(parts, sort_keys=True).encode()
    return hashlib.sha256(len(told).to_bytes(8) + told + sent.outgoing.body).hexdigest()


def refreshes(headers: Mapping[str, str]) -> bool:
    """Tell whether a request wants a new answer in the place of a kept one."""
    return headers.get("x-portkey-cache-force-refresh", "").strip().lower() == "true"


def _ends(parts: list[bytes]) -> bool:
    """Tell whether the last event of a stream is the one that ends a message."""
    tail = b"".join(parts[-2:])  # an event may come in two parts
    at = tail.rfind(_LAST_EVENT)
    return at >= 0 and tail.endswith(b"\n\n") and tail.find(b"\n\n", at) == len(tail) - 2

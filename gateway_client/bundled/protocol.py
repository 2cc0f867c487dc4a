"""HTTP/1.1 as uvicorn speaks it, with the limits that it lacks: how long a request's head may be and take.

Bodies have theirs in `request_body`, an idle connection between two requests in uvicorn itself.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway_client.bundled.gathered import Gathered

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 20.0
_TOO_LONG, _TOO_SLOW = "431 Request Header Fields Too Large", "408 Request Timeout"


class Guarded(HttpToolsProtocol):
    """Ends a connection whose request line and headers are too long (431) or come too slowly (408).

    What arrives in one piece is never too long: a piece has an end.
    """

    _head_bytes = 0
    _in_head = True
    """Also before the first byte: a connection that stays silent has the same time."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(Gathered(transport, self.loop))  # type: ignore[arg-type]  # as good as one
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._no_more_patience()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note the first byte of a head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note the end of a head."""
        self._in_head = False
        self._no_more_patience()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came, and look at what is still missing."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._end(_TOO_LONG)
            elif self._patience is None:
                self._be_patient()

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def _no_more_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        if self._answering():  # the head is that of a request after this one
            self._be_patient()
        else:
            self._end(_TOO_SLOW)

    def _end(self, status: str) -> None:
        if not self.transport.is_closing() and not self._answering():
            head = f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


class TransportInState(Guarded):
    """Lets `faults.Trouble` find its connection. Installed only where faults are asked for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the transport to the application."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

"""What is written at one moment leaves in one piece, in its order, and never late."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway_client.bundled.gathered import Gathered


class Transport:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def writelines(self, parts: list[bytes]) -> None:
        assert not self.closed
        self.sent.append(b"".join(parts))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return f"{name} of the transport"


def test_one_turn_is_one_piece() -> None:
    async def main() -> None:
        transport: Any = Transport()
        gathered = Gathered(transport, asyncio.get_running_loop())
        gathered.write(b"head")
        gathered.write(b"body")
        assert transport.sent == []
        await asyncio.sleep(0)
        assert transport.sent == [b"headbody"]
        gathered.write(b"next")
        await asyncio.sleep(0)
        assert transport.sent == [b"headbody", b"next"]
        assert gathered.get_extra_info("socket") == "socket of the transport"

    asyncio.run(main())


def test_closing_sends_what_is_left() -> None:
    async def main() -> None:
        transport: Any = Transport()
        gathered = Gathered(transport, asyncio.get_running_loop())
        gathered.write(b"last")
        gathered.close()
        assert (transport.sent, transport.closed) == ([b"last"], True)
        await asyncio.sleep(0)

    asyncio.run(main())


def test_nothing_goes_to_a_connection_that_is_gone() -> None:
    async def main() -> None:
        transport: Any = Transport()
        gathered = Gathered(transport, asyncio.get_running_loop())
        gathered.write(b"late")
        transport.close()
        await asyncio.sleep(0)
        assert transport.sent == []

    asyncio.run(main())

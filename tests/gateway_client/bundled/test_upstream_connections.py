"""Connections to a service: what comes back byte for byte, and every way in which it may end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise

import pytest
import trustme
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway_client.bundled.settings import HttpUpstream
from gateway_client.bundled.upstreams import connections
from gateway_client.bundled.upstreams.http import HttpClient
from gateway_client.bundled.upstreams.port import Broken, Outgoing, Unreachable

ASKED = Outgoing("/v1/messages?beta=true", {"anthropic-version": "2023-06-01"}, b'{"model":"m"}')
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def service(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpClient]:
    """Serve, and give a client of it."""
    tasks = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if tls else "http"
    client = HttpClient(HttpUpstream(f"{scheme}://127.0.0.1:{port}", SecretStr("upstream-secret-key")))
    try:
        yield client
    finally:
        await client.close()
        server.close()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def answer(client: HttpClient) -> tuple[int, bytes]:
    reply = await client.call(ASKED)
    try:
        return reply.status, b"".join([chunk async for chunk in reply.chunks])
    finally:
        await reply.close()


def framed(body: bytes, cuts: list[int], framing: str) -> bytes:
    """Return an answer as it stands on the wire; a chunk for each piece between the cuts."""
    head = b"HTTP/1.1 200 OK\r\n"
    if framing == "length":
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    if framing == "end":
        return head + b"connection: close\r\n\r\n" + body
    edges = sorted({0, *(cut % (len(body) + 1) for cut in cuts), len(body)})
    pieces = [body[start:end] for start, end in pairwise(edges)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@settings(deadline=None, max_examples=40)
@given(
    st.binary(max_size=3000),
    st.lists(st.integers(0, 3500), max_size=8),
    st.sampled_from(["length", "chunked", "end"]),
    st.booleans(),
)
def test_the_bytes_are_the_services_own(body: bytes, cuts: list[int], framing: str, informed: bool) -> None:
    """However they are framed, and wherever the network cuts them; a 1xx before them is none of them."""
    wire = (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" if informed else b"") + framed(body, cuts, framing)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for start, end in pairwise(sorted({0, *(cut % (len(wire) + 1) for cut in cuts), len(wire)})):
            writer.write(wire[start:end])
            await asyncio.sleep(0)
        if framing != "end":
            await reader.read()

    async def main() -> tuple[int, bytes]:
        async with service(handle) as client:
            return await answer(client)

    assert uvloop.run(main()) == (200, body)


def test_what_is_sent() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + await read_request(reader))

    async def main() -> bytes:
        async with service(handle) as client:
            return (await answer(client))[1]

    head, _, body = uvloop.run(main()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /v1/messages?beta=true HTTP/1.1"
    headers = dict(line.split(": ") for line in lines)
    assert headers.pop("host").startswith("127.0.0.1:")
    assert headers == {
        "user-agent": "provision-bundled-gateway",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-length": "13",
        "x-api-key": "upstream-secret-key",
        "anthropic-version": "2023-06-01",
    }
    assert body == ASKED.body


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (b"", Unreachable),
        (b"HTTP/1.1 200", Unreachable),
        (b"no http at all\r\n\r\n", Unreachable),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, Unreachable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Broken),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", Broken),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n", Broken),
    ],
)
def test_an_answer_that_does_not_end_as_it_should(wire: bytes, error: type[Exception]) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(wire)

    async def main() -> None:
        async with service(handle) as client:
            await answer(client)

    with pytest.raises(error):
        uvloop.run(main())


def test_a_connection_is_kept_while_the_service_keeps_it() -> None:
    """One that it closed, or that has bytes nobody asked for, is not used again."""
    peers: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[1])
        for number in range(3):
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + (b"?" if number == 2 else b""))

    async def main() -> None:
        async with service(handle) as client:
            for _ in range(7):
                assert await answer(client) == (200, b"ok")
                await asyncio.sleep(0.02)

    uvloop.run(main())
    assert len(peers) == 3


def test_a_slow_reader_holds_the_service_back() -> None:
    """So that a client that does not read can't fill the gateway's memory."""
    sent = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
        for _ in range(500):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def main() -> tuple[int, int]:
        async with service(handle) as client:
            reply = await client.call(ASKED)
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.2)
            held = sent
            total = sum([len(chunk) async for chunk in reply.chunks])
            await reply.close()
            return held, total

    held, total = uvloop.run(main())
    assert held < 20_000_000  # what the kernel's buffers take is not ours to say
    assert total == 50_000_000


def test_silence_ends_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(connections, "SILENCE_SECONDS", 0.1)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> None:
        async with service(handle) as client:
            await answer(client)

    with pytest.raises(Unreachable):
        uvloop.run(main())


def test_no_header_can_bring_another_one() -> None:
    async def main() -> None:
        async with service(lambda reader, writer: asyncio.sleep(0)) as client:
            await client.call(Outgoing("/", {"anthropic-beta": "x\r\nx-evil: 1"}, b""))

    with pytest.raises(ValueError, match="line break"):
        uvloop.run(main())


def test_tls_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await reader.read()

    async def main() -> tuple[int, bytes]:
        async with service(handle, tls) as client:
            return await answer(client)

    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        uvloop.run(main())
    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        assert uvloop.run(main()) == (200, b"ok")

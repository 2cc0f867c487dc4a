"""Loads one address of the loopback for `gateway.py`: by wrk, or in Python where that is missing."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

PATH = "/v1/messages"
# wrk calls `done` once, with latencies in microseconds.
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = io.open("{body}", "rb"):read("*a")
{headers}
done = function(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50)))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a loader saw: requests, seconds, failures, median latency in milliseconds."""

    requests: int
    seconds: float
    failed: int
    median_ms: float

    def rate(self) -> float:
        return self.requests / self.seconds


def load(
    port: int, headers: dict[str, str], sent: bytes, connections: int, seconds: float, work: Path
) -> Load:
    """Send the same request over so many connections, each the next when the last is answered."""
    headers = {"content-type": "application/json", **headers}
    if shutil.which("wrk"):
        return _wrk(port, headers, sent, connections, seconds, work)
    return uvloop.run(_loop(port, headers, sent, connections, seconds))


def post(headers: dict[str, str], sent: bytes) -> bytes:
    """Return a request as it stands on the wire."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {len(sent)}\r\n\r\n".encode()
        + sent
    )


def _wrk(
    port: int, headers: dict[str, str], sent: bytes, connections: int, seconds: float, work: Path
) -> Load:
    (work / "body").write_bytes(sent)
    lines = "\n".join(f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}" for n, v in headers.items())
    script = work / "load.lua"
    script.write_text(WRK_SCRIPT.replace("{body}", str(work / "body")).replace("{headers}", lines))
    command = ("wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script))
    url = f"http://127.0.0.1:{port}{PATH}"
    printed = subprocess.run((*command, url), capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", printed)
    assert found, printed
    count, micros, failed, middle = map(int, found.groups())
    return Load(count, micros / 1e6, failed, middle / 1000)


class _Asking(asyncio.Protocol):
    """One connection; understands answers that tell their length."""

    def __init__(self, request: bytes, until: float) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.times: list[float] = []
        self.failed = 0
        self._request = request
        self._until = until

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]):
            return
        now = time.perf_counter()
        self.times.append(now - self._asked)
        self.failed += not head.startswith(b"HTTP/1.1 200")
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed += time.perf_counter() < self._until
        self.over.set_result(None)

    def _ask(self) -> None:
        self._received, self._asked = b"", time.perf_counter()
        self._transport.write(self._request)


async def _loop(port: int, headers: dict[str, str], sent: bytes, connections: int, seconds: float) -> Load:
    loop, start, request = asyncio.get_running_loop(), time.perf_counter(), post(headers, sent)
    asking = [_Asking(request, start + seconds) for _ in range(connections)]
    for one in asking:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)
    await asyncio.gather(*(one.over for one in asking))
    times = [taken for one in asking for taken in one.times]
    failed = sum(one.failed for one in asking)
    return Load(len(times), time.perf_counter() - start, failed, median(times or [0]) * 1000)

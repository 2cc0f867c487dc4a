"""The bundled gateway beside a bare pass-through and Portkey's open-source gateway, in one run.

All of them stand before the same local upstream and are loaded in turn, round after round: with 32
connections and with 1, requests of 1 kB and of 60 kB; then streams one by one; then the memory of the
bundled gateway over many requests. The bundled gateway checks the key, merges metadata, holds a budget
and a rate limit against each request, and writes its log to disk. The bare pass-through is uvicorn
(uvloop, httptools) and aiohttp, and does nothing of that.

Loopback only, except that npm fetches Portkey's gateway into `--portkey FOLDER` (a temporary one where
none is given) unless it is there; with `--no-portkey`, or where npm can't, it is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests
from gateway_load import Load, load, post

ROOT = Path(__file__).resolve().parents[1]
SERVERS = str(Path(__file__).with_name("gateway_servers.py"))
CONNECTIONS = 32
SIZES = {"1 kB": 1_000, "60 kB": 60_000}
PORTKEY = {
    "private": True,
    "dependencies": {"@portkey-ai/gateway": "1.15.2"},
    # Those of its own lock file: with newer ones every stream fails (facts/portkey.md 12.1).
    "overrides": {"@hono/node-server": "1.13.5", "hono": "4.9.7"},
}
# It has no option for the address, and would listen on all of them.
FORCE_LOOPBACK = """
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const done = rest.find((argument) => typeof argument === "function");
  return listen.call(this, Number(typeof port === "object" ? port.port : port), "127.0.0.1", done);
};
"""
Kept = dict[tuple[str, str], list[float]]
"""By subject and size, one figure a round."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that answers; `headers` are what it needs beyond a content type."""

    name: str
    port: int
    headers: dict[str, str]
    process: subprocess.Popen[str]


def body(size: int, *, stream: bool = False) -> bytes:
    """Return a request of about `size` bytes; compact, as real clients write it."""
    message = {"role": "user", "content": "All work and no play makes Jack a dull boy.\n" * (size // 45)}
    params = {"model": "claude-opus-4-8", "max_tokens": 64000, "messages": [message], "stream": stream}
    return json.dumps(params, separators=(",", ":")).encode()


@contextlib.contextmanager
def started(
    *command: str, say: str | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process for the length of the block, and end it."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, text=True, cwd=cwd
    )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write((say or "") + "\n")
            process.stdin.flush()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def open_bundled(port: int, token: str) -> dict[str, str]:
    """Save a config and mint a key with metadata, a budget and a rate limit; returns a request's headers."""
    admin, url = {"x-portkey-api-key": token}, f"http://127.0.0.1:{port}/v1"
    config = {"name": "desktop-eng-prod", "config": {"provider": "@anthropic-prod"}}
    slug = requests.post(f"{url}/configs", json=config, headers=admin, timeout=20).json()["slug"]
    key = {
        "name": "claude-desktop-eng-prod",
        "scopes": ["completions.write"],
        "defaults": {
            "config_id": slug,
            "allow_config_override": False,
            "metadata": {"tenant": "acme", "team": "eng", "env": "prod"},
        },
        "usage_limits": {"credit_limit": 1_000_000, "type": "cost", "periodic_reset": "monthly"},
        "rate_limits": [
            {"type": "requests", "unit": "rpm", "value": 1_000_000_000},
            {"type": "tokens", "unit": "rpm", "value": 1_000_000_000},
        ],
    }
    minted = requests.post(f"{url}/api-keys/workspace/service", json=key, headers=admin, timeout=20)
    return {
        "authorization": f"Bearer {minted.json()['key']}",
        "user-agent": "claude-cli/2.1.329 (external, cli)",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
        "x-claude-code-session-id": "0b0e5c1e-7f3a-4a53-9d0a-5b6c0d7f1a2b",
        "x-portkey-metadata": '{"user":"alice@acme.example","_user":"alice@acme.example"}',
    }


def portkey_folder(asked: Path | None, work: Path) -> Path | str:
    """Return where Portkey's gateway is installed, after installing it where it must be; or why it is not."""
    folder = asked or work / "portkey"
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    if not (folder / "node_modules/@portkey-ai/gateway/build/start-server.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps(PORTKEY))
        install = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        if subprocess.run(install, cwd=folder, check=False).returncode:
            return "npm could not install it"
    (folder / "loopback.cjs").write_text(FORCE_LOOPBACK)
    return folder


@contextlib.contextmanager
def portkey(folder: Path, upstream: int) -> Iterator[Subject]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    main = "node_modules/@portkey-ai/gateway/build/start-server.js"
    with started(
        "node", "--require", "./loopback.cjs", main, f"--port={port}", "--headless", cwd=folder
    ) as it:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if time.monotonic() > deadline:
                raise TimeoutError("Portkey's gateway does not answer")
            time.sleep(0.1)
        headers = {
            "x-portkey-provider": "anthropic",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
            "authorization": "Bearer upstream-key",
        }
        yield Subject("Portkey 1.15.2", port, headers, it)


def measured(
    subject: Subject, sent: bytes, connections: int, seconds: float, work: Path
) -> tuple[Load, float]:
    """Load a subject; returns with it the microseconds of processor time that it took for a request."""
    before = busy_seconds(subject.process)
    found = load(subject.port, subject.headers, sent, connections, seconds, work)
    if found.failed or not found.requests:
        raise SystemExit(f"{subject.name}: {found.failed} of {found.requests} requests failed")
    return found, (busy_seconds(subject.process) - before) / found.requests * 1e6


def busy_seconds(process: subprocess.Popen[str]) -> float:
    """Return the processor time of a process, all threads (Linux)."""
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def first_event_ms(subject: Subject, rounds: int) -> float:
    """Return how long after the upstream wrote it the client had a stream's first event, at the median."""
    request = post({"content-type": "application/json", **subject.headers}, body(1000, stream=True))
    delays = []
    with socket.create_connection(("127.0.0.1", subject.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            connection.sendall(request)
            received, delay = b"", None
            while not received.endswith(b"0\r\n\r\n"):
                part = connection.recv(65536)
                now = time.monotonic_ns()
                assert part, received
                received += part
                if delay is None and (left := re.search(rb"@(\d+)@", received)):
                    delay = (now - int(left[1])) / 1e6
            assert delay is not None, received
            delays.append(delay)
    return median(delays)


def resident_mib(process: subprocess.Popen[str]) -> float:
    printed = subprocess.run(
        ("ps", "-o", "rss=", "-p", str(process.pid)), capture_output=True, text=True, check=True
    )
    return int(printed.stdout) / 1024


def spread(values: list[float], digits: int = 2) -> str:
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} .. {max(values):,.{digits}f})"


def table(title: str, subjects: list[Subject], columns: list[str], row: Callable[[str], list[str]]) -> None:
    print(f"\n{title}")
    print(" " * 16 + "".join(f"{column:>30}" for column in columns))
    for subject in subjects:
        print(f"{subject.name:16}" + "".join(f"{cell:>30}" for cell in row(subject.name)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of each load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=40, help="per round and subject")
    parser.add_argument("--memory-requests", type=int, default=100_000)
    parser.add_argument("--portkey", type=Path, metavar="FOLDER", help="where its npm package is, or goes to")
    parser.add_argument("--no-portkey", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        python = (sys.executable, SERVERS)
        process = stack.enter_context(started(*python, "upstream"))
        upstream = Subject("direct", port_of(process), {}, process)
        target = f"http://127.0.0.1:{upstream.port}"
        process = stack.enter_context(started(*python, "bare", target))
        bare = Subject("bare", port_of(process), {}, process)
        token = secrets.token_urlsafe(40)
        process = stack.enter_context(
            started(*python, "bundled", target, str(work / "state" / "gateway.db"), say=token)
        )
        port = port_of(process)
        bundled = Subject("bundled", port, open_bundled(port, token), process)
        subjects = [upstream, bare, bundled]
        if not options.no_portkey:
            folder = portkey_folder(options.portkey, work)
            if isinstance(folder, str):
                print(f"Portkey's gateway is left out: {folder}")
            else:
                subjects.append(stack.enter_context(portkey(folder.resolve(), upstream.port)))
        measure(subjects, options, work)
        if options.memory_requests:
            memory(bundled, options.memory_requests, work)


def measure(subjects: list[Subject], options: argparse.Namespace, work: Path) -> None:
    rates: Kept = {}
    busy: Kept = {}
    single: Kept = {}
    streams: Kept = {}
    for subject in subjects:
        measured(subject, body(1000), CONNECTIONS, 1, work)  # warm: caches are filled, connections open
    for _ in range(options.rounds):
        for label, size in SIZES.items():
            for subject in subjects:
                found, micros = measured(subject, body(size), CONNECTIONS, options.seconds, work)
                rates.setdefault((subject.name, label), []).append(found.rate())
                busy.setdefault((subject.name, label), []).append(micros)
            for subject in subjects:
                found, _ = measured(subject, body(size), 1, options.seconds, work)
                single.setdefault((subject.name, label), []).append(found.median_ms)
        for subject in subjects:
            streams.setdefault((subject.name, ""), []).append(first_event_ms(subject, options.streams))

    def multiple(name: str, size: str) -> str:
        pairs = zip(rates["bundled", size], rates[name, size], strict=True)
        return spread([mine / other for mine, other in pairs])

    def added(values: Kept, name: str, size: str) -> str:
        pairs = zip(values[name, size], values["direct", size], strict=True)
        return spread([mine - other for mine, other in pairs], 3)

    print(f"{options.rounds} rounds in turn, {options.seconds:g} s each; median (min .. max) of the rounds")
    for size in SIZES:
        table(
            f"{size}, {CONNECTIONS} connections",
            subjects,
            ["requests/s", "bundled as its multiple", "processor us/request"],
            lambda name, s=size: [spread(rates[name, s], 0), multiple(name, s), spread(busy[name, s], 0)],
        )
        table(
            f"{size}, 1 connection",
            subjects,
            ["median ms", "over direct"],
            lambda name, s=size: [spread(single[name, s], 3), added(single, name, s)],
        )
    table(
        "first event of a stream, ms after the upstream wrote it",
        subjects,
        ["median ms", "over direct"],
        lambda name: [spread(streams[name, ""], 3), added(streams, name, "")],
    )


def memory(bundled: Subject, wanted: int, work: Path) -> None:
    print(f"\nmemory of the bundled gateway over {wanted:,} requests of 1 kB, {CONNECTIONS} connections")
    done, seen = 0, []
    while done < wanted:
        found, _ = measured(bundled, body(1000), CONNECTIONS, min(4, 1 + wanted // 50_000), work)
        done += found.requests
        seen.append((done, resident_mib(bundled.process)))
    print("  ".join(f"{count:,}: {mib:.1f} MiB" for count, mib in seen))


if __name__ == "__main__":
    main()

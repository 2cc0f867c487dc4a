"""Serves a gateway: for the length of a `with` block, or in the foreground until a signal.

with Embedded(settings) as gateway:
    requests.get(gateway.url + "/v1/health")
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from gateway_client.bundled.app import create_app
from gateway_client.bundled.errors import BindRefused, PortTaken, ServeError
from gateway_client.bundled.protocol import Guarded, TransportInState
from gateway_client.bundled.settings import GatewaySettings, is_loopback
from gateway_client.bundled.store.claim import claimed
from gateway_client.bundled.store.database import open_store
from gateway_client.bundled.timestamps import Clock, wall_clock

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8080
STOP_SECONDS = 5
"""How long requests under way may take to end when the gateway stops; then they are answered 503."""
LAST_SECONDS = 2
"""How long that may take."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate chain and key, PEM files."""

    certificate: Path
    key: Path


class Embedded:
    """A gateway in a thread of its own. `url` is where it listens, without a slash at the end.

    Raises `ServeError`s on entering. Leaving ends requests under way, and writes the log out.
    """

    def __init__(self, settings: GatewaySettings, *, port: int = 0, clock: Clock = wall_clock) -> None:
        self._settings = settings
        self._port = port
        self._clock = clock
        self._running = contextlib.ExitStack()
        self.url = ""
        self.instance_id = ""

    def __enter__(self) -> Self:
        """Bind the port (0 takes a free one), open the database, and return when the gateway answers."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(contextlib.closing(_listen(LOOPBACK, self._port)))
            stack.enter_context(claimed(self._settings.database))
            store = open_store(self._settings.database, self._clock())
            stack.enter_context(contextlib.closing(store))
            app = create_app(self._settings, store, clock=self._clock)
            server = _Server(_config(app, self._settings))
            thread = threading.Thread(target=_run, args=(server, listener), name="gateway", daemon=True)
            thread.start()
            stack.callback(_stop, server, thread)
            server.ready.wait()
            if not server.started:
                raise ServeError("the bundled gateway did not start", "its log output says why")
            self.url, self.instance_id = _url("http", LOOPBACK, listener), store.instance_id
            self._running = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop gracefully and close the database."""
        self._running.close()


def serve(
    settings: GatewaySettings,
    *,
    host: str = LOOPBACK,
    port: int = DEFAULT_PORT,
    tls: Tls | None = None,
    allow_insecure_bind: bool = False,
    on_ready: Callable[[str, str], None] = lambda url, instance_id: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then stop gracefully; call it from the main thread.

    `on_ready` gets URL and instance id once the gateway listens; it runs in the server's loop, so it
    can't call the gateway. Raises `BindRefused` for an address off loopback without TLS unless
    `allow_insecure_bind`, and other `ServeError`s. After a graceful stop the signal takes its usual
    course: SIGINT raises KeyboardInterrupt, SIGTERM ends the process.
    """
    if not is_loopback(host) and tls is None and not allow_insecure_bind:
        raise BindRefused(
            f"the gateway would listen on {host} without TLS, and keys would travel in the clear",
            "give a certificate and its key, serve on 127.0.0.1 behind a TLS proxy, "
            "or allow an insecure bind in so many words",
        )
    with (
        contextlib.closing(_listen(host, port)) as listener,
        claimed(settings.database),
        contextlib.closing(open_store(settings.database, wall_clock())) as store,
    ):
        if tls is not None:
            _check_pair(tls)
        server = _Server(_config(create_app(settings, store), settings, tls))
        url = _url("https" if tls else "http", host, listener)
        server.on_ready = lambda: on_ready(url, store.instance_id)
        server.run(sockets=[listener])


def _run(server: _Server, listener: socket.socket) -> None:
    try:
        server.run(sockets=[listener])
    finally:
        server.ready.set()  # also when it never came so far, so that nobody waits for ever


def _stop(server: _Server, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join()


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it answers, and lets requests end by themselves when it stops.

    uvicorn's own way would close the application while the requests that it cancelled still use it.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self.on_ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.on_ready()
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        patience = asyncio.get_running_loop().call_later(STOP_SECONDS, self._lose_patience)
        try:
            await super().shutdown(sockets)
        finally:
            patience.cancel()

    def _lose_patience(self) -> None:
        running = tuple(self.server_state.tasks)
        if running:
            count = "a request was" if len(running) == 1 else f"{len(running)} requests were"
            _log.warning("%s still running %g s after the stop, and told to try again", count, STOP_SECONDS)
        for task in running:
            task.cancel()


def _config(app: Any, settings: GatewaySettings, tls: Tls | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TransportInState if settings.faults else Guarded,
        ws="none",
        lifespan="on",
        log_config=None,  # the host program's logging stays as it is
        access_log=False,
        proxy_headers=False,  # nothing here goes by a client's address
        date_header=not settings.faults.clock_skew,  # then `faults.Dated` writes it
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS + LAST_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def _check_pair(tls: Tls) -> None:
    """Raise `ServeError` for what `ssl` would refuse; for a password it would ask on the terminal."""
    refused = "the certificate or its key can't be used"
    hint = "give two PEM files that belong together, the key without a password"

    def nobody_is_asked() -> str:
        raise ServeError(f"{refused}: {tls.key} wants a password", hint)

    for path in (tls.certificate, tls.key):
        try:
            path.open("rb").close()
        except OSError as exc:
            raise ServeError(f"{refused}: {path}: {exc.strerror}", "give the path of a PEM file") from exc
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key, nobody_is_asked)
    except OSError as exc:  # what `ssl` raises is one, too
        both = f"{tls.certificate}, {tls.key}"
        raise ServeError(f"{refused}: {both}: {exc.strerror or exc}", hint) from exc


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        with _closed_on_error(listener):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
    except OSError as exc:
        raise PortTaken(
            f"the gateway can't listen on {host} port {port}: {exc.strerror or exc}", _way_out(exc)
        ) from exc
    return listener


def _way_out(exc: OSError) -> str:
    if isinstance(exc, socket.gaierror):
        return "give an address of this machine, or a name that leads to one"
    match exc.errno:
        case errno.EADDRNOTAVAIL:
            return "give an address that this machine has, or 0.0.0.0 for all of them"
        case errno.EACCES:
            return "choose a port from 1024 on"
        case _:
            return "stop what listens there, or choose another port"


@contextlib.contextmanager
def _closed_on_error(listener: socket.socket) -> Iterator[None]:
    try:
        yield
    except OSError:
        listener.close()
        raise


def _url(scheme: str, host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listener.getsockname()[1]}"

"""The connection under the door: TLS that always verifies, a look at who really answered, a time cap.

For `http.Door` only. requests and urllib3 do the HTTP; here is what they do not: the address that a
connection reached is checked before a byte is sent (DNS rebinding, T7), no certificate source or
TLS version comes from the environment (T8), and a server that drips bytes is cut off (T27).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from gateway_client.errors import TlsFailure, UrlRefused
from gateway_client.url import GatewayUrl


class Line:
    """What the exchange in progress did to its connection. One exchange at a time.

    `sent` tells whether anything of the request went out; `cut` whether the time cap ended it.
    """

    def __init__(self, url: GatewayUrl) -> None:
        self.sent = False
        self.cut = False
        self._url = url
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    @contextmanager
    def watched(self, seconds: float) -> Iterator[None]:
        """Run one exchange; when it takes longer, shut its connection, in whatever phase it is.

        Socket timeouts start anew with each byte, so they do not end a slow header or handshake.
        """
        self.sent = self.cut = False
        watchdog = threading.Timer(seconds, self._shut)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            with self._lock:
                if self._handle is not None:
                    self._handle.close()
                self._handle = None

    def connected(self, sock: socket.socket) -> None:
        """Look at the peer of a new connection, before a byte goes to it."""
        reason = self._url.peer_refusal(sock.getpeername()[0])
        if reason is not None:
            raise UrlRefused(
                f"{self._url.host} leads to a refused address - {reason}",
                hint="allow private addresses if your gateway is inside; otherwise ask who runs your DNS",
            )
        self._hold(sock)

    def sending(self, sock: socket.socket) -> None:
        """Note that the request goes out, perhaps over a connection of a former exchange."""
        if self._handle is None:
            self._hold(sock)
        self.sent = True

    def _hold(self, sock: socket.socket) -> None:
        """Keep a second handle on the connection: wrapping into TLS takes the first one away."""
        with self._lock:
            if self.cut:
                raise TimeoutError("the time for this call is over")
            self._handle = socket.fromfd(sock.fileno(), sock.family, sock.type)

    def _shut(self) -> None:
        with self._lock:
            self.cut = True
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the other side hung up first


class _Connection(HTTPConnection):
    """A connection that tells its line what it does."""

    debuglevel = 0  # a process-wide http.client debug switch would print headers, and so the key

    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        try:
            self._line.connected(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def send(self, data: Any) -> None:
        """Send bytes of a request; connect first, as the superclass would."""
        if self.sock is None:
            self.connect()
        self._line.sending(self.sock)
        super().send(data)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Sends everything through one pool, made for one gateway."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__(max_retries=0)
        self._pool = pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return the pool; there are no proxies and no other hosts."""
        return self._pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the pool's TLS context as it is; requests would add its own certificates to it."""

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
        super().close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know of no redirect: requests reads the whole body of one even when told not to follow it."""


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies chain and host name with TLS 1.2 or newer.

    Trusts the public CAs that come with requests, or only those in `ca_file` (PEM). Neither
    `SSL_CERT_FILE` nor `REQUESTS_CA_BUNDLE` nor `SSLKEYLOGFILE` changes it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_file or certifi.where())
    except OSError as exc:
        raise TlsFailure(
            f"can't use the CA file - {ca_file} - {exc.strerror or exc}",
            hint="give a readable file with PEM certificates",
        ) from exc
    return context


def open_session(url: GatewayUrl, line: Line, *, ca_file: Path | None, user_agent: str) -> requests.Session:
    """Return a session that reaches this one gateway only.

    `trust_env` is off: no proxy, `.netrc` or certificate from the environment (T8). No cookies.
    """
    pool: HTTPConnectionPool
    if url.scheme == "https":
        pool = _TlsPool(url.host, url.port, ssl_context=tls_context(ca_file), line=line)
    else:
        pool = _Pool(url.host, url.port, line=line)
    session = _Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount(str(url), _Adapter(pool))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    # Not compressed: the cap on an answer's length is then one on what it costs us.
    session.headers.update(
        {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "identity"}
    )
    return session

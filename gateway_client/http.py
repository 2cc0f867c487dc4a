"""The one HTTP door to a gateway: JSON in, JSON out, and every failure told as a `GatewayError`.

Every adapter gets a door and does no HTTP of its own. What is repeated and what is not:

===========  ==============================  ====================================================
effect       calls                           when the answer is lost, or 5xx, or 408
===========  ==============================  ====================================================
`read`       GET, a probe                    tried again, then the failure itself
`settle`     PUT, DELETE: the same again     tried again, then `OutcomeUnknown`
             does no harm
`create`     POST                            never tried again: `OutcomeUnknown` at once (T1)
===========  ==============================  ====================================================

All three are tried again when nothing was sent (no connection), and after a 429, which comes
before anything is created (Portkey's AB06). Waits double from half a second with jitter;
`Retry-After` in whole or fractional seconds or as a date is obeyed up to a minute.

Not done here: paging, the meaning of bodies, logging. Bodies and credentials are never logged.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import requests
from pydantic import SecretStr
from requests import exceptions as theirs
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from gateway_client import answers
from gateway_client.errors import (
    BadReply,
    GatewayError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TimedOut,
    TlsFailure,
    Unreachable,
    UrlRefused,
)
from gateway_client.transport import Line, open_session
from gateway_client.url import GatewayUrl

Effect = Literal["read", "settle", "create"]
Method = Literal["GET", "POST", "PUT", "DELETE"]

_EFFECTS: dict[Method, Effect] = {"GET": "read", "PUT": "settle", "DELETE": "settle", "POST": "create"}
_TRIES = 4
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0
_PATIENCE = 60.0
_CHUNK = 64 * 1024
_CREDENTIAL = re.compile(r"[!-~]+\Z")

# Most special first: `ConnectTimeout` is a `ConnectionError` and a `Timeout`.
TRANSLATIONS: dict[type[theirs.RequestException], type[GatewayError]] = {
    theirs.ConnectTimeout: TimedOut,
    theirs.ReadTimeout: TimedOut,
    theirs.Timeout: TimedOut,
    theirs.SSLError: TlsFailure,
    theirs.ProxyError: Unreachable,
    theirs.ConnectionError: Unreachable,
    theirs.RetryError: Unreachable,
    theirs.ChunkedEncodingError: Unreachable,
    theirs.ContentDecodingError: BadReply,
    theirs.StreamConsumedError: BadReply,
    theirs.JSONDecodeError: BadReply,
    theirs.InvalidJSONError: BadReply,
    theirs.HTTPError: BadReply,
    theirs.TooManyRedirects: BadReply,
    theirs.InvalidProxyURL: UrlRefused,
    theirs.InvalidURL: UrlRefused,
    theirs.MissingSchema: UrlRefused,
    theirs.InvalidSchema: UrlRefused,
    theirs.URLRequired: UrlRefused,
    theirs.InvalidHeader: GatewayError,
    theirs.UnrewindableBodyError: GatewayError,
    theirs.RequestException: GatewayError,
}


class Door:
    """A door to one gateway, over one kept-alive connection. Calls from several threads take turns.

    `credential` goes into `header`. `timeout` is (connect, silence while reading) in seconds,
    `time_cap` what one exchange may take in all, `size_cap` the longest answer in bytes.
    With `ca_file`, only the CAs in it are trusted. There is no switch to skip verification.
    """

    def __init__(
        self,
        base: GatewayUrl,
        credential: SecretStr | None,
        *,
        header: str = "x-portkey-api-key",
        ca_file: Path | None = None,
        timeout: tuple[float, float] = (10.0, 30.0),
        time_cap: float = 120.0,
        size_cap: int = 32 * 1024 * 1024,
        user_agent: str = "provision",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.base = base
        self.clock_skew: float | None = None
        """Seconds that our clock is ahead of the server's by its last answer; to the second (T26)."""
        self._credential = credential
        self._header = header
        self._timeout = timeout
        self._time_cap = time_cap
        self._size_cap = size_cap
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._line = Line(base)
        self._session = open_session(base, self._line, ca_file=ca_file, user_agent=user_agent)
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def call(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: SecretStr | None = None,
        effect: Effect | None = None,
        tries: int = _TRIES,
    ) -> object:
        """Make a call below the base URL and return its parsed JSON; `{}` for an empty success.

        `bearer` is sent as `Authorization: Bearer` in place of the door's own credential.
        `effect` says what a repetition would do; by default it follows from the method.
        """
        effect = effect or _EFFECTS[method]
        credential = (
            (self._header, "", self._credential) if bearer is None else ("Authorization", "Bearer ", bearer)
        )
        request = requests.Request(
            method,
            f"{self.base}{path}",
            params=query,
            data=None if body is None else json.dumps(body, allow_nan=False).encode("ascii"),
            headers=({} if body is None else {"Content-Type": "application/json"}) | dict(headers or {}),
        )
        for attempt in itertools.count():
            with self._turn:
                try:
                    return self._exchange(request, *credential)
                except GatewayError as exc:
                    error, sent = exc, self._line.sent
            lost = _is_lost(error, sent=sent)
            wait = self._wait(error, attempt) if _may_repeat(error, effect, sent=sent, lost=lost) else None
            if wait is None or attempt + 1 >= tries:
                if lost and effect != "read":
                    raise OutcomeUnknown(
                        f"the answer was lost, so that nobody knows whether it happened - {error.message}",
                        hint="run again: what exists is looked up first",
                    ) from error
                raise error
            self._sleep(wait)
        raise AssertionError("unreachable: the loop has no end of its own")

    def pause(self, attempt: int) -> None:
        """Wait as before the next try of a call; for callers that look again for what must show up."""
        self._sleep(self._backoff(attempt))

    def _wait(self, error: GatewayError, attempt: int) -> float | None:
        """Return the seconds to wait before the next try, None when that is more than we do."""
        if isinstance(error, Refused) and error.retry_after is not None:
            return error.retry_after if error.retry_after <= _PATIENCE else None
        return self._backoff(attempt)

    def _backoff(self, attempt: int) -> float:
        longest = min(_FIRST_WAIT * 2.0**attempt, _LONGEST_WAIT)
        return longest * (0.5 + 0.5 * self._jitter())

    def _exchange(
        self, request: requests.Request, header: str, prefix: str, credential: SecretStr | None
    ) -> object:
        secret = "" if credential is None else credential.get_secret_value()
        if credential is not None and not _CREDENTIAL.match(secret):
            # Before requests sees it: its own complaint would quote the header.
            raise GatewayError(
                "the gateway key is empty, or holds a space, line break or other character that no key has",
                hint="look at where the key comes from; it may have been copied with its line",
            )
        prepared = self._session.prepare_request(request)
        if credential is not None:
            prepared.headers[header] = prefix + secret
        what = f"{request.method} {request.url}"
        began = self._clock()
        with self._line.watched(self._time_cap):
            try:
                with self._session.send(
                    prepared, stream=True, timeout=self._timeout, allow_redirects=False
                ) as response:
                    self._note_skew(response, began)
                    content = self._read(response, what)
            except (theirs.RequestException, HTTPError) as exc:
                raise self._translated(exc, what) from exc
        if self._line.cut:
            raise self._too_slow(what)
        return answers.read(
            response.status_code, response.headers, content, what=what, now=self._clock(), hide=secret
        )

    def _read(self, response: requests.Response, what: str) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._size_cap:
                raise BadReply(f"an answer of more than {self._size_cap} bytes - {what}")
        return bytes(content)

    def _note_skew(self, response: requests.Response, began: float) -> None:
        server = answers.http_date(response.headers.get("Date"))
        if server is not None:
            self.clock_skew = (began + self._clock()) / 2 - server

    def _translated(self, exc: Exception, what: str) -> GatewayError:
        """Return our error for one of theirs, by its class and by what became of the line."""
        if self._line.cut:
            return self._too_slow(what)
        ours = next((ours for their, ours in TRANSLATIONS.items() if isinstance(exc, their)), GatewayError)
        if any(isinstance(cause, ReadTimeoutError) for cause in _causes(exc)):
            ours = TimedOut
        if ours is TlsFailure and self._line.sent:
            ours = Unreachable  # over TLS, the other side hanging up looks like this
        return ours(f"{_IN_WORDS.get(ours, 'the call failed')} - {what}{_reason(exc)}", _HINTS.get(ours))

    def _too_slow(self, what: str) -> TimedOut:
        return TimedOut(f"no complete answer within {self._time_cap:g} s - {what}")


_IN_WORDS: dict[type[GatewayError], str] = {
    Unreachable: "no connection to the gateway",
    TlsFailure: "no trustworthy TLS connection to the gateway",
    TimedOut: "no answer in time",
    UrlRefused: "not a URL that can be called",
    BadReply: "an answer that can't be read",
}
_HINTS: dict[type[GatewayError], str] = {
    Unreachable: "check the gateway's URL, and that it is up",
    TlsFailure: "if its certificate comes from a CA of your own, give that CA's file; verification stays on",
}


def _is_lost(error: GatewayError, *, sent: bool) -> bool:
    """Tell whether a request went out and nobody knows what it did."""
    if isinstance(error, Refused):
        return error.status >= 500 or error.status == 408
    return sent and isinstance(error, Unreachable | TimedOut | BadReply)


def _may_repeat(error: GatewayError, effect: Effect, *, sent: bool, lost: bool) -> bool:
    if isinstance(error, RateLimited) or (not sent and isinstance(error, Unreachable | TimedOut)):
        return True
    return lost and effect != "create" and not isinstance(error, BadReply)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps; requests and urllib3 carry causes in their arguments."""
    waiting, seen = [exc], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            inner = (*cause.args, getattr(cause, "reason", None), cause.__cause__)
            waiting += [one for one in inner if isinstance(one, BaseException)]


def _reason(exc: BaseException) -> str:
    """Return ` - why` in a few words, "" when nothing underneath says it; never a header or body."""
    for cause in _causes(exc):
        match cause:
            case ssl.SSLCertVerificationError():
                return f" - {cause.verify_message.lower()}"
            case ssl.SSLError(reason=str(reason)):
                return f" - {reason.replace('_', ' ').lower()}"
            case NameResolutionError():
                return " - the name does not resolve"
            case OSError(strerror=str(strerror)):
                return f" - {strerror.lower()}"
    return ""

"""What a gateway's HTTP answer means: JSON, a refusal with its words and code, how long to wait. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NoReturn

from gateway_client.errors import BadReply, NotAuthorised, NotFound, RateLimited, Refused
from gateway_client.redaction import redacted

_LONGEST = 300
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?\Z")
_REFUSALS: dict[int, tuple[type[Refused], str | None]] = {
    401: (NotAuthorised, "the key is wrong, expired or revoked"),
    403: (NotAuthorised, "the key lacks a scope, or the thing is gone or in another workspace"),
    404: (NotFound, None),
    429: (RateLimited, "wait, then run again"),
}


def read(
    status: int, headers: Mapping[str, str], content: bytes, *, what: str, now: float, hide: str
) -> object:
    """Return a success's parsed JSON (`{}` when empty); raise `Refused` or `BadReply` otherwise.

    `what` names the call in messages, `now` is our clock (seconds since the epoch). `hide` is the
    credential of the call: a server that quotes it does not get it into a message.
    """
    if 300 <= status < 400:
        raise Refused(
            f"the gateway answers with a redirect, and none is followed - {what} - {status}",
            hint="set the gateway's URL to its final address",
            status=status,
        )
    try:
        body = _parsed(content) if content else {}
    except (ValueError, RecursionError):
        if status < 300:
            raise BadReply(
                f"an answer that is not JSON - {what}", hint="is this the URL of the gateway's API?"
            ) from None
        body = None
    if status < 300:
        return body
    message, code = told(body, hide)
    refusal, hint = _REFUSALS.get(status, (Refused, None))
    label = f"{status} {code}" if code else str(status)
    raise refusal(
        f"the gateway refused - {what} - {label}: {message or 'no reason given'}",
        hint,
        status=status,
        code=code,
        retry_after=retry_after(headers, now),
    )


def told(body: object, hide: str = "") -> tuple[str, str]:
    """Return message and code of a refusal's parsed body, safe on a terminal; "" for what it lacks.

    The credential `hide` is taken out of both.

    Portkey uses three shapes on its admin API (facts/portkey.md 3.2) and two more on the data plane
    (9.5); Anthropic's and FastAPI's are the upstream's and LiteLLM's. The innermost message wins,
    since outer ones repeat or shorten it.
    """
    if not isinstance(body, Mapping):
        return "", ""
    message = code = kind = ""
    for place in (body.get("error"), body.get("data"), body.get("detail"), body):
        if isinstance(place, Mapping):
            message = message or _plain(place.get("message"), hide) or _plain(place.get("error"), hide)
            code = code or _plain(place.get("errorCode"), hide) or _plain(place.get("code"), hide)
            kind = kind or _plain(place.get("type"), hide)
        else:
            message = message or _plain(place, hide)
    return message, code or kind


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `Retry-After` asks for, None when it does not ask.

    A number, with fractions as gateways send them ("2.128"), or a date, taken by the server's own clock.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.match(value):
        return float(value)
    date, server_now = http_date(value), http_date(headers.get("Date"))
    return None if date is None else max(0.0, date - (now if server_now is None else server_now))


def http_date(value: str | None) -> float | None:
    """Return an HTTP date as seconds since the epoch, None when there is no readable one."""
    try:
        parsed = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _parsed(content: bytes) -> object:
    """Return the JSON in UTF-8 bytes; raise `ValueError` for anything else.

    Half a surrogate pair is legal JSON and no text: it would fail far from here, when it is printed.
    """
    text = content.decode("utf-8-sig")
    body: object = json.loads(text, parse_constant=_no_constant)
    if "\\ud" in text.lower():
        json.dumps(body, ensure_ascii=False).encode()
    return body


def _plain(value: object, hide: str) -> str:
    """Return text or a number as one bounded line without control characters, else ""."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    shown = redacted(str(value), hide)[:_LONGEST]  # in this order: half a credential would pass
    printable = "".join(c if c.isprintable() else " " for c in shown)
    return " ".join(printable.split())


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")

"""What can go wrong between us and a gateway, as one tree. Nothing else leaves this package.

GatewayError              a call did not do what was asked
├── UrlRefused            an address that we do not talk to (T7), before a byte of ours is sent
├── Unreachable           no such name, nobody listens there, or the line broke on a read
├── TlsFailure            the server can't prove who it is, or speaks TLS older than 1.2 (T8)
├── TimedOut              no answer in time, and nothing was changed
├── OutcomeUnknown        a changing call whose answer was lost: look before trying again (T1)
├── Refused               the gateway answered, and the answer is no
│   ├── NotAuthorised     401, 403: the key is wrong, or lacks a scope
│   ├── NotFound          404, and Portkey's 403 AB03 where a lookup shows that it means the same
│   ├── RateLimited       429 beyond our patience
│   └── RotationInTransition   the key has two live secrets already
└── BadReply              an answer that is not what the API promises

Messages: lower case, no full stop, what - where - value; `hint` says what to do next. Neither
ever holds a credential.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Root of all that a gateway call can raise."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UrlRefused(GatewayError):
    """The URL, or the address behind its name, is one that must not get our credential."""


class Unreachable(GatewayError):
    """The name does not resolve, nobody listens, or the line broke while we only read."""


class TlsFailure(GatewayError):
    """No TLS connection that we trust came about; nothing was sent."""


class TimedOut(GatewayError):
    """No complete answer in time; nothing was changed."""


class OutcomeUnknown(GatewayError):
    """A changing call was sent and its answer was lost, so that it may have happened or not.

    The cause (`__cause__`) is the `GatewayError` that took the answer away.
    """


class Refused(GatewayError):
    """The gateway said no.

    `status` is the HTTP status, `code` the gateway's own ("" when it has none), `retry_after` the
    seconds that it asks us to wait (None when it does not say).
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        status: int,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class NotAuthorised(Refused):
    """The credential is not valid here, or has not the scope."""


class NotFound(Refused):
    """No such thing in this workspace."""


class RateLimited(Refused):
    """Too many calls, and waiting as long as the gateway asks is more than we do."""


class RotationInTransition(Refused):
    """A rotation is still in transition, and a gateway keeps two live secrets at most."""


class BadReply(GatewayError):
    """Not JSON, not the promised shape, too long, or a list that does not add up."""

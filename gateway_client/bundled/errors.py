"""What can keep the bundled gateway from serving.

ServeError          it can't be started; the message is for a person
├── BindRefused     an address off loopback without TLS, and nobody said that this is meant
├── PortTaken       another program listens there
├── StoreUnusable   the database file is of another program or another version
├── StoreInUse      another process serves it
└── SealBroken      the providers' keys can't be opened
"""

from __future__ import annotations


class ServeError(Exception):
    """The gateway can't be started. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BindRefused(ServeError):
    """Serving off loopback without TLS would send keys in the clear (T32)."""


class PortTaken(ServeError):
    """The address can't be bound."""


class StoreUnusable(ServeError):
    """The database can't be used as this gateway's store."""


class StoreInUse(ServeError):
    """Another gateway has the database: two would each count for themselves, and overlook revocations."""


class SealBroken(ServeError):
    """A provider's sealed key can't be opened: its seal's key file is missing, damaged or another."""

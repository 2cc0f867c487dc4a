"""Key secrets: made, hashed, masked, and found in a request's headers.

A secret is 256 random bits in base 62, so that a plain SHA-256 of it is enough to store. Few
modules of the gateway look inside a `SecretStr`: this one, and those that send or seal another's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

ALPHABET = string.ascii_letters + string.digits
LENGTH = 43  # 43 * log2(62) = 256 bits


@dataclass(frozen=True, slots=True)
class MintedSecret:
    """A new secret with what the store keeps of it."""

    secret: SecretStr
    digest: str
    masked: str


def mint() -> MintedSecret:
    """Make a new key secret."""
    value = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return MintedSecret(SecretStr(value), _sha256(value), f"{value[:2]}*****{value[-3:]}")


def sendable(secret: SecretStr) -> bool:
    """Tell whether a header can carry a secret: visible ASCII, in which nothing ends the header."""
    return re.fullmatch(r"[!-~]+", secret.get_secret_value()) is not None


def digest(secret: SecretStr) -> str:
    """Return the hex SHA-256 under which a secret is stored and looked up."""
    return _sha256(secret.get_secret_value())


def told(secret: SecretStr) -> str:
    """Return the secret itself, for the one reply to mint or rotate that tells it."""
    return secret.get_secret_value()


def presented(headers: Mapping[str, str]) -> SecretStr | None:
    """Return the credential of a request: `x-portkey-api-key`, else `Authorization` (facts/portkey.md 9.1).

    `x-api-key` is never read: Portkey does not, and a client set up with it must fail here too.
    """
    value = headers.get("x-portkey-api-key") or ""
    if not value:
        value = headers.get("authorization") or ""
        if value[:7].lower() == "bearer ":
            value = value[7:]
    value = value.strip()
    return SecretStr(value) if value else None


def _sha256(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()

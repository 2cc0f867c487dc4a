"""References to secrets, and fingerprints of them. A live value is always a `pydantic.SecretStr`.

Everything outside `vault`, `seal` and `gateway_client.http` passes `SecretRef`s: plans, ledger
events, artifacts before sealing, reports and golden files hold these and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Points at one sealed secret: the vault's id of it, and the fingerprint of its value."""

    vault_id: str
    fingerprint: str

    def placeholder(self) -> dict[str, str]:
        """Return the form that stands for the secret in digests, plans and golden files."""
        return {"$secret": self.fingerprint}


def fingerprint(value: str) -> str:
    """Return 12 hex digits that tell two keys apart and tell nothing of a 256-bit key.

    Not usable for guessable values: it is a plain hash. Gateway keys are random.
    """
    return hashlib.sha256(b"provision/key-fingerprint\0" + value.encode()).hexdigest()[:12]

"""The live keys as text and JSON: everything but the keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.ledger.keys import Listed
from provisioner.report.columns import table


def text(keys: Sequence[Listed], width: int) -> str:
    """Return a line per key."""
    if not keys:
        return "no keys"
    rows = (
        (
            key.name,
            key.who or "whoever shares it",
            "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}",
            key.fingerprint,
            key.state,
        )
        for key in keys
    )
    return "\n".join(table([("key", "of", "expires", "fingerprint", "state"), *rows], width, indent=0))


def as_json(keys: Sequence[Listed]) -> dict[str, Any]:
    """Return every key with what the ledger knows of it."""
    return {
        "version": 1,
        "kind": "keys",
        "keys": [
            {
                "name": key.name,
                "assignment": key.assignment,
                "who": key.who or None,
                "expires": None if key.expires_at is None else key.expires_at.isoformat(),
                "fingerprint": key.fingerprint,
                "state": key.state,
                "failures": list(key.failures),
            }
            for key in keys
        ],
    }

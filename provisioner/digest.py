"""Canonical JSON, SHA-256 and stable UUIDs: the one meaning of "the same" in plans, ledger and drift."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://provision.invalid/ids")


def canonical(value: Json) -> bytes:
    """Return compact, ASCII-only JSON with sorted keys; equal values give equal bytes."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False
    ).encode("ascii")


def sha256(data: bytes) -> str:
    """Return the hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def of(value: Json) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    return sha256(canonical(value))


def stable_uuid(*parts: str) -> str:
    """Return an upper-case UUIDv5 of the parts; the parts can't run into one another.

    MDMs replace an object by its identifier, so ids come from names, never from chance
    (facts/mdm.md 1.3).
    """
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts))).upper()

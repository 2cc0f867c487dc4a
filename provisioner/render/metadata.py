"""The metadata that labels every request of a client: one header, one line of compact ASCII JSON. Pure."""

from __future__ import annotations

import json

from provisioner import naming
from provisioner.errors import ArtifactError
from provisioner.render.model import Delivery

HEADER = "x-portkey-metadata"
VALUE_MAX = 128
"""Portkey's limit on a metadata value, in characters (C9)."""


def header_value(delivery: Delivery, user: str | None) -> str:
    """Return the header's value: an object of strings, in an order that never changes (S120, S177).

    `user` is an address, or the MDM's variable for one; None leaves the person out. The address
    of an assignment that is one person's goes before it. Portkey's analytics of users read
    `_user`, so the person stands there too (C9). Raises `ArtifactError` for a value that could
    end the header, break its JSON or be cut off by the gateway (T4).
    """
    person = delivery.user if delivery.user is not None else user
    pairs = [("tenant", delivery.tenant)]
    if person is not None:
        pairs.append(("user", person))
    pairs += [("team", delivery.team), ("env", delivery.env)]
    if person is not None:
        pairs.append(("_user", person))
    pairs += [("rev", str(delivery.revision)), *delivery.extra_metadata]

    labels: dict[str, str] = {}
    for name, value in pairs:
        if name in labels or not _plain(name):
            raise ArtifactError(
                f"metadata of {delivery.assignment}: name taken or not printable: {naming.shown(name)}"
            )
        if not _plain(value):
            raise ArtifactError(
                f"metadata of {delivery.assignment}: {name} is not 1 to {VALUE_MAX} printable"
                f" ASCII characters: {naming.shown(value)}"
            )
        labels[name] = value
    return json.dumps(labels, ensure_ascii=True, separators=(",", ":"))


def _plain(text: str) -> bool:
    return 0 < len(text) <= VALUE_MAX and text.isascii() and text.isprintable()

"""What a gateway is started with: values only, checked where they are wrong for any gateway."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

PROVIDERS: Mapping[str, str] = {
    "anthropic-prod": "anthropic",
    "bedrock-prod": "bedrock",
    "vertex-prod": "vertex",
    "azure-prod": "azure",
}
"""The slugs that the shipped policy profiles name, each with its family: `vertex/claude-x` reaches
the first provider of the family `vertex`."""


@dataclass(frozen=True, slots=True)
class HttpUpstream:
    """An Anthropic-compatible service that stands behind a provider's slug.

    `base_url` carries no `/v1`: the client's own path is appended. Its key goes out in the header
    that `auth` names, and replaces whatever credential the client sent.
    """

    base_url: str
    key: SecretStr
    auth: Literal["x-api-key", "bearer"] = "x-api-key"

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("upstream url: needs http or https and a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("upstream url: takes no user, query or fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("upstream url: http is for loopback only, the key would travel in the clear")


@dataclass(frozen=True, slots=True)
class Faults:
    """Which changing admin calls lose their connection, counted from 1 since the start. For tests.

    No request can set it: whoever starts the gateway does, in Python. `drop_after` carries the call
    out and then closes the connection without an answer; `drop_before` closes it first.
    """

    drop_after: frozenset[int] = frozenset()
    drop_before: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.drop_after or self.drop_before)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """One gateway: its database, its admin token, and who answers.

    A provider without an upstream is served by the built-in echo. `saved_only` refuses raw provider
    names and inline configs in headers, as new Portkey organisations do (facts/portkey.md 9.6).
    `max_body` is in bytes; a long session of a real client is megabytes.
    """

    database: Path
    admin_token: SecretStr
    saved_only: bool = True
    providers: Mapping[str, str] = field(default_factory=lambda: dict(PROVIDERS))
    upstreams: Mapping[str, HttpUpstream] = field(default_factory=dict)
    max_body: int = 64 * 1024 * 1024
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        strangers = sorted(set(self.upstreams) - set(self.providers))
        if strangers:
            raise ValueError(f"upstreams for providers that are not declared: {', '.join(strangers)}")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address stays on this machine; other names are never resolved."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

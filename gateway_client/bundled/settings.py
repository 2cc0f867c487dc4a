"""What a gateway is started with: values only, checked where they are wrong for any gateway."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway_client.bundled import credentials
from gateway_client.bundled.mcp import names

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
        check_base_url("upstream url", self.base_url)
        _check_key("upstream key", self.key)


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server (streamable HTTP) whose tools `/mcp` offers; `url` is its endpoint, whole.

    `key` goes out in `header`, as a bearer token where that is `authorization`. `tools` are names of
    its tools, None for all of them; `keys` are names of the API keys that may use it. Both are
    patterns with `*` and `?`. `timeout` is the seconds that one call may take.
    """

    url: str
    key: SecretStr | None = None
    header: str = "authorization"
    tools: tuple[str, ...] | None = None
    keys: tuple[str, ...] = ("*",)
    timeout: float = 60.0

    def __post_init__(self) -> None:
        check_url("mcp server url", self.url)
        if self.key is not None:
            _check_key("mcp server key", self.key)
        if not re.fullmatch(r"[A-Za-z0-9-]+", self.header):
            raise ValueError("mcp server header: needs a header's name, letters, digits and dashes")
        if not 0 < self.timeout <= 600:
            raise ValueError("mcp server timeout: needs a number of seconds, 600 at most")

    def offers(self, tool: str) -> bool:
        """Tell whether one of the server's tools is offered."""
        return self.tools is None or any(fnmatchcase(tool, pattern) for pattern in self.tools)

    def open_to(self, key_name: str) -> bool:
        """Tell whether an API key of this name may use the server."""
        return any(fnmatchcase(key_name, pattern) for pattern in self.keys)


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, for tests. No request can set it: whoever starts the gateway does, in Python.

    Calls of the admin API are counted from 1 since the start.

    ====================  ==================================================================================
    `drop_after`          the n-th changing call is carried out, and its connection closed without an answer
    `drop_before`         the n-th changing call's connection is closed first
    `busy`                the n-th call is refused: 429 AB06, `Retry-After` in `retry_after` seconds
    `fail_after`          the n-th call is carried out, and answered 500 AB04
    `fail_before`         the n-th call is answered 500 AB04 and not carried out
    `stale_reads`         so many reads after a change still see what was before it
    `revocation_delay`    seconds for which the data plane takes a key that is revoked, or changed, as it was
    `page_cap`            items on a page at most, whatever is asked for
    `clock_skew`          seconds that the gateway's clock is ahead, in moments and the `Date` header
    ====================  ==================================================================================
    """

    drop_after: frozenset[int] = frozenset()
    drop_before: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()
    retry_after: float = 0.2
    fail_after: frozenset[int] = frozenset()
    fail_before: frozenset[int] = frozenset()
    stale_reads: int = 0
    revocation_delay: float = 0.0
    page_cap: int | None = None
    clock_skew: float = 0.0

    def __bool__(self) -> bool:
        return self != Faults()


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """One gateway: its database, its admin token, and who answers.

    A provider without an upstream is served by the built-in echo. `saved_only` refuses raw provider
    names and inline configs in headers, as new Portkey organisations do (facts/portkey.md 9.6).
    `mcp_servers` are by their slugs. `max_body` is in bytes: Anthropic takes 32 MB of messages, and a long
    session of a real client is megabytes.
    `log_bodies` writes requests and answers down, redacted and cut (`store.bodies`). Logged requests
    and admin calls older than `retention_days` are deleted; None or 0 keeps them for ever.
    """

    database: Path
    admin_token: SecretStr
    saved_only: bool = True
    providers: Mapping[str, str] = field(default_factory=lambda: dict(PROVIDERS))
    upstreams: Mapping[str, HttpUpstream] = field(default_factory=dict)
    mcp_servers: Mapping[str, McpServer] = field(default_factory=dict)
    max_body: int = 32 * 1024 * 1024
    log_bodies: bool = False
    retention_days: int | None = 30
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        strangers = sorted(set(self.upstreams) - set(self.providers))
        if strangers:
            raise ValueError(f"upstreams for providers that are not declared: {', '.join(strangers)}")
        for slug in self.mcp_servers:
            if not is_mcp_slug(slug):
                raise ValueError(f"mcp server {slug!r}: a slug is {MCP_SLUG}")


MCP_SLUG = f"lower-case letters, digits and single dashes, {names.LONGEST_SLUG} characters at most"


def is_mcp_slug(slug: str) -> bool:
    """Tell whether an MCP server can have this slug, which becomes part of its tools' names."""
    return bool(names.SLUG.match(slug)) and len(slug) <= names.LONGEST_SLUG


def check_base_url(what: str, url: str) -> None:
    """Raise `ValueError` for what can't be a service's base URL, to which `/v1/messages` is appended."""
    check_url(what, url)
    for ending in ("/v1", "/v1/messages"):
        if url.rstrip("/").lower().endswith(ending):
            rest = url.rstrip("/")[: -len(ending)]
            raise ValueError(f"{what}: ends in {ending}, which the gateway appends itself; write {rest}")


def _check_key(what: str, key: SecretStr) -> None:
    if not credentials.sendable(key):
        raise ValueError(
            f"{what}: is empty, or has a space, line break or other character no header can carry"
        )


def check_url(what: str, url: str) -> None:
    """Raise `ValueError` for what can't be a service's URL."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"{what}: has a space or line break")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{what}: needs http or https and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{what}: takes no user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"{what}: http is for loopback only, the key would travel in the clear")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address stays on this machine; other names are never resolved."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

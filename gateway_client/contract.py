"""The neutral port to a gateway's admin API: what every adapter gives, in the field's own terms.

Pure values and one Protocol; no I/O here, so that plans can be built from it. What a product
can't express an adapter says through `Capabilities`, and never drops in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import SecretStr

RateKind = Literal["requests", "tokens"]
RateUnit = Literal["rps", "rpm", "rph", "rpd", "rpw"]
Reset = Literal["weekly", "monthly"]


@dataclass(frozen=True, slots=True, order=True)
class RateLimit:
    """At most `value` requests or tokens per unit of time."""

    kind: RateKind
    unit: RateUnit
    value: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Whole US dollars per period (Portkey knows integers of 1 and more only: facts/portkey.md 4.1)."""

    usd: int
    reset: Reset | None = "monthly"
    alert_at_usd: int | None = None


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A scoped key as it should be. `metadata` is the key's own: on Portkey it beats the request's header."""

    name: str
    description: str
    config: str
    """Slug of the routing config that the key is bound to."""
    metadata: Mapping[str, str]
    budget: Budget | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    expires_at: datetime | None = None
    """Aware, UTC, whole seconds."""
    scopes: tuple[str, ...] = ("completions.write",)
    allow_config_override: bool = False


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A key as the gateway lists it; never holds the secret."""

    id: str
    name: str
    description: str
    status: str
    """`active`, `exhausted` or `expired`, as the gateway says it."""
    config: str | None
    metadata: Mapping[str, str]
    budget: Budget | None
    rate_limits: tuple[RateLimit, ...]
    expires_at: datetime | None
    allow_config_override: bool | None
    """None where the gateway does not say (list items of Portkey omit it)."""
    scopes: tuple[str, ...] = ()
    unmapped: Mapping[str, str] = field(default_factory=dict)
    """Field to words: what the gateway holds of this key and this form can't express."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """A routing config as the gateway holds it. `body` is None in listings that omit it."""

    id: str
    slug: str
    name: str
    body: Mapping[str, Any] | None
    version: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Minted:
    """The one time that a key's secret is told."""

    id: str
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class Probe:
    """One minimal request with a key and a model: did it work, and what was said when not."""

    model: str
    ok: bool
    status: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All keys and configs of the workspace at one moment, paged to the end."""

    keys: tuple[RemoteKey, ...]
    configs: tuple[RemoteConfig, ...]


class Gateway(Protocol):
    """The admin API of one workspace. Every call raises `gateway_client.errors.GatewayError`s only.

    Creates are never repeated blindly: when the outcome of one is unknown, `OutcomeUnknown` is
    raised, and the caller looks before it tries again.
    """

    @property
    def url(self) -> str:
        """Where the gateway is, without secrets, for people to read."""

    def check(self) -> None:
        """Make one harmless call that proves URL, TLS and admin key; raises what is wrong."""

    def list_keys(self) -> tuple[RemoteKey, ...]:
        """Return every key of the workspace, paged until the total is reached."""

    def list_configs(self) -> tuple[RemoteConfig, ...]:
        """Return every config of the workspace; `body` may be None."""

    def get_config(self, slug: str) -> RemoteConfig:
        """Return one config with its body."""

    def create_config(self, name: str, body: Mapping[str, Any]) -> RemoteConfig:
        """Create a config; the gateway chooses the slug."""

    def update_config(self, slug: str, name: str, body: Mapping[str, Any]) -> None:
        """Replace a config's body."""

    def create_key(self, spec: KeySpec) -> Minted:
        """Mint a key. Names are not unique: look first."""

    def update_key(self, key_id: str, spec: KeySpec) -> None:
        """Bring a key's description, limits, config, metadata and expiry to the spec."""

    def rotate_key(self, key_id: str) -> Minted:
        """Give a key a new secret; the old one works on through the gateway's transition."""

    def delete_key(self, key_id: str) -> None:
        """Revoke a key for good; a key that is gone already is success."""


class DataPlane(Protocol):
    """The inference side, used once per new key to prove that it works."""

    def try_model(self, secret: SecretStr, model: str) -> Probe:
        """Send one minimal request (`max_tokens` 1); never raises for a refusal."""

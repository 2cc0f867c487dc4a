"""A plan: data that fully determines what an apply does. Pure; holds no secret.

Actions are a closed union. "Can't do" is a value with a reason (`Blocked`), and what a run that
broke off left behind is settled by actions of its own, in the plan like everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gateway_client.contract import Budget, KeySpec, RateLimit
from provisioner.plan.consoles import Consoles
from provisioner.plan.counts import Counts, SecondMatch

PLAN_VERSION = 2


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key as the roster and the policies ask for it; the config by name, its slug may not exist yet."""

    name: str
    assignment: str
    config: str
    metadata: Mapping[str, str]
    budget: Budget | None
    rate_limits: tuple[RateLimit, ...]
    expires_at: datetime | None
    models: tuple[str, ...]
    """Model names pinned in the client, to be proven with the new key."""

    def spec(self, slug: str, description: str) -> KeySpec:
        """Return what the gateway is told."""
        return KeySpec(
            name=self.name,
            description=description,
            config=slug,
            metadata=self.metadata,
            budget=self.budget,
            rate_limits=self.rate_limits,
            expires_at=self.expires_at,
        )


@dataclass(frozen=True, slots=True)
class CreateConfig:
    """Create a routing config."""

    name: str
    body: Mapping[str, Any]
    kind: Literal["create-config"] = "create-config"


@dataclass(frozen=True, slots=True)
class AdoptConfig:
    """Take up a config that a run that broke off had created."""

    name: str
    slug: str
    body: Mapping[str, Any]
    kind: Literal["adopt-config"] = "adopt-config"


@dataclass(frozen=True, slots=True)
class UpdateConfig:
    """Bring a config of ours to the policy's body."""

    name: str
    slug: str
    body: Mapping[str, Any]
    why: str
    kind: Literal["update-config"] = "update-config"


@dataclass(frozen=True, slots=True)
class KeepConfig:
    """Nothing to do for this config."""

    name: str
    slug: str
    kind: Literal["keep-config"] = "keep-config"


@dataclass(frozen=True, slots=True)
class MintKey:
    """Mint a key."""

    key: WantedKey
    why: str
    kind: Literal["mint-key"] = "mint-key"

    @property
    def name(self) -> str:
        """The key's name."""
        return self.key.name


@dataclass(frozen=True, slots=True)
class AdoptKey:
    """Take up a key of a run that broke off: it is live, and its secret is in the vault."""

    key: WantedKey
    id: str
    nonce: str
    kind: Literal["adopt-key"] = "adopt-key"

    @property
    def name(self) -> str:
        """The key's name."""
        return self.key.name


@dataclass(frozen=True, slots=True)
class AdoptRotation:
    """Take up the new secret of a rotation that broke off after the secret was sealed."""

    name: str
    id: str
    nonce: str
    kind: Literal["adopt-rotation"] = "adopt-rotation"


@dataclass(frozen=True, slots=True)
class DiscardKey:
    """Delete a live key of a run that broke off: its secret never reached the vault."""

    name: str
    id: str
    nonce: str
    kind: Literal["discard-key"] = "discard-key"


@dataclass(frozen=True, slots=True)
class CloseIntent:
    """Forget an intent of a run that broke off; nothing came of it, or what came is accounted for."""

    name: str
    nonce: str
    why: str
    kind: Literal["close-intent"] = "close-intent"


@dataclass(frozen=True, slots=True)
class KeepKey:
    """Nothing to do for this key."""

    name: str
    id: str
    kind: Literal["keep-key"] = "keep-key"


@dataclass(frozen=True, slots=True)
class UpdateKey:
    """Bring a live key's limits, config, metadata or expiry to what is wanted."""

    key: WantedKey
    id: str
    why: str
    kind: Literal["update-key"] = "update-key"

    @property
    def name(self) -> str:
        """The key's name."""
        return self.key.name


@dataclass(frozen=True, slots=True)
class RotateKey:
    """Give a live key a new secret, because the vault has none."""

    name: str
    id: str
    why: str
    kind: Literal["rotate-key"] = "rotate-key"


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Delete a key of somebody who left the roster."""

    name: str
    id: str
    why: str
    kind: Literal["revoke-key"] = "revoke-key"


@dataclass(frozen=True, slots=True)
class ForgetKey:
    """Take a key out of the ledger that nobody wants any more and that is gone at the gateway already."""

    name: str
    id: str
    kind: Literal["forget-key"] = "forget-key"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something that can't be done, with the reason and what to do."""

    name: str
    why: str
    fix: str
    kind: Literal["blocked"] = "blocked"


Action = Annotated[
    CreateConfig
    | AdoptConfig
    | UpdateConfig
    | KeepConfig
    | MintKey
    | AdoptKey
    | AdoptRotation
    | DiscardKey
    | CloseIntent
    | KeepKey
    | UpdateKey
    | RotateKey
    | RevokeKey
    | ForgetKey
    | Blocked,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, slots=True)
class Leaver:
    """A live key of ours that the roster no longer asks for."""

    name: str
    id: str
    same_person_as: str | None = None
    """The wanted key of the same human under another spelling of the address."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Digests of all that a plan was made from; a change in any of them makes it stale."""

    roster: str
    fleet: str
    profiles: str
    ledger: str
    gateway: str

    def changed(self, now: Inputs) -> tuple[str, ...]:
        """Return the names of the inputs that are different now."""
        return tuple(n for n in self.__slots__ if getattr(self, n) != getattr(now, n))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply does, in order."""

    gateway: str
    """The gateway's URL, for people."""
    roster_file: str
    inputs: Inputs
    actions: tuple[Action, ...]
    leavers: tuple[Leaver, ...] = ()
    """Without pruning: listed, untouched."""
    second_matches: tuple[SecondMatch, ...] = ()
    expired: tuple[str, ...] = ()
    """People left out because their date has come."""
    prune: bool = False
    live_keys: int = 0
    """Keys of ours that are live now; the base of the mass-revocation guard (T11)."""
    counts: Counts | None = None
    """Who gets what; for people, and no part of what an apply does."""
    consoles: Consoles | None = None
    """What the MDMs' consoles will hold; for people, too."""
    version: int = PLAN_VERSION

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that change something at the gateway or in the ledger."""
        return tuple(a for a in self.actions if not isinstance(a, KeepConfig | KeepKey | Blocked))

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What can't be done."""
        return tuple(a for a in self.actions if isinstance(a, Blocked))

    @property
    def revocations(self) -> int:
        """How many live keys the plan deletes because their people left."""
        return sum(isinstance(a, RevokeKey) for a in self.actions)


PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)

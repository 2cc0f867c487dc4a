"""The driver of a plan: each change as intent, call, vault, record, one after the other.

Each step is on disk before the next begins, so that a run that is killed anywhere leaves a
ledger from which the next one knows what is live (T1). Nothing is deleted that the ledger does
not know with an open intent, and whose description does not carry this ledger's id.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from gateway_client.contract import DataPlane, Gateway, Listing, RemoteKey
from gateway_client.errors import (
    GatewayError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    Refused,
    TimedOut,
    TlsFailure,
    Unreachable,
    UrlRefused,
)
from provisioner import digest, naming
from provisioner.errors import UsageError, VaultError
from provisioner.ledger.model import (
    ConfigIntent,
    ConfigWritten,
    Event,
    IntentClosed,
    KeyGone,
    KeyIntent,
    KeyMinted,
    KeyProbed,
    KeyRotated,
    KeyUpdated,
    Snapshot,
)
from provisioner.ledger.store import LedgerStore
from provisioner.plan.model import (
    Action,
    AdoptConfig,
    AdoptKey,
    AdoptRotation,
    Blocked,
    CloseIntent,
    CreateConfig,
    DiscardKey,
    ForgetKey,
    KeepConfig,
    KeepKey,
    MintKey,
    Plan,
    RevokeKey,
    RotateKey,
    UpdateConfig,
    UpdateKey,
    WantedKey,
)
from provisioner.report.outcome import Failure
from provisioner.vault import Vault

NONCE_BYTES = 8
DETAIL_MAX = 300
"""Characters that are kept of what a gateway said to a test request."""
# After one of these every further call would end the same way.
HOPELESS = (Unreachable, TimedOut, TlsFailure, UrlRefused)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an apply came to."""

    done: tuple[Action, ...]
    failures: tuple[Failure, ...]
    left: int = 0
    """Actions not begun, because the gateway could no longer be talked to."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the driver works with."""

    gateway: Gateway
    ledger: LedgerStore
    vault: Vault
    now: Callable[[], datetime]
    say: Callable[[str], None]
    """Takes one line of progress."""
    place: str
    """Which gateway and workspace the keys live at; a ledger belongs to one."""

    def at(self) -> str:
        """Return the time as the ledger writes it."""
        return f"{self.now():%Y-%m-%dT%H:%M:%SZ}"


def confirm_place(snapshot: Snapshot, place: str) -> None:
    """Refuse a ledger whose keys live at another gateway: here they would all look deleted.

    Raises:
        UsageError: it was applied elsewhere.
    """
    if snapshot.applied is not None and snapshot.applied.gateway != place:
        raise UsageError(
            f"this state belongs to {snapshot.applied.gateway}, and the fleet file names {place}",
            hint="set the gateway back, or name another folder with --state",
        )


def observe(gateway: Gateway, names: frozenset[str]) -> Listing:
    """List all keys and configs; configs of these names come with their bodies."""
    keys = gateway.list_keys()
    configs = gateway.list_configs()
    return Listing(keys, tuple(gateway.get_config(c.slug) if c.name in names else c for c in configs))


def listing_digest(seen: Listing) -> str:
    """Return the digest that tells whether the gateway changed between plan and apply."""
    keys = sorted([k.id, k.name, k.description, k.status, repr(_comparable(k))] for k in seen.keys)
    configs = sorted([c.slug, c.name, digest.of(c.body)] for c in seen.configs)
    return digest.of({"keys": keys, "configs": configs})


def _comparable(key: RemoteKey) -> tuple[object, ...]:
    return (
        key.config,
        sorted(key.metadata.items()),
        key.budget,
        key.rate_limits,
        key.expires_at,
        sorted(key.unmapped.items()),
    )


def execute(plan: Plan, bench: Bench, snapshot: Snapshot, seen: Listing) -> Outcome:
    """Carry out a plan's actions in order; a refused one is a failure, and the rest goes on."""
    run = _Run(bench, snapshot, seen)
    done: list[Action] = []
    failures: list[Failure] = []
    for number, action in enumerate(plan.actions):
        try:
            if run.perform(action):
                done.append(action)
        except GatewayError as exc:
            failures.append(_failure(action.name, exc))
            if isinstance(exc, HOPELESS) or (isinstance(exc, NotAuthorised) and exc.status == 401):
                left = len([a for a in plan.actions[number + 1 :] if a in plan.changes])
                return Outcome(tuple(done), tuple(failures), left)
    return Outcome(tuple(done), tuple(failures))


def _failure(name: str, exc: GatewayError) -> Failure:
    return Failure(name, exc.message, exc.hint or "mend it at the gateway, then run the same command again")


class _Run:
    """One apply: knows the slugs and specs as they come to be."""

    def __init__(self, bench: Bench, snapshot: Snapshot, seen: Listing) -> None:
        self.bench, self.snapshot = bench, snapshot
        self.seen = {k.id: k for k in seen.keys}
        self.slugs = {name: record.slug for name, record in snapshot.configs.items()}

    def perform(self, action: Action) -> bool:
        """Do one action; False when there was nothing to do."""
        match action:
            case KeepConfig() | KeepKey() | Blocked():
                return False
            case CreateConfig():
                self._create_config(action)
            case AdoptConfig():
                self._config_written(action.name, action.slug, action)
            case UpdateConfig():
                self.bench.gateway.update_config(action.slug, action.name, action.body)
                self._config_written(action.name, action.slug, action)
            case MintKey():
                self._mint(action.key)
            case AdoptKey():
                self._adopt(action)
            case AdoptRotation():
                reference = self.bench.vault.reference(action.nonce)
                if reference is None:
                    raise VaultError(f"the vault has lost the secret of rotation {action.nonce}")
                self._record(KeyRotated(action.nonce, action.name, reference))
            case DiscardKey():
                self._delete(action.id, self.snapshot.description(action.nonce))
                self._record(IntentClosed(action.nonce, "its key was live without a secret, and was deleted"))
            case CloseIntent():
                self._record(IntentClosed(action.nonce, action.why))
            case UpdateKey():
                self._update(action)
            case RotateKey():
                self._rotate(action)
            case RevokeKey():
                self._revoke(action)
            case ForgetKey():
                self._record(KeyGone(action.name, action.id, "gone at the gateway, and not wanted"))
            case _:
                assert_never(action)
        self.bench.say(f"{action.kind.replace('-', ' ')} {action.name}")
        return True

    def _record(self, *events: Event) -> None:
        self.bench.ledger.append(self.bench.at(), *events)

    def _config_written(
        self, name: str, slug: str, action: CreateConfig | AdoptConfig | UpdateConfig
    ) -> None:
        self._record(ConfigWritten(name, slug, action.body))
        self.slugs[name] = slug

    def _create_config(self, action: CreateConfig) -> None:
        self._record(ConfigIntent(action.name, action.body))
        try:
            slug = self.bench.gateway.create_config(action.name, action.body).slug
        except OutcomeUnknown:
            made = [c for c in self.bench.gateway.list_configs() if c.name == action.name]
            if len(made) != 1:
                raise
            slug = made[0].slug
            if digest.of(self.bench.gateway.get_config(slug).body) != digest.of(action.body):
                raise
        self._config_written(action.name, slug, action)

    def _mint(self, key: WantedKey) -> None:
        """Mint; when the answer is lost, delete the key without a secret and mint once more."""
        try:
            self._mint_once(key)
        except OutcomeUnknown:
            if not self._discard_lost(key.name):
                raise
            self._mint_once(key)

    def _mint_once(self, key: WantedKey) -> None:
        nonce = secrets.token_hex(NONCE_BYTES)
        spec = key.spec(self._slug(key), self.snapshot.description(nonce))
        self._record(KeyIntent(nonce, key.name, "mint"))
        try:
            minted = self.bench.gateway.create_key(spec)
        except (Refused, *HOPELESS):
            self._record(IntentClosed(nonce, "the gateway made no key"))
            raise
        reference = self.bench.vault.seal(nonce, minted.secret)
        self._record(KeyMinted(nonce, key.name, minted.id, reference, spec))

    def _discard_lost(self, name: str) -> bool:
        """Delete the key that a lost answer left; False when none is to be seen yet."""
        open_intents = self.bench.ledger.snapshot().key_intents.values()
        marks = {
            self.snapshot.description(i.nonce): i.nonce
            for i in open_intents
            if i.name == name and i.operation == "mint"
        }
        lost = [k for k in self.bench.gateway.list_keys() if k.name == name and k.description in marks]
        for key in lost:
            self.seen[key.id] = key
            self._delete(key.id, key.description)
            self._record(IntentClosed(marks[key.description], "the answer was lost; its key was deleted"))
        return bool(lost)

    def _adopt(self, action: AdoptKey) -> None:
        reference = self.bench.vault.reference(action.nonce)
        if reference is None:
            raise VaultError(f"the vault has lost the secret of intent {action.nonce}")
        spec = action.key.spec(self._slug(action.key), self.snapshot.description(action.nonce))
        self._record(KeyMinted(action.nonce, action.name, action.id, reference, spec))

    def _update(self, action: UpdateKey) -> None:
        """Update a key, its description included; that of a key just taken up is only in the listing."""
        record = self.snapshot.keys.get(action.name)
        ours = record.spec if record is not None and record.id == action.id else self.seen[action.id]
        spec = action.key.spec(self._slug(action.key), ours.description)
        self.bench.gateway.update_key(action.id, spec)
        self._record(KeyUpdated(action.name, spec))

    def _rotate(self, action: RotateKey) -> None:
        nonce = secrets.token_hex(NONCE_BYTES)
        self._record(KeyIntent(nonce, action.name, "rotate", action.id))
        try:
            minted = self.bench.gateway.rotate_key(action.id)
        except (Refused, *HOPELESS):
            self._record(IntentClosed(nonce, "the gateway did not rotate"))
            raise
        reference = self.bench.vault.seal(nonce, minted.secret)
        self._record(KeyRotated(nonce, action.name, reference))

    def _revoke(self, action: RevokeKey) -> None:
        nonce = secrets.token_hex(NONCE_BYTES)
        self._record(KeyIntent(nonce, action.name, "revoke", action.id))
        try:
            self._delete(action.id, None)
        except (Refused, *HOPELESS):
            self._record(IntentClosed(nonce, "the gateway did not delete"))
            raise
        self._record(KeyGone(action.name, action.id, action.why, nonce))

    def _delete(self, key_id: str, description: str | None) -> None:
        """Delete a key that is ours beyond doubt; `description` where the exact one is known."""
        key = self.seen.get(key_id)
        if key is None or self.snapshot.marker not in key.description:
            raise NotFound(
                f"key {key_id} does not carry this ledger's id; it was not touched", status=0, code="FOREIGN"
            )
        if description is not None and key.description != description:
            raise NotFound(
                f"key {key_id} is not of this intent; it was not touched", status=0, code="FOREIGN"
            )
        self.bench.gateway.delete_key(key_id)

    def _slug(self, key: WantedKey) -> str:
        slug = self.slugs.get(key.config)
        if slug is None:
            raise NotFound(
                f"config {key.config} was not created", "see that config's failure above", status=0
            )
        return slug


def prove(wanted: Iterable[WantedKey], bench: Bench, data_plane: DataPlane) -> None:
    """Send one minimal request per key and pinned model, for keys not proven with these models yet.

    What fails is recorded, and holds that key's artifacts back until it works (S190a).
    """
    keys = bench.ledger.snapshot().keys
    silent = False
    for key in wanted:
        record = keys.get(key.name)
        if record is None or (record.failures == () and record.probed_models == key.models):
            continue
        secret = bench.vault.open(record.secret.vault_id)
        if secret is None:
            continue  # the next plan rotates it
        failures = []
        for model in key.models:
            if silent:
                failures.append(f"{model}: not tried, the gateway gave no answer before")
                continue
            probe = data_plane.try_model(secret, model)
            silent = probe.status is None and not probe.ok
            if not probe.ok:
                told = "no answer" if silent else f"status {probe.status}"
                failures.append(f"{model}: {told}: {naming.shown(probe.detail, DETAIL_MAX)}")
        bench.ledger.append(bench.at(), KeyProbed(key.name, record.id, tuple(failures), key.models))
        bench.say(f"{'HOLD' if failures else 'proven'} {key.name}")

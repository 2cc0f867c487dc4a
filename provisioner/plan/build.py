"""From what is wanted, what the ledger knows and what the gateway lists, to a plan. Pure.

Read top to bottom: what a broken run left is settled first, then configs, then keys, then
leavers. Ours is what the ledger knows by id, or what carries this ledger's id and an open
intent; any other key or config of a name we want is FOREIGN: untouched, and it blocks that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway_client import compare
from gateway_client.contract import Listing, RemoteConfig, RemoteKey
from provisioner import digest, naming
from provisioner.assign import Assignment
from provisioner.ledger.model import KeyIntent, KeyRecord, Snapshot
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
    Leaver,
    MintKey,
    RevokeKey,
    RotateKey,
    UpdateConfig,
    UpdateKey,
    WantedKey,
)

UNRECORDED = "the gateway has the update, and the ledger does not: a run broke off"
PER_USER = (
    "a budget per user on a team's key needs a usage-limit policy at the gateway, which provision"
    " does not make yet"
)
PER_USER_FIX = (
    'give each person a key (keys.scope = "person", or key = "person" in the rule), or set per = "key" in'
    " the profile's [budget]"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the roster and the policies ask of the gateway."""

    configs: Mapping[str, Mapping[str, Any]]
    keys: Mapping[str, WantedKey]
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    """Those of the keys that can't be made as asked, by name."""


def wanted(assignments: tuple[Assignment, ...]) -> Wanted:
    """Return the configs (by name) and keys (by name) that the assignments need."""
    keys: dict[str, WantedKey] = {}
    blocked: dict[str, Blocked] = {}
    for assignment in assignments:
        name = assignment.key_name
        # Devices with a label of their own share their team's key.
        keys.setdefault(name, _wanted_key(assignment))
        if _shares_a_budget_per_user(assignment):
            blocked[name] = Blocked(name, PER_USER, PER_USER_FIX)
    return Wanted({a.config_name: a.policy.config for a in assignments}, keys, blocked)


def _wanted_key(assignment: Assignment) -> WantedKey:
    policy = assignment.policy
    return WantedKey(
        name=assignment.key_name,
        assignment=assignment.key_name.removeprefix(naming.KEY_PREFIX),
        config=assignment.config_name,
        metadata=assignment.key_metadata,
        budget=policy.budget,
        rate_limits=policy.rate_limits,
        expires_at=assignment.expires_at,
        models=policy.models.distinct(),
    )


def _shares_a_budget_per_user(assignment: Assignment) -> bool:
    alone = assignment.person is not None or assignment.service is not None
    return assignment.policy.per_user and assignment.policy.budget is not None and not alone


def actions(
    want: Wanted,
    snapshot: Snapshot,
    seen: Listing,
    sealed: frozenset[str],
    *,
    prune: bool,
    same: Mapping[str, str] = MappingProxyType({}),
) -> tuple[tuple[Action, ...], tuple[Leaver, ...]]:
    """Return what to do in order, and the leavers that stay because nothing is pruned.

    Args:
        want: what is asked for.
        snapshot: what the ledger knows.
        seen: what the gateway lists; configs whose names are wanted or ours carry their bodies.
        sealed: the vault's ids.
        prune: whether keys that nobody asks for any more are revoked.
        same: the wanted keys of the same people by keys that nobody asks for any more (`plan.renamed`).
    """
    configs = tuple(_config_actions(want, snapshot, seen))
    keys = _KeyPlanner(want, snapshot, seen, sealed, _without_config(configs, snapshot))
    settled = tuple(keys.settle())
    unwanted = [r for r in snapshot.keys.values() if r.name not in want.keys]
    forgotten = tuple(ForgetKey(r.name, r.id) for r in unwanted if r.id not in keys.by_id)
    leavers = tuple(
        Leaver(r.name, r.id, same.get(r.name))
        for r in unwanted
        if r.id in keys.by_id and not keys.being_revoked(r.id)
    )
    revoked = tuple(RevokeKey(x.name, x.id, _why_revoked(x)) for x in leavers)
    return (
        (*settled, *configs, *keys.wanted(), *forgotten, *(revoked if prune else ())),
        () if prune else leavers,
    )


def _why_revoked(leaver: Leaver) -> str:
    told = "no row of the roster asks for it any more"
    return f"{told}; the same person as {leaver.same_person_as}" if leaver.same_person_as else told


def _without_config(configs: tuple[Action, ...], snapshot: Snapshot) -> frozenset[str]:
    """Return the config names that stay without a config of ours, so that no key can be bound to them."""
    return frozenset(a.name for a in configs if isinstance(a, Blocked) and a.name not in snapshot.configs)


def _config_actions(want: Wanted, snapshot: Snapshot, seen: Listing) -> Iterator[Action]:
    by_name: dict[str, list[RemoteConfig]] = {}
    for config in seen.configs:
        by_name.setdefault(config.name, []).append(config)
    for name, body in want.configs.items():
        ours = snapshot.configs.get(name)
        same_name = by_name.get(name, [])
        mine = next((c for c in same_name if ours and c.slug == ours.slug), None)
        strangers = [c for c in same_name if c is not mine]
        if mine is None and name in snapshot.config_intents and len(strangers) == 1:
            orphan = strangers[0]
            if digest.of(orphan.body) == digest.of(snapshot.config_intents[name].body):
                yield AdoptConfig(name, orphan.slug, orphan.body or {})
                if digest.of(orphan.body) != digest.of(body):
                    yield UpdateConfig(name, orphan.slug, body, "the policy changed")
                continue
        if strangers:
            slugs = ", ".join(c.slug for c in strangers)
            yield _foreign("config", name, slugs)
        elif mine is None:
            yield CreateConfig(name, body)
        elif differences := compare.config_differences(name, body, mine):
            yield UpdateConfig(name, mine.slug, body, "; ".join(map(_told, differences)))
        elif ours and digest.of(ours.body) != digest.of(body):
            yield UpdateConfig(name, mine.slug, body, UNRECORDED)
        else:
            yield KeepConfig(name, mine.slug)


class _KeyPlanner:
    """What the key rules look things up in."""

    def __init__(
        self,
        want: Wanted,
        snapshot: Snapshot,
        seen: Listing,
        sealed: frozenset[str],
        without_config: frozenset[str],
    ) -> None:
        self.want, self.snapshot, self.sealed = want, snapshot, sealed
        self.without_config = without_config
        self.by_id = {k.id: k for k in seen.keys}
        self.by_name: dict[str, list[RemoteKey]] = {}
        for key in seen.keys:
            self.by_name.setdefault(key.name, []).append(key)
        self.slug_names = {c.slug: c.name for c in seen.configs}
        self.unfinished: dict[str, str] = {}
        """Remote ids that an open mint intent accounts for, with the nonce."""
        self.adopted: set[str] = set()
        """Names whose key is taken up by settling."""
        self.rotated: set[str] = set()
        """Names whose new secret is taken up by settling."""

    def being_revoked(self, key_id: str) -> bool:
        return any(i.operation == "revoke" and i.key_id == key_id for i in self.snapshot.key_intents.values())

    def settle(self) -> Iterator[Action]:
        for intent in self.snapshot.key_intents.values():
            match intent.operation:
                case "mint":
                    yield from self._settle_mint(intent)
                case "rotate" if intent.nonce in self.sealed:
                    self.rotated.add(intent.name)
                    yield AdoptRotation(intent.name, intent.key_id or "", intent.nonce)
                case "rotate":
                    why = "the rotation broke off; the key is looked at anew"
                    yield CloseIntent(intent.name, intent.nonce, why)
                case "revoke":
                    if intent.key_id in self.by_id:
                        yield RevokeKey(intent.name, intent.key_id or "", "its revocation broke off")
                    yield CloseIntent(intent.name, intent.nonce, "the revocation is settled")

    def _settle_mint(self, intent: KeyIntent) -> Iterator[Action]:
        mark = self.snapshot.description(intent.nonce)
        orphans = [k for k in self.by_name.get(intent.name, []) if k.description == mark]
        wanted_key = None if intent.name in self.want.blocked else self.want.keys.get(intent.name)
        for orphan in orphans:
            self.unfinished[orphan.id] = intent.nonce
            if intent.nonce in self.sealed and wanted_key is not None and intent.name not in self.adopted:
                self.adopted.add(intent.name)
                yield AdoptKey(wanted_key, orphan.id, intent.nonce)
                if changes := self._differences(wanted_key, orphan.config or "", mark, orphan):
                    yield UpdateKey(wanted_key, orphan.id, changes)
            else:
                yield DiscardKey(intent.name, orphan.id, intent.nonce)
        if not orphans:
            yield CloseIntent(intent.name, intent.nonce, "the mint broke off before a key was made")

    def wanted(self) -> Iterator[Action]:
        for name, key in self.want.keys.items():
            record = self.snapshot.keys.get(name)
            if record is not None and record.id not in self.by_id:
                yield ForgetKey(name, record.id)
                record = None
            strangers = [
                k
                for k in self.by_name.get(name, [])
                if k.id not in self.unfinished and (record is None or k.id != record.id)
            ]
            if strangers:
                yield _foreign("key", name, ", ".join(k.id for k in strangers))
            elif name in self.adopted:
                continue
            elif name in self.want.blocked:
                yield self.want.blocked[name]
            elif key.config in self.without_config:
                yield Blocked(name, f"its config {key.config} is blocked", "mend the config's problem first")
            elif record is None:
                yield MintKey(key, "gone at the gateway" if name in self.snapshot.keys else "new")
            elif self.being_revoked(record.id):
                yield MintKey(key, "its revocation broke off, and it is wanted again")
            else:
                yield from self._known(key, record, self.by_id[record.id])

    def _known(self, key: WantedKey, record: KeyRecord, remote: RemoteKey) -> Iterator[Action]:
        if self.snapshot.marker not in remote.description:
            why = f"key {remote.id} is in the ledger, but its description no longer says so"
            yield Blocked(key.name, why, f"set its description back to: {record.spec.description}")
            return
        changes = self._differences(key, record.spec.config, record.spec.description, remote)
        if not changes and record.spec != key.spec(record.spec.config, record.spec.description):
            changes = UNRECORDED
        if changes:
            yield UpdateKey(key, remote.id, changes)
        if record.secret.vault_id not in self.sealed and key.name not in self.rotated:
            yield RotateKey(key.name, remote.id, "its secret is not in the vault")
        elif not changes:
            yield KeepKey(key.name, remote.id)

    def _differences(self, key: WantedKey, slug: str, description: str, remote: RemoteKey) -> str:
        differences = list(compare.key_differences(key.spec(slug, description), remote))
        config = self.slug_names.get(remote.config or "")
        if config != key.config and not any(d.field == "config" for d in differences):
            differences.append(compare.Difference("config", key.config, config or "none"))
        return "; ".join(map(_told, differences))


def _told(difference: compare.Difference) -> str:
    return f"{difference.field} is {difference.seen}, should be {difference.expected}"


def _foreign(what: str, name: str, ids: str) -> Blocked:
    return Blocked(
        name,
        f"FOREIGN {what} of this name at the gateway ({ids}); this ledger did not make it",
        f"rename or delete that {what} at the gateway, or give the team another name",
    )

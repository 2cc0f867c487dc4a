"""The ledger against the gateway: what is missing, changed, expired, unfinished or FOREIGN. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_client import compare
from gateway_client.contract import Listing
from provisioner import naming
from provisioner.drift.model import Finding
from provisioner.ledger.model import Snapshot

AGAIN = "run provision --roster FILE again"


def findings(snapshot: Snapshot, seen: Listing) -> Iterator[Finding]:
    """Yield what is different; configs of ours in the listing carry their bodies."""
    yield from _configs(snapshot, seen)
    yield from _keys(snapshot, seen)
    for intent in snapshot.key_intents.values():
        yield Finding(
            "gateway",
            "UNFINISHED",
            intent.name,
            f"a finished {intent.operation}",
            "a run that broke off",
            AGAIN,
        )


def _configs(snapshot: Snapshot, seen: Listing) -> Iterator[Finding]:
    by_slug = {c.slug: c for c in seen.configs}
    ours = {record.slug for record in snapshot.configs.values()}
    for record in snapshot.configs.values():
        remote = by_slug.get(record.slug)
        if remote is None:
            yield Finding("gateway", "MISSING", record.name, f"config {record.slug}", "no such config", AGAIN)
            continue
        for difference in compare.config_differences(record.name, record.body, remote):
            yield _changed(record.name, difference)
    for config in seen.configs:
        pending = config.name in snapshot.config_intents
        if config.name.startswith(naming.CONFIG_PREFIX) and config.slug not in ours and not pending:
            yield _foreign("config", config.name, config.slug)


def _keys(snapshot: Snapshot, seen: Listing) -> Iterator[Finding]:
    by_id = {k.id: k for k in seen.keys}
    ours = {record.id for record in snapshot.keys.values()}
    for record in snapshot.keys.values():
        remote = by_id.get(record.id)
        if remote is None:
            yield Finding(
                "gateway",
                "MISSING",
                record.name,
                f"live key {record.id}",
                "deleted or revoked at the gateway",
                AGAIN,
            )
            continue
        if remote.status == "expired":
            yield Finding("gateway", "EXPIRED", record.name, "a live key", "expired at the gateway", AGAIN)
        for difference in compare.key_differences(record.spec, remote):
            yield _changed(record.name, difference)
    open_marks = {snapshot.description(nonce) for nonce in snapshot.key_intents}
    for key in seen.keys:
        if (
            key.name.startswith(naming.KEY_PREFIX)
            and key.id not in ours
            and key.description not in open_marks
        ):
            yield _foreign("key", key.name, key.id)


def _changed(name: str, difference: compare.Difference) -> Finding:
    expected = f"{difference.field} {difference.expected}"
    return Finding("gateway", "CHANGED", name, expected, difference.seen, AGAIN)


def _foreign(what: str, name: str, remote_id: str) -> Finding:
    return Finding(
        "gateway",
        "FOREIGN",
        name,
        f"no other {what} of our naming",
        f"{what} {remote_id}, not made through this ledger",
        "find out who made it; rename or delete it at the gateway: provision never touches it",
    )

"""The ledger's events and the snapshot they fold into. Pure; `ledger.store` keeps them.

An intent is written before each change at the gateway and carries a nonce that also goes into
the key's description. After a crash the nonce tells which live key is ours and unfinished (T1).
No event holds a secret: `KeyMinted` and `KeyRotated` hold a `SecretRef`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, assert_never

from pydantic import Field, TypeAdapter, ValidationError

from gateway_client.contract import KeySpec
from provisioner import digest
from provisioner.errors import LedgerError
from provisioner.secret import SecretRef

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class ConfigIntent:
    """A config is about to be created; none of this name existed."""

    name: str
    body: Mapping[str, Any]
    kind: Literal["config-intent"] = "config-intent"


@dataclass(frozen=True, slots=True)
class ConfigWritten:
    """A config stands at the gateway with this body: created, adopted or updated."""

    name: str
    slug: str
    body: Mapping[str, Any]
    kind: Literal["config-written"] = "config-written"


@dataclass(frozen=True, slots=True)
class KeyIntent:
    """A key is about to be minted, rotated or revoked."""

    nonce: str
    name: str
    operation: Literal["mint", "rotate", "revoke"]
    key_id: str | None = None
    """The key's id at the gateway; None for a mint."""
    kind: Literal["key-intent"] = "key-intent"


@dataclass(frozen=True, slots=True)
class KeyMinted:
    """A key is live, and its secret is in the vault."""

    nonce: str
    name: str
    id: str
    secret: SecretRef
    spec: KeySpec
    kind: Literal["key-minted"] = "key-minted"


@dataclass(frozen=True, slots=True)
class KeyUpdated:
    """A key's limits, config, metadata or expiry were brought to this spec."""

    name: str
    spec: KeySpec
    kind: Literal["key-updated"] = "key-updated"


@dataclass(frozen=True, slots=True)
class KeyRotated:
    """A key has a new secret, and it is in the vault."""

    nonce: str
    name: str
    secret: SecretRef
    kind: Literal["key-rotated"] = "key-rotated"


@dataclass(frozen=True, slots=True)
class KeyGone:
    """A key of ours is no longer live: revoked by us, or found deleted."""

    name: str
    id: str
    why: str
    nonce: str | None = None
    kind: Literal["key-gone"] = "key-gone"


@dataclass(frozen=True, slots=True)
class IntentClosed:
    """An intent of a run that broke off came to nothing, or its orphan was deleted."""

    nonce: str
    why: str
    kind: Literal["intent-closed"] = "intent-closed"


@dataclass(frozen=True, slots=True)
class KeyProbed:
    """One minimal request per pinned model was tried with a key; `failures` is empty when all worked."""

    name: str
    id: str
    failures: tuple[str, ...]
    models: tuple[str, ...]
    kind: Literal["key-probed"] = "key-probed"


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A file as it was written to the output folder."""

    path: str
    sha256: str
    mode: int
    settings: str | None = None
    """Digest of its settings before any secret went in; None for files without."""
    assignment: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """An assignment's revision: the number goes into the metadata, the digest tells when to raise it."""

    number: int
    content: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a run changes in the output folder; recorded before it is written."""

    out: str
    files: tuple[DeliveredFile, ...]
    """New or different."""
    gone: tuple[str, ...]
    """Paths that are no longer ours."""
    revisions: Mapping[str, Revision]
    """Raised."""
    kind: Literal["delivered"] = "delivered"


@dataclass(frozen=True, slots=True)
class Applied:
    """A run came to its end with these inputs; `wanted` names every key that the roster asks for."""

    roster_file: str
    roster: str
    fleet: str
    profiles: str
    gateway: str
    """Where the keys live: the gateway, and its workspace."""
    wanted: tuple[str, ...]
    organization_uuid: str
    """Claude Desktop's, kept for good: changing it orphans people's local sessions."""
    kind: Literal["applied"] = "applied"


Event = Annotated[
    ConfigIntent
    | ConfigWritten
    | KeyIntent
    | KeyMinted
    | KeyUpdated
    | KeyRotated
    | KeyGone
    | IntentClosed
    | KeyProbed
    | Delivered
    | Applied,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """A config of ours at the gateway."""

    name: str
    slug: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A live key of ours. `failures` is None until it was probed."""

    name: str
    id: str
    secret: SecretRef
    spec: KeySpec
    failures: tuple[str, ...] | None = None
    probed_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """The output folder as it should be: every file of ours in it, by path."""

    out: str
    files: Mapping[str, DeliveredFile] = field(default_factory=dict)
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    """Also of assignments that have no files now: a number is never given twice."""

    def after(self, delivered: Delivered) -> Folder:
        """Return the folder after a delivery; one to another place begins with no files."""
        files = dict(self.files) if delivered.out == self.out else {}
        for path in delivered.gone:
            files.pop(path, None)
        files |= {file.path: file for file in delivered.files}
        return Folder(delivered.out, files, {**self.revisions, **delivered.revisions})

    def since(self, former: Folder | None) -> Delivered | None:
        """Return what a delivery changes to get here from a former state; None for nothing."""
        known = former.files if former and former.out == self.out else {}
        raised = former.revisions if former else {}
        delivered = Delivered(
            out=self.out,
            files=tuple(file for path, file in self.files.items() if known.get(path) != file),
            gone=tuple(path for path in known if path not in self.files),
            revisions={n: r for n, r in self.revisions.items() if raised.get(n) != r},
        )
        moved = former is None or former.out != self.out
        return delivered if moved or delivered.files or delivered.gone or delivered.revisions else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger's present meaning."""

    ledger_id: str
    head: str = GENESIS
    configs: Mapping[str, ConfigRecord] = field(default_factory=dict)
    keys: Mapping[str, KeyRecord] = field(default_factory=dict)
    config_intents: Mapping[str, ConfigIntent] = field(default_factory=dict)
    """Open intents by config name."""
    key_intents: Mapping[str, KeyIntent] = field(default_factory=dict)
    """Open intents by nonce."""
    folder: Folder | None = None
    """None before the first delivery."""
    applied: Applied | None = None

    @property
    def marker(self) -> str:
        """The text in a key's description that says: made through this ledger."""
        return f"ledger={self.ledger_id}"

    def description(self, nonce: str) -> str:
        """Return the description of a key minted under an intent."""
        return f"managed by provision, do not edit; {self.marker} intent={nonce}"


def chained(head: str, body: bytes) -> str:
    """Return the hash of the event that follows `head`."""
    return digest.sha256(head.encode("ascii") + b"\n" + body)


def dump(event: Event) -> bytes:
    """Return an event's canonical JSON, the bytes that the chain covers."""
    return digest.canonical(EVENT.dump_python(event, mode="json"))


def fold(ledger_id: str, rows: Iterable[tuple[bytes, str]]) -> Snapshot:
    """Return the snapshot of (event JSON, hash) rows in order.

    Raises:
        LedgerError: the chain is broken, so somebody or something changed the ledger.
    """
    head = GENESIS
    folding = _Folding()
    for number, (body, hashed) in enumerate(rows, start=1):
        head = chained(head, body)
        if head != hashed:
            raise LedgerError(
                f"the ledger was changed by something else: event {number} does not follow on the last",
                hint="restore the state folder from a backup taken before that event",
            )
        try:
            event = EVENT.validate_json(body)
        except ValidationError as exc:
            raise LedgerError(
                f"event {number} of the ledger was written by another version of provision",
                hint="use the version that wrote it",
            ) from exc
        folding.take(event)
    return folding.snapshot(ledger_id, head)


class _Folding:
    """Mutable while events are taken; `snapshot` freezes it."""

    def __init__(self) -> None:
        self.configs: dict[str, ConfigRecord] = {}
        self.keys: dict[str, KeyRecord] = {}
        self.config_intents: dict[str, ConfigIntent] = {}
        self.key_intents: dict[str, KeyIntent] = {}
        self.folder: Folder | None = None
        self.applied: Applied | None = None

    def take(self, event: Event) -> None:
        match event:
            case ConfigIntent():
                self.config_intents[event.name] = event
            case ConfigWritten():
                self.config_intents.pop(event.name, None)
                self.configs[event.name] = ConfigRecord(event.name, event.slug, event.body)
            case KeyIntent():
                self.key_intents[event.nonce] = event
            case KeyMinted():
                self.key_intents.pop(event.nonce, None)
                self.keys[event.name] = KeyRecord(event.name, event.id, event.secret, event.spec)
            case KeyUpdated():
                self.keys[event.name] = replace(self.keys[event.name], spec=event.spec)
            case KeyRotated():
                self.key_intents.pop(event.nonce, None)
                # What the old secret could do says nothing of the new one: it is proven again.
                self.keys[event.name] = replace(
                    self.keys[event.name], secret=event.secret, failures=None, probed_models=()
                )
            case KeyGone():
                if event.nonce is not None:
                    self.key_intents.pop(event.nonce, None)
                if event.name in self.keys and self.keys[event.name].id == event.id:
                    del self.keys[event.name]
            case IntentClosed():
                self.key_intents.pop(event.nonce, None)
            case KeyProbed():
                record = self.keys.get(event.name)
                if record is not None and record.id == event.id:
                    self.keys[event.name] = replace(
                        record, failures=event.failures, probed_models=event.models
                    )
            case Delivered():
                self.folder = (self.folder or Folder(event.out)).after(event)
            case Applied():
                self.applied = event
            case _:
                assert_never(event)

    def snapshot(self, ledger_id: str, head: str) -> Snapshot:
        return Snapshot(
            ledger_id,
            head,
            self.configs,
            self.keys,
            self.config_intents,
            self.key_intents,
            self.folder,
            self.applied,
        )

"""What a renderer gets and gives: a delivery goes in, artifacts with secret references come out. Pure.

A tree is what JSON and plist can both hold (no null, no date, no data), plus `SecretRef` leaves
where a key will stand. Digests are taken of the tree, before any secret goes in; `seal` puts the
values in, calls `write`, reads the bytes back with `read` and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from provisioner import digest
from provisioner.policy.model import Hardening, Models, PlainTree
from provisioner.secret import SecretRef

Leaf = str | int | bool | SecretRef
Tree = Leaf | Sequence["Tree"] | Mapping[str, "Tree"]
Settings = Mapping[str, Tree]

Product = Literal["claude-code", "claude-desktop"]
Mdm = Literal["jamf", "kandji", "intune", "files"]
Person = Literal["variable", "key", "script", "device", "service", "none"]
"""How the person gets into the metadata: an MDM's variable, the key's own metadata, a script on the
device, a label of the device or its pool in the person's place, a service's id, or not at all."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that the artifacts of one assignment say."""

    assignment: str
    tenant: str
    team: str
    env: str
    base_url: str
    """Exactly the string both products get: no trailing slash, no `/v1`."""
    key: SecretRef
    models: Models
    hardening: Hardening
    revision: int
    organization_uuid: str
    profile: str
    """Name of the policy profile, for descriptions."""
    user: str | None = None
    """What stands as `user` where it is known: a person's address or a service's id, which then ride in the
    key's metadata too, or a device's label."""
    user_is: Literal["key", "device", "service"] = "key"
    """Whose `user` is: the key's person, a device's label, a service."""
    extra_metadata: tuple[tuple[str, str], ...] = ()
    domains: tuple[str, ...] = ()
    """Mail domains of the roster, lower case: a script on a device takes no other address for a person's."""
    claude_code_floor: str | None = None
    """Lowest Claude Code version of the fleet; None means that none is set."""
    claude_desktop_floor: str | None = None

    @property
    def person(self) -> Person:
        """How the person gets into a file in which nothing is replaced on its way."""
        return "none" if self.user is None else self.user_is


@dataclass(frozen=True)  # no slots: what is worked out from the content is asked for often, and kept
class Artifact:
    """One file of the bundle before sealing."""

    path: PurePosixPath
    """Below the output folder, e.g. `eng-prod/jamf/AIGateway-eng-prod.mobileconfig`."""
    content: Tree
    write: Callable[[PlainTree], bytes]
    """Serialise a sealed tree; deterministic."""
    read: Callable[[bytes], PlainTree]
    """The inverse of `write`, for the parse-back check."""
    assignment: str | None = None
    mdm: Mdm | None = None
    products: tuple[Product, ...] = ()
    variables: tuple[str, ...] = ()
    """MDM variables that the file counts on, e.g. `$EMAIL`."""
    person: Person = "none"
    key_readers: str = ""
    """Who can read the key on a device; empty when no key is in it."""
    upload: Upload | None = None
    personal: bool = False
    """Whether it names people or their devices."""

    @property
    def private(self) -> bool:
        """Whether nobody else on the administrator's machine may read it."""
        return bool(self.secrets) or self.personal

    @cached_property
    def secrets(self) -> tuple[SecretRef, ...]:
        """The secrets that sealing will put in, each once."""
        return tuple(dict.fromkeys(references(self.content)))

    @cached_property
    def settings_digest(self) -> str:
        """SHA-256 of the tree with fingerprints in place of secrets."""
        return digest.of(masked(self.content))


@dataclass(frozen=True, slots=True)
class Upload:
    """How a person brings a file into a console: one line of `uploads.csv`."""

    console_path: str
    object_type: str
    object_name: str
    optional: bool = False
    """Only offered (a second way), not part of the default walk."""


def references(tree: Tree) -> Iterator[SecretRef]:
    """Yield every secret reference in a tree, in order."""
    match tree:
        case SecretRef():
            yield tree
        case str() | int():
            return
        case Mapping():
            for value in tree.values():
                yield from references(value)
        case _:
            for value in tree:
                yield from references(value)


def masked(tree: Tree) -> digest.Json:
    """Return the tree with each secret replaced by its fingerprint's placeholder."""
    match tree:
        case SecretRef():
            return tree.placeholder()
        case str() | int():
            return tree
        case Mapping():
            return {name: masked(value) for name, value in tree.items()}
        case _:
            return [masked(value) for value in tree]

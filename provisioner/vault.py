"""Sealed secrets: AES-256-GCM, one box per minted key, bound to its ledger and its id.

The vault key is 32 random bytes in the user's configuration folder, apart from the state, so
that a copied state folder opens nothing. It also authenticates plans. A live secret leaves
here as a `SecretStr`.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from provisioner.errors import VaultError
from provisioner.files import PRIVATE_FILE, make_private_folder
from provisioner.secret import SecretRef, fingerprint

NONCE_BYTES = 12


class Boxes(Protocol):
    """Where sealed secrets are kept."""

    def put_sealed(self, vault_id: str, box: bytes) -> None:
        """Keep a box; on disk when this returns. A second box of one id is an error."""

    def get_sealed(self, vault_id: str) -> bytes | None:
        """Return a box, or None when there is none of that id."""


class Vault:
    """Seals and opens the secrets of one ledger."""

    def __init__(self, key: bytes, ledger_id: str, boxes: Boxes) -> None:
        self._ledger_id = ledger_id
        self._boxes = boxes
        self._cipher = AESGCM(_derived(key, b"provision/vault/seal"))
        self._mac_key = _derived(key, b"provision/vault/mac")

    def seal(self, vault_id: str, value: SecretStr) -> SecretRef:
        """Seal a secret under an id and return the reference to it."""
        plain = value.get_secret_value()
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._boxes.put_sealed(
            vault_id, nonce + self._cipher.encrypt(nonce, plain.encode(), self._bound(vault_id))
        )
        return SecretRef(vault_id, fingerprint(plain))

    def open(self, vault_id: str) -> SecretStr | None:
        """Return a secret, or None when none of that id was sealed.

        Raises:
            VaultError: the box doesn't open: another vault key, or it was changed.
        """
        box = self._boxes.get_sealed(vault_id)
        if box is None:
            return None
        try:
            plain = self._cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], self._bound(vault_id))
        except InvalidTag as exc:
            raise VaultError(
                "a sealed key doesn't open with this vault key",
                hint="run as the user who made this state, or restore that user's vault.key from a backup",
            ) from exc
        return SecretStr(plain.decode())

    def reference(self, vault_id: str) -> SecretRef | None:
        """Return the reference to a sealed secret, or None when none of that id was sealed."""
        value = self.open(vault_id)
        return None if value is None else SecretRef(vault_id, fingerprint(value.get_secret_value()))

    def mac(self, data: bytes) -> str:
        """Return a hex HMAC-SHA256 that only this vault key can make."""
        return hmac.new(self._mac_key, data, "sha256").hexdigest()

    def _bound(self, vault_id: str) -> bytes:
        return f"{self._ledger_id}/{vault_id}".encode()


def pseudonym_mac(key: bytes) -> Callable[[bytes], str]:
    """Return what makes pseudonyms: a hex HMAC-SHA256 that only this vault key can make, in any ledger."""
    mac_key = _derived(key, b"provision/pseudonyms")
    return lambda data: hmac.new(mac_key, data, "sha256").hexdigest()


def load_key(path: Path, *, may_create: bool) -> bytes:
    """Return the vault key; make one (32 random bytes, 0600) where there is none and it may be made.

    Raises:
        VaultError: it is missing but needed, malformed, or readable by others.
    """
    if not path.exists() or path.stat().st_size == 0:
        if not may_create:
            raise VaultError(
                f"the vault key {path} is missing, and the ledger holds keys sealed with it",
                hint="restore the file from a backup, or run as the user who made this state",
            )
        make_private_folder(path.parent)
        _write_new_key(path)
    if path.stat().st_mode & 0o077:
        raise VaultError(f"the vault key {path} can be read by others", hint=f"run: chmod 600 {path}")
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error as exc:
        raise VaultError(f"the vault key {path} is damaged", hint="restore it from a backup") from exc
    if len(key) != 32:
        raise VaultError(f"the vault key {path} is damaged", hint="restore it from a backup")
    return key


def _write_new_key(path: Path) -> None:
    """Write a key where there is none; an empty file is what a run leaves that was killed at it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two first runs of one user: the second takes the first one's key
        if not file.read():
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(key)

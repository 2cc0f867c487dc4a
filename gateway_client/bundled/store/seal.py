"""Sealed provider keys: AES-256-GCM, each bound to its provider's slug.

The seal's own key is 32 random bytes in a file beside the database, so that a copied database alone
opens nothing. Whoever restores one needs the other.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from gateway_client.bundled.errors import SealBroken

FILE = "gateway-seal.key"
KEY_BYTES, NONCE_BYTES = 32, 12


class Seal:
    """Seals and opens the keys of one gateway's providers."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, slug: str, value: SecretStr) -> str:
        """Return a key sealed for a provider, as base64."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        box = self._cipher.encrypt(nonce, value.get_secret_value().encode(), slug.encode())
        return base64.b64encode(nonce + box).decode()

    def open(self, slug: str, sealed: str) -> SecretStr:
        """Return a provider's key. Raises `SealBroken` for another seal's, and for a changed one."""
        try:
            box = base64.b64decode(sealed, validate=True)
            return SecretStr(
                self._cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], slug.encode()).decode()
            )
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(
                f"the key of provider {slug} does not open with {FILE}",
                f"restore the {FILE} that belongs to this database, or add the provider again",
            ) from exc


def of(database: Path, *, may_create: bool = False) -> Seal:
    """Return the seal of a database; its key file is made (0600) where `may_create`.

    Raises `SealBroken` for a file that is missing or damaged.
    """
    path = database.with_name(FILE)
    if may_create and not path.exists():
        _make(path)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except OSError as exc:
        raise SealBroken(
            f"{path}, which opens the providers' keys, can't be read: {exc.strerror}",
            "restore it from a backup, or remove the providers and add them again",
        ) from exc
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise SealBroken(
            f"{path}, which opens the providers' keys, is damaged",
            "restore it from a backup; or delete it, and add the providers again",
        )
    return Seal(key)


def _make(path: Path) -> None:
    """Make a key file, whole or not at all; one that another process made first stays as it is."""
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)

"""The driver that hands out one key: out of the vault, into one new file, and nowhere else.

For keys without an artifact (key-only, services, people whose devices nobody manages). The gateway
is not asked, so that it works where the gateway can't be reached.
"""

from __future__ import annotations

from pathlib import Path

from provisioner import files, seal
from provisioner.errors import OutputRefused, UsageError, VaultError
from provisioner.ledger.model import KeyRecord
from provisioner.vault import Vault


def write(key: KeyRecord, vault: Vault, path: Path) -> None:
    """Write a key and a newline to a new file, 0600.

    Raises:
        UsageError: the place is the terminal, or no folder.
        OutputRefused: the file is there already, or git or a sync client would carry it away (T2).
        VaultError: its secret is not in the vault.
    """
    if str(path) == "-" or path.parts[:2] in (("/", "dev"), ("/", "proc")):
        raise UsageError(
            f"a key is not printed: {path} is no file", hint="name a new file: --to FILE, and delete it later"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder", hint="make it first: mkdir -m 700 FOLDER")
    try:
        files.refuse_leaky(path.parent, (path.name,))
    except OutputRefused as exc:
        raise OutputRefused(
            exc.message, hint="name a file in a folder of this machine that nothing carries away"
        ) from exc
    secret = vault.open(key.secret.vault_id)
    if secret is None:
        raise VaultError(
            f"the secret of {key.name} is not in the vault",
            hint="run provision --roster FILE: it gives the key a new secret",
        )
    files.write_new(path, seal.key_line(secret))

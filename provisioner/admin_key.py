"""The gateway's admin key, from where the fleet file says it is; it is never stored by us (T9)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from provisioner.errors import UsageError
from provisioner.fleet import AdminKey

COMMAND_SECONDS = 60


def fetch(source: AdminKey, environment: Mapping[str, str]) -> SecretStr:
    """Return the admin key.

    Raises:
        UsageError: it is not there; tells the place, never a value.
    """
    if source.env is not None:
        return _found(environment.get(source.env, ""), f"the environment variable {source.env}")
    if source.file is not None:
        return _found(_from_file(Path(source.file)), f"the file {source.file}")
    if source.command:
        return _found(_from_command(source.command), f"the command {source.command[0]}")
    return _found(_from_keyring(source.keyring or ""), f"the keyring entry {source.keyring}")


def _found(text: str, place: str) -> SecretStr:
    key = text.strip()
    if not key:
        raise UsageError(f"no admin key in {place}", hint="put the gateway's admin key there and run again")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"{place} holds something that is no admin key", hint="it must be one line of ASCII")
    return SecretStr(key)


def _from_file(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"the admin key in {path} can be read by others", hint=f"run: chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        return "\n"  # told as "no admin key", without an excerpt of what may be half a secret
    except OSError as exc:
        raise UsageError(f"can't read the admin key file {path}: {exc.strerror}") from exc


def _from_command(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        told = exc.strerror if isinstance(exc, OSError) else f"no answer in {COMMAND_SECONDS} s"
        raise UsageError(f"the admin key command {command[0]} failed: {told}") from None
    if done.returncode != 0:
        raise UsageError(
            f"the admin key command {command[0]} ended with exit code {done.returncode}",
            hint="run it yourself to see why",
        )
    return done.stdout.decode("ascii", errors="replace")


def _from_keyring(entry: str) -> str:
    try:
        import keyring  # optional, and slow to import
    except ImportError as exc:
        raise UsageError(
            "the keyring library is not installed", hint="pip install 'provision[keyring]'"
        ) from exc
    service, _, name = entry.partition("/")
    return keyring.get_password(service, name) or ""

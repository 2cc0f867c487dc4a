"""One process serves a database: it decides from what it has in memory, and nobody else may write behind it.

The kernel's lock goes away with its process. It is on a file of its own, because closing any handle of the
database itself would end the locks that SQLite holds on that.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_client.bundled.errors import StoreInUse


@contextmanager
def claimed(database: Path) -> Iterator[None]:
    """Hold the claim on a database. Raises `StoreInUse` where another gateway has it, here or elsewhere."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = database.with_name(f"{database.name}.lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StoreInUse(
                f"another gateway is being served from {database}",
                "stop that one first, or serve it without --host, --port and TLS: "
                "other commands find it only where it was at first",
            ) from exc
        yield
    finally:
        os.close(handle)

"""One run at a time: a lock file whose owner is named to whoever has to wait (T17).

The kernel's lock on the file is the truth: it goes away with its process, so a run that died
leaves nothing to clean up, and the next run takes over and says so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.errors import Busy
from provisioner.files import PRIVATE_FILE


@contextmanager
def held(path: Path, owner: dict[str, str], say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock; `owner` tells others who we are (pid, host, user, since).

    Raises:
        Busy: a live run holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy(
                f"another run is at work: {_told(os.read(handle, 4096))}",
                hint="wait for it to end, then run the same command again",
            ) from exc
        former = os.read(handle, 4096)
        if former:
            say(f"took over from a run that broke off: {_told(former)}")
        _replace(handle, json.dumps(owner, sort_keys=True).encode())
        try:
            yield
        finally:
            _replace(handle, b"")
    finally:
        os.close(handle)


def _replace(handle: int, data: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)
    os.fsync(handle)


def _told(data: bytes) -> str:
    try:
        owner = json.loads(data)
        return f"process {owner['pid']} of {owner['user']} on {owner['host']} since {owner['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said who it is yet"

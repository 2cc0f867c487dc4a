"""Tells a test each trace that the tool leaves, and stops before or after one of them to be killed there.

Python imports this by its name, from PYTHONPATH, before the program begins; the tool knows nothing
of it. A trace is an HTTP call, a commit to the ledger, and a file that is created, renamed or removed
below CRASH_ROOT. Each one gives two lines, `before …` and `after …`, on the descriptor CRASH_TELL. At
the line numbered CRASH_HOLD the process waits for a byte on CRASH_RELEASE, or for a SIGKILL from outside.

Only the main thread counts: that is where the tool runs; a gateway embedded in it has threads of its own.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from sqlalchemy.engine.default import DefaultDialect

ROOT = os.environ["CRASH_ROOT"]
TELL, RELEASE, HOLD = (int(os.environ[name]) for name in ("CRASH_TELL", "CRASH_RELEASE", "CRASH_HOLD"))
LONGEST_SECONDS = 120
numbers = itertools.count(1)


def point(moment: str, trace: str) -> None:
    os.write(TELL, f"{moment} {trace}\n".encode())
    if next(numbers) == HOLD:
        os.read(RELEASE, 1)


def watch(owner: Any, name: str, told: Callable[..., str | None]) -> None:
    """Put a point before and after each call of a function that leaves a trace; `told` names the trace."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def between_points(*args: Any, **kwargs: Any) -> Any:
        trace = told(*args, **kwargs)
        if trace is None or threading.current_thread() is not threading.main_thread():
            return function(*args, **kwargs)
        point("before", trace)
        result = function(*args, **kwargs)
        point("after", trace)
        return result

    setattr(owner, name, between_points)


def on_file(verb: str, path: Any) -> str | None:
    """Name what happens to a file of the desk; None for one elsewhere, or for an open descriptor."""
    below = ".." if isinstance(path, int) else os.path.relpath(os.fsdecode(path), ROOT)
    return None if below.startswith("..") else f"{verb} {below}"


def on_creation(path: Any, flags: int, *_: Any, **__: Any) -> str | None:
    """Name a file that appears under its final name; a temporary one counts when it is renamed."""
    final = flags & os.O_CREAT and not os.fsdecode(path).rpartition("/")[2].startswith(".")
    return on_file("create", path) if final else None


signal.alarm(LONGEST_SECONDS)  # a process that nobody comes back for ends by itself
watch(requests.Session, "send", lambda _, call, **__: f"{call.method} {urlsplit(call.url).path}")
watch(DefaultDialect, "do_commit", lambda *_: "commit")
watch(os, "open", on_creation)
watch(os, "replace", lambda _, target, **__: on_file("rename to", target))
watch(os, "unlink", lambda path, **__: on_file("remove", path))

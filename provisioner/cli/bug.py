"""A log of our own bug, to be pasted into an issue: versions, platform, traceback without values."""

from __future__ import annotations

import os
import platform
import tempfile
from importlib.metadata import version

from gateway_client import frames


def written(exc: BaseException) -> str:
    """Write the log (0600, in the temporary folder) and return its path; the log itself where that fails."""
    # Not `platform.platform()`: it starts a program, which would get the environment and all keys in it.
    machine = f"{platform.system()} {platform.release()} {platform.machine()}"
    head = f"provision {version('provision')}, Python {platform.python_version()}, {machine}"
    log = "\n".join((head, *frames.lines(exc)))
    try:
        handle, path = tempfile.mkstemp(prefix="provision-bug-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(log + "\n")
    except OSError:  # a full disk is where bugs show, and Python's own traceback would tell values
        return f"what follows\n{log}"
    return path

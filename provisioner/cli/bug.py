"""A log of our own bug, to be pasted into an issue: versions, platform, traceback without values."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from importlib.metadata import version


def written(exc: BaseException) -> str:
    """Write the log (0600, in the temporary folder) and return its path.

    Frames and exception types only: a message may quote data, and data may be secret.
    """
    lines = [f"provision {version('provision')}, Python {platform.python_version()}, {platform.platform()}"]
    link: BaseException | None = exc
    while link is not None:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(link.__traceback__)]
        link = link.__cause__ or link.__context__
    handle, path = tempfile.mkstemp(prefix="provision-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return path

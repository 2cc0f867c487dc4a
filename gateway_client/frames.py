"""A traceback without values: exception types and frames only. Pure.

For our own bugs, wherever they are logged: a message may quote data, and data may be secret (T2).
"""

from __future__ import annotations

import traceback


def lines(exc: BaseException) -> list[str]:
    """Return an exception and what it came from, the last one first, each with its frames."""
    told: list[str] = []
    link: BaseException | None = exc
    while link is not None:
        told.append(f"{type(link).__module__}.{type(link).__qualname__}")
        told += [f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(link.__traceback__)]
        link = link.__cause__ or link.__context__
    return told

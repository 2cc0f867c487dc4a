"""Metadata: what a request says of itself, under what its key and workspace say of it. Pure.

Workspace beats key, key beats request (facts/portkey.md 9.4), so that team and env can't be forged;
what a request claims against them is kept apart and logged (T22).
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from typing import Any

MAX_LENGTH = 128


@functools.lru_cache(maxsize=256)  # a client sends the same one with every request
def of_header(value: str | None) -> Mapping[str, Any]:
    """Return the object in `x-portkey-metadata`; anything but a JSON object counts as nothing.

    Servers hand headers over as Latin-1, while older clients send UTF-8 (facts/claude-code.md 0.6).
    """
    if not value:
        return {}
    with contextlib.suppress(UnicodeError):  # it was Latin-1 after all
        value = value.encode("latin-1").decode("utf-8")
    try:
        found = json.loads(value)
        json.dumps(found, ensure_ascii=False).encode()  # JSON can hold half a character; text can't
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def merged(
    request: Mapping[str, Any], key: Mapping[str, Any], workspace: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata that routing and logs go by; the client's own is last, where the log cuts."""
    own = {**key, **workspace}
    return {**own, **request, **own}


def contradicted(request: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what the request claimed where the merged metadata says something else."""
    return logged({name: value for name, value in request.items() if result[name] != value})


def logged(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return metadata as the log keeps it: text of at most 128 characters, empty values as null."""
    return {name[:MAX_LENGTH]: _text(value) for name, value in values.items()}


def _text(value: Any) -> str | None:
    if not value:
        return None
    return (value if isinstance(value, str) else json.dumps(value))[:MAX_LENGTH]

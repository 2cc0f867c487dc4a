"""Trees to bytes and back: JSON and XML property lists, and nothing that one of them would change. Pure.

Equal trees give equal bytes, whatever order their keys came in. What some reader would not give
back as it was is refused before it is written (facts/mdm.md 1.6). Trees hold live secrets here:
errors name the place, never the value.
"""

from __future__ import annotations

import json
import plistlib
import re
from typing import Any
from xml.parsers.expat import ExpatError

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree

INTEGER_MAX = 2**63 - 1
# What XML 1.0 can't hold, half characters, and the carriage return, which XML reads as a newline.
LOSSY = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def json_bytes(tree: PlainTree) -> bytes:
    """Return ASCII JSON for a file: keys sorted, indented by 2, one newline at the end."""
    _check(tree)
    return json.dumps(tree, ensure_ascii=True, sort_keys=True, indent=2).encode("ascii") + b"\n"


def json_one_line(tree: PlainTree) -> bytes:
    """Return compact ASCII JSON, keys sorted, no newline: a registry value (facts/claude-code.md 1)."""
    _check(tree)
    return json.dumps(tree, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


def plist_bytes(tree: PlainTree) -> bytes:
    """Return an XML property list with keys sorted."""
    _check(tree)
    return plistlib.dumps(tree, fmt=plistlib.FMT_XML, sort_keys=True)


def read_json(data: bytes) -> PlainTree:
    """Return the tree in JSON bytes; raises `ArtifactError` where they hold none, or a key twice."""
    try:
        tree = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as exc:
        raise ArtifactError("file does not read as JSON") from exc
    return _check(tree)


def read_plist(data: bytes) -> PlainTree:
    """Return the tree in an XML property list; raises `ArtifactError` where it holds none, or a key twice."""
    try:
        tree = plistlib.loads(data, fmt=plistlib.FMT_XML, dict_type=_Unique)
    except (ValueError, AttributeError, ExpatError) as exc:
        raise ArtifactError("file does not read as a property list") from exc
    return _check(tree)


class _Unique(dict[str, Any]):
    """Refuses the second value of a key, where parsers quietly take one of the two."""

    def __setitem__(self, name: str, value: object) -> None:
        if name in self:
            raise ValueError(f"key {name!r} stands twice")
        super().__setitem__(name, value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = _Unique()
    for name, value in pairs:
        tree[name] = value
    return tree


def _check(tree: Any, place: str = "") -> PlainTree:
    """Return the tree when every format here can hold it; raises `ArtifactError` with the place otherwise."""
    match tree:
        case bool():
            fine = True
        case int():
            fine = -INTEGER_MAX - 1 <= tree <= INTEGER_MAX
        case str():
            fine = LOSSY.search(tree) is None
        case list():
            for index, value in enumerate(tree):
                _check(value, f"{place}[{index}]")
            fine = True
        case dict():
            for name, value in tree.items():
                if not isinstance(name, str) or LOSSY.search(name):
                    raise ArtifactError(f"a key that no file can hold in {place or 'the file'}")
                _check(value, f"{place}.{name}" if place else name)
            fine = True
        case _:
            fine = False
    if not fine:
        raise ArtifactError(f"a value that no file can hold at {place or 'the top'} ({type(tree).__name__})")
    checked: PlainTree = tree
    return checked

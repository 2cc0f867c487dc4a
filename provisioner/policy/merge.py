"""Profiles over profiles: tables merge, all else is replaced, and each value knows whose it is. Pure.

A tree is first `stamped` with its profile's name; merging moves the stamps along with the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.toml_lines import KeyPath


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that merging never looks into: text, number, truth value or list."""

    value: Any
    origin: str


Stamped = Mapping[str, "Leaf | Stamped"]


def stamped(tree: Mapping[str, Any], origin: str) -> Stamped:
    """Return the tree with each value marked as coming from `origin`."""
    return {
        name: stamped(value, origin) if isinstance(value, Mapping) else Leaf(value, origin)
        for name, value in tree.items()
    }


def merge(parent: Stamped, child: Stamped) -> Stamped:
    """Return the parent with the child's values: tables merge deeply, scalars and lists are replaced."""
    merged = dict(parent)
    for name, ours in child.items():
        theirs = parent.get(name)
        if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
            merged[name] = merge(theirs, ours)
        else:
            merged[name] = ours
    return merged


def without(tree: Stamped, path: KeyPath) -> Stamped | None:
    """Return the tree without what stands at the path, or None where nothing stands there."""
    name, *rest = path
    below = tree.get(str(name))
    if below is None:
        return None
    if not rest:
        return {key: value for key, value in tree.items() if key != name}
    smaller = without(below, tuple(rest)) if isinstance(below, Mapping) else None
    return None if smaller is None else {**tree, str(name): smaller}


def plain(tree: Stamped) -> dict[str, Any]:
    """Return the tree as it reads, without stamps."""
    return {name: plain(value) if isinstance(value, Mapping) else value.value for name, value in tree.items()}


def leaves(tree: Stamped, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Leaf]]:
    """Yield each value with its path, in the tree's order; lists are one value."""
    for name, value in tree.items():
        if isinstance(value, Leaf):
            yield (*at, name), value
        else:
            yield from leaves(value, (*at, name))

"""Queries of conditional routing: what they may read, and which of it a client can't forge. Pure.

A gateway never complains about a query that matches nothing, and a client may claim any `user`.
So queries are checked for names that exist, for types that can be equal (`1` is not `"1"`), and
for standing on what the key itself says (S180, S182, T22).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisioner.spelling import OWN_METADATA
from provisioner.strict import Flaw, suggestion, unknown_key
from provisioner.toml_lines import KeyPath

COMPARISONS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex")
JOINS = ("$and", "$or")


@dataclass(frozen=True, slots=True)
class Labels:
    """Metadata names: those on the key, which no request can change, and those a request claims."""

    proven: frozenset[str]
    claimed: frozenset[str]


def labels(scope: Literal["team", "person"] = "team", extra: Collection[str] = ()) -> Labels:
    """Return the labels of keys of a scope; `extra` are the roster columns declared as metadata.

    A team's key can't tell one person from another: `user` and the extra columns are what the
    request says. A person's key carries them.
    """
    proven = frozenset({"tenant", "team", "env"})
    if scope == "person":
        proven |= {"user", "_user", *extra}
    return Labels(proven, (OWN_METADATA | frozenset(extra)) - proven)


TEAM_LABELS = labels()


def query_flaws(query: Mapping[str, Any], path: KeyPath, labels: Labels) -> Iterator[Flaw]:
    """Yield what is wrong with one condition's query."""
    yield from _shape_flaws(query, path, labels)
    yield from _forgeable(query, path, labels, proven=False)


def _shape_flaws(query: Mapping[str, Any], path: KeyPath, labels: Labels) -> Iterator[Flaw]:
    if not query:
        yield Flaw(path, "BAD_QUERY", "is empty", 'write { "metadata.env" = { "$eq" = "dev" } }')
    for name, asked in query.items():
        here = (*path, name)
        if name in JOINS:
            if not (isinstance(asked, list) and asked and all(isinstance(part, dict) for part in asked)):
                yield Flaw(here, "BAD_QUERY", "should be a list of queries", f'write "{name}" = [{{ ... }}]')
                continue
            for position, part in enumerate(asked):
                yield from _shape_flaws(part, (*here, position), labels)
            continue
        label = _label(name)
        if label is not None:
            known = labels.proven | labels.claimed
            if label not in known:
                fix = suggestion(label, sorted(known))
                yield Flaw(here, "UNKNOWN_METADATA", "no request carries this metadata", fix, label)
        elif not (name == "url.pathname" or (name.startswith("params.") and name != "params.")):
            # `metadata.env = ...` without quotes is a table in a table for TOML.
            fix = 'write "metadata.NAME", "params.NAME" or "url.pathname", in quotes'
            yield Flaw(here, "BAD_QUERY", "is nothing that a query can read", fix)
            continue
        yield from _comparison_flaws(asked, here, text_only=not name.startswith("params."))


def _comparison_flaws(asked: object, path: KeyPath, text_only: bool) -> Iterator[Flaw]:
    if not (isinstance(asked, dict) and asked):
        yield Flaw(path, "BAD_QUERY", "has no comparison", 'write { "$eq" = ... }')
        return
    for operator, operand in asked.items():
        here = (*path, operator)
        if operator not in COMPARISONS:
            yield unknown_key(here, COMPARISONS)
            continue
        several = operator in ("$in", "$nin")
        if several and not (isinstance(operand, list) and operand):
            yield Flaw(here, "BAD_QUERY", "should be a list", "write the values in brackets")
            continue
        only_text = text_only or operator == "$regex"
        for value in operand if several else [operand]:
            if not isinstance(value, str if only_text else str | int | float):
                what = "text" if only_text else "text, a number, true or false"
                yield Flaw(here, "BAD_QUERY", f"can never match: the other side is {what}", f"write {what}")
                break
    if "$regex" in asked and len(asked) > 1:
        # The gateway stops at it and ignores its neighbours (facts/portkey.md 12.3).
        yield Flaw(
            path, "BAD_QUERY", "has comparisons beside $regex, which are ignored", 'join them with "$and"'
        )


def _forgeable(query: Mapping[str, Any], path: KeyPath, labels: Labels, proven: bool) -> Iterator[Flaw]:
    """Yield each claimed label that decides alone, with no proven one required beside it."""
    proven = proven or _proves(query, labels)
    if proven:
        return
    for name, asked in query.items():
        if name in JOINS and isinstance(asked, list):
            for position, part in enumerate(asked):
                if isinstance(part, dict):
                    yield from _forgeable(part, (*path, name, position), labels, proven)
        elif _label(name) in labels.claimed:
            message = "is what a request claims, and any holder of the key may claim it"
            fix = 'ask for "metadata.team" or "metadata.env" beside it, or set [keys] scope = "person"'
            yield Flaw((*path, name), "FORGEABLE", message, fix)


def _proves(query: Mapping[str, Any], labels: Labels) -> bool:
    """Tell whether all that matches the query carries a proven label that it asks for."""
    for name, asked in query.items():
        if _label(name) in labels.proven:
            return True
        if name in JOINS and isinstance(asked, list):
            parts = [isinstance(part, dict) and _proves(part, labels) for part in asked]
            if any(parts) if name == "$and" else bool(parts) and all(parts):
                return True
    return False


def _label(name: str) -> str | None:
    return name.removeprefix("metadata.") if name.startswith("metadata.") else None

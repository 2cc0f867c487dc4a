"""Conditional queries: `{"metadata.env": {"$eq": "prod"}}`. Pure.

The operators and their meaning are the gateway's as measured (facts/portkey.md 12.3): types are
strict (1 is not "1"), `$ne` and `$nin` match a key that is missing, everything else does not. Unlike
the open-source gateway, operators beside a `$regex` count too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway_client.bundled.routing import patterns

MISSING: Final = object()

Facts = Mapping[str, Mapping[str, Any]]
"""What a query may ask about: `metadata`, `params` and `url`, each with flat keys."""


def problems(query: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield what is wrong with a query, each with its path."""
    if not query:
        yield f"{path}: is empty and would match everything; use default for that"
    for name, wanted in query.items():
        here = f"{path}.{name}"
        if name in ("$and", "$or"):
            yield from _combination_problems(wanted, here)
        elif not _is_field(name):
            yield f"{here}: must be metadata.<key>, params.<key>, url.pathname, $and or $or"
        elif isinstance(wanted, Mapping):
            yield from _operator_problems(wanted, here)


def matches(query: Mapping[str, Any], facts: Facts) -> bool:
    """Tell whether every part of a checked query holds."""
    for name, wanted in query.items():
        if name == "$and":
            holds = all(matches(part, facts) for part in wanted)
        elif name == "$or":
            holds = any(matches(part, facts) for part in wanted)
        else:
            group, _, key = name.partition(".")
            value = facts[group].get(key, MISSING)
            operators = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
            holds = all(OPERATORS[operator](value, operand) for operator, operand in operators.items())
        if not holds:
            return False
    return True


def _same(value: Any, operand: Any) -> bool:
    comparable = type(value) is type(operand) or (_is_number(value) and _is_number(operand))
    return comparable and bool(value == operand)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(value: Any, operand: Any) -> bool:
        numbers = _is_number(value) and _is_number(operand)
        texts = isinstance(value, str) and isinstance(operand, str)
        return (numbers or texts) and compare(value, operand)

    return check


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _same,
    "$ne": lambda value, operand: not _same(value, operand),
    "$gt": _ordered(lambda value, operand: value > operand),
    "$gte": _ordered(lambda value, operand: value >= operand),
    "$lt": _ordered(lambda value, operand: value < operand),
    "$lte": _ordered(lambda value, operand: value <= operand),
    "$in": lambda value, operand: any(_same(value, one) for one in operand),
    "$nin": lambda value, operand: not any(_same(value, one) for one in operand),
    "$regex": lambda value, operand: isinstance(value, str) and patterns.found(operand, value),
}


def _is_field(name: str) -> bool:
    group, dot, key = name.partition(".")
    return bool(dot and key) and (group in ("metadata", "params") or name == "url.pathname")


def _combination_problems(parts: Any, path: str) -> Iterator[str]:
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
        yield f"{path}: must be a list of queries, not empty"
        return
    for index, part in enumerate(parts):
        if isinstance(part, Mapping):
            yield from problems(part, f"{path}[{index}]")
        else:
            yield f"{path}[{index}]: must be a query"


def _operator_problems(operators: Mapping[str, Any], path: str) -> Iterator[str]:
    if not operators:
        yield f"{path}: has no operator"
    for operator, operand in operators.items():
        here = f"{path}.{operator}"
        if operator not in OPERATORS:
            yield f"{here}: unknown operator; known are {', '.join(OPERATORS)}"
        elif operator in ("$in", "$nin") and not isinstance(operand, list):
            yield f"{here}: must be a list"
        elif operator == "$regex":
            why = patterns.problem(operand)
            if why is not None:
                yield f"{here}: {why}"

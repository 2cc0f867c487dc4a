"""What the log takes of a record: nothing endless, and nothing that SQLite refuses. Pure.

Clients choose much of a record: names of models, metadata, headers. None of it may make the entry
unwritable, and so keep its request out of the log, or fill the disk. Texts are cut at `TEXT` characters,
half characters are replaced (JSON can hold one, UTF-8 can't), numbers are brought into `NUMBER`. Of
metadata come first what pages and budgets go by; where some is left out, `[cut]` says how much.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gateway_client.bundled.store.records import RequestRecord

TEXT = 256
"""Characters of a text."""
NUMBER = 2**48
"""The greatest amount, of tokens or nano-dollars (some $281,000): SQLite can add up 30,000 of them."""
PAIRS = 64
"""Keys of metadata, fields of a verdict, and verdicts."""
IN_ALL = 8 * 1024
"""Characters of metadata, and of all verdicts."""
CUT = "[cut]"

_FIRST = ("tenant", "team", "user", "_user", "env")
_DEPTH = 2
"""Lists and objects within a verdict that are kept."""
_OTHERS = frozenset({"merged_metadata", "contradicted", "verdicts", "bodies", "kept", "stream"})
_PLAIN = tuple(name for name in RequestRecord.__dataclass_fields__ if name not in _OTHERS)


def bound(record: RequestRecord) -> None:
    """Change a record, in place, to one that can be written."""
    for name in _PLAIN:
        value = getattr(record, name)
        if isinstance(value, str):
            if len(value) > TEXT or not value.isascii():
                setattr(record, name, text(value))
        elif isinstance(value, int) and not -NUMBER <= value <= NUMBER:
            setattr(record, name, _number(value))
    record.merged_metadata = _pairs(record.merged_metadata)
    if record.contradicted:
        record.contradicted = _pairs(record.contradicted)
    if record.verdicts:
        record.verdicts = _verdicts(record.verdicts)


def text(value: str) -> str:
    """Return text of at most `TEXT` characters, all of them whole."""
    value = value[:TEXT]
    return value if value.isascii() else value.encode(errors="replace").decode()


def _number(value: int) -> int:
    return max(-NUMBER, min(value, NUMBER))


def _pairs(values: Mapping[str, str | None]) -> dict[str, str | None]:
    short = {text(name): None if value is None else text(value) for name, value in values.items()}
    if len(values) <= PAIRS and sum(map(_length, short.items())) <= IN_ALL:
        return short
    kept: dict[str, str | None] = {}
    room = IN_ALL
    for name in sorted(short, key=lambda name: name not in _FIRST):
        room -= _length((name, short[name]))
        if room < 0 or len(kept) == PAIRS:
            break
        kept[name] = short[name]
    return {**kept, CUT: f"{len(values) - len(kept)} more"}


def _length(pair: tuple[str, str | None]) -> int:
    return len(pair[0]) + len(pair[1] or "")


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kept: list[Mapping[str, Any]] = []
    room = IN_ALL
    for verdict in verdicts[:PAIRS]:
        short = _object(verdict, _DEPTH)
        room -= len(json.dumps(short, ensure_ascii=False))
        if room < 0:
            break
        kept.append(short)
    rest = verdicts[len(kept) :]
    if rest:
        deny = any(verdict.get("deny") for verdict in rest)
        kept.append({"check": CUT, "verdict": False, "deny": deny, "detail": f"{len(rest)} more"})
    return kept


def _object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {text(str(name)): _json(part, depth) for name, part in [*value.items()][:PAIRS]}


def _json(value: object, depth: int) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return _number(value)
        case float() if math.isfinite(value):
            return value
        case str():
            return text(value)
        case Mapping() if depth:
            return _object(value, depth - 1)
        case list() | tuple() if depth:
            return [_json(part, depth - 1) for part in value[:PAIRS]]
        case _:
            return CUT

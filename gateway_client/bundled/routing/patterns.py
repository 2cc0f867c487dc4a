"""Regular expressions that can't hang the loop: matched in time linear in the text. Pure.

`re` takes exponential time for some patterns, and whoever writes a config would stop every request
with one. The engine here is the one inside pydantic (the Rust crate `regex`): it knows neither
look-around nor back-references, and refuses a pattern that would grow too large.
"""

from __future__ import annotations

import functools
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema


def problem(pattern: Any) -> str | None:
    """Return why a pattern can't be used, None where it can."""
    if not isinstance(pattern, str):
        return "must be text"
    try:
        _compiled(pattern)
    except SchemaError as exc:
        told = str(exc).strip().splitlines()[-1].strip()
        return f"is no regular expression that ends in bounded time: {told.removeprefix('error: ')}"
    return None


def found(pattern: str, text: str) -> bool:
    """Tell whether a checked pattern occurs in a text."""
    return _compiled(pattern).isinstance_python(text)


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True))

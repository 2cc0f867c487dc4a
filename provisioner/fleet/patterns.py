"""Conditions of rules: texts with `*`, any case; lists mean "any of these". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from provisioner.strict import wrong

Wanted = str | bool
Conditions = Annotated[dict[str, tuple[Wanted, ...]], BeforeValidator(lambda given: _conditions(given))]
"""Name of a fact (or `kind`, `group`, `managed` ...) to what it may be; every name must hold."""

SPELLED: Mapping[bool, tuple[str, ...]] = {True: ("true", "yes", "1"), False: ("false", "no", "0")}
"""How exports write true and false."""

FACT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,63}")


def _conditions(given: object) -> object:
    if not isinstance(given, Mapping):
        return given  # pydantic says that a table is wanted
    return {name: values(name, value) for name, value in given.items()}


def values(name: str, value: Any) -> tuple[Wanted, ...]:
    """Return what a condition compares with, one or a list of them; raises the error of a validator."""
    if not FACT_NAME.fullmatch(name):
        raise wrong(
            "BAD_NAME", "has a condition without a sound name", "name a fact, such as department", name
        )
    items = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not items or not all(isinstance(item, str | bool) for item in items):
        fix = 'write text ("Sales*"), true or false, or a list of texts'
        raise wrong("WRONG_TYPE", f"{name} is no text, no list of texts and not true or false", fix)
    if any(isinstance(item, str) and not item for item in items):
        fix = 'write "*" for any text; leave the condition out for no condition'
        raise wrong("BAD_VALUE", f"{name} is compared with empty text", fix)
    return items


def spelled(wanted: Iterable[Wanted]) -> list[str]:
    """Return the texts that are wanted; true and false are spelled in a few ways."""
    return [text for one in wanted for text in ((one,) if isinstance(one, str) else SPELLED[one])]


def pattern(texts: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for all texts: whole, any case, `*` for any characters.

    Match it against text that was stripped and case-folded.
    """
    parts = (
        ".*".join(re.escape(part) for part in text.strip().casefold().split("*"))
        for text in dict.fromkeys(texts)
    )
    return re.compile(f"(?:{'|'.join(parts)})\\Z", re.DOTALL)

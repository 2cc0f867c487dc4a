"""Which part of a listing is shown, and the addresses of its neighbours. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SIZE = 50
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Pages:
    """`first` and `last` count from 1; `newer` and `older` are addresses, None where there is nothing."""

    total: int
    first: int
    last: int
    newer: str | None
    older: str | None
    back: str
    on: str


def asked(text: str | None) -> int:
    """Return the page that a query asks for, from 1; anything else than a number is the first."""
    return min(max(int(text), 1), MOST) if text and text.isdecimal() and len(text) < 8 else 1


def pages(
    page: int, shown: int, total: int, at: Callable[[int], str], words: tuple[str, str] = ("Newer", "Older")
) -> Pages:
    """Return the surroundings of a page with `shown` rows; `at` makes the address of another."""
    first = (page - 1) * SIZE + 1
    last = first + shown - 1
    return Pages(
        total, first, last, at(page - 1) if page > 1 else None, at(page + 1) if last < total else None, *words
    )

"""Which of a person's accounts are in use, directory by directory. Pure.

A directory (a preset) may have several accounts of one person under one id, or an old id beside a new
one. An id is in use unless something keeps it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from provisioner.roster.model import LeftOut


class Account(NamedTuple):
    """One record of a people's export, as far as its use goes."""

    preset: str
    directory_id: str
    """Lower case; may be empty."""
    left_out: LeftOut | None


def left_out(accounts: Iterable[Account]) -> LeftOut | None:
    """Return why a person is left out; one directory without an account of theirs in use is enough."""
    directories = _by_directory(accounts).values()
    all_out = [min(filter(None, ids.values())) for ids in directories if all(ids.values())]
    return min(all_out, default=None)


def both_in_use(accounts: Sequence[Account]) -> Iterator[tuple[int, int]]:
    """Yield the first account and each later one that are in use in one directory under different ids."""
    ids_of = _by_directory(accounts)
    first: dict[str, int] = {}
    for at, (preset, directory_id, _) in enumerate(accounts):
        if not directory_id or ids_of[preset][directory_id]:
            continue
        known = first.setdefault(preset, at)
        if accounts[known].directory_id != directory_id:
            yield known, at


def _by_directory(accounts: Iterable[Account]) -> dict[str, dict[str, LeftOut | None]]:
    """Return for each directory why its ids are left out, None for one that is in use."""
    found: dict[str, dict[str, LeftOut | None]] = {}
    for preset, directory_id, why in accounts:
        ids = found.setdefault(preset, {})
        known = ids.setdefault(directory_id, why)
        # Rows without an id are one account, and one of them that is in use is enough.
        use = (known and why) if not directory_id else (known or why)
        ids[directory_id] = min(known, why) if known and why else use
    return found

"""Lines of text for a terminal: aligned columns, counts, long lists cut short. Pure, and the same every time.

Whatever a gateway or a file said goes through `plain` before it stands in a line.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from provisioner import naming

GAP = "  "
ROOM_TO_WRAP = 24
"""Characters that the last column must have left before its text is wrapped rather than let run on."""
SHOWN_MAX = 300
LATIN = re.compile("[ -~\u00a1-\u017f]*\\Z")
"""Letters that can be told from one another; what looks like them in other scripts is shown escaped (T15)."""


def plain(text: str) -> str:
    """Return printable Latin text as it is, and any other quoted, escaped and bounded."""
    return text if LATIN.match(text) and text.isprintable() else naming.shown(text, SHOWN_MAX)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return `1 key`, `2 keys`; `many` where an s does not do."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def joined(parts: Sequence[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    return " and ".join((*([", ".join(parts[:-1])] if parts[:-1] else []), *parts[-1:]))


def cut(lines: Sequence[str], most: int, rest: str = "... and {} more") -> tuple[str, ...]:
    """Return at most `most` lines, and one that counts the others."""
    left = len(lines) - most
    return tuple(lines) if left <= 0 else (*lines[:most], rest.format(f"{left:,}"))


def table(rows: Iterable[Sequence[str]], width: int, indent: int = 2) -> Iterator[str]:
    """Yield rows in aligned columns; numbers stand to the right, the last column wraps under itself.

    Args:
        rows: of equally many cells; a header is simply the first of them.
        width: characters of the terminal.
        indent: blanks before each line.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    if not cells:
        return
    *leading, last = range(len(cells[0]))
    widths = {n: max(len(row[n]) for row in cells) for n in leading}
    numbers = {n for n in leading if _counts([row[n] for row in cells[1:]])}
    for row in cells:
        padded = (row[n].rjust(widths[n]) if n in numbers else row[n].ljust(widths[n]) for n in leading)
        before = " " * indent + "".join(cell + GAP for cell in padded)
        yield from hanging(before, row[last], width)


def _counts(column: Sequence[str]) -> bool:
    """Tell whether a column below its first row holds numbers, or `-` for none."""
    numbers = [cell.replace(",", "").isdigit() for cell in column if cell != "-"]
    return bool(numbers) and all(numbers)


def hanging(before: str, text: str, width: int) -> Iterator[str]:
    """Yield `before` and the text, wrapped so that its further lines stand under its first."""
    room = width - len(before)
    if room < ROOM_TO_WRAP or len(text) <= room:
        yield (before + text).rstrip()
        return
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    yield before + lines[0]
    yield from (" " * len(before) + line for line in lines[1:])

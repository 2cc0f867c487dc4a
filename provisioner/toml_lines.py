"""Where in a TOML text its keys stand: what `tomllib` does not tell, for messages that name a line. Pure."""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]
"""Where something stands in a tree: names of keys, and positions in lists."""

_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"{_KEY_PART}(?:[ \t]*\.[ \t]*{_KEY_PART})*"
_HEADER_LINE = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]\]?\s*(?:#|\Z)")
_KEY_LINE = re.compile(rf"[ \t]*({_KEY})[ \t]*=")
_STRING = re.compile(r"""#|\"{3}|'{3}|"(?:[^"\\]|\\.)*"|'[^']*'""")


def of(text: str) -> dict[KeyPath, int]:
    """Return the line of each table header and of each key that starts a line.

    A reader of its own, since `tomllib` tells no positions. What looks like a key inside a text of
    several lines is passed over; keys inside inline tables have the line of the table's key.
    """
    lines: dict[KeyPath, int] = {}
    lists: dict[KeyPath, int] = {}  # how many tables each [[list]] has so far
    table: KeyPath = ()
    open_quote = ""
    for number, line in enumerate(text.split("\n"), start=1):
        inside, open_quote = open_quote, _open_quote(line, open_quote)
        if inside:
            continue
        if header := _HEADER_LINE.match(line):
            table = ()
            *parents, last = key_path(header[2]) or ("",)
            for name in parents:
                table = (*table, name)
                lines.setdefault(table, number)
                if table in lists:
                    table = (*table, lists[table] - 1)
            table = (*table, last)
            if header[1] == "[[":
                lists[table] = lists.get(table, 0) + 1
                lines.setdefault(table, number)
                table = (*table, lists[table] - 1)
            lines.setdefault(table, number)
        elif key := _KEY_LINE.match(line):
            path = table
            for name in key_path(key[1]) or ():
                path = (*path, name)
                lines.setdefault(path, number)
    return lines


def key_path(text: str) -> tuple[str, ...] | None:
    """Return the parts of a dotted key as TOML reads it (`a."b.c"`), or None when it is no key."""
    if not re.fullmatch(_KEY, text):
        return None
    try:
        tree = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:  # an escape that TOML does not know
        return None
    parts = []
    while isinstance(tree, dict):
        [(name, tree)] = tree.items()
        parts.append(name)
    return tuple(parts)


def _open_quote(line: str, quote: str) -> str:
    """Return the triple quote that is still open at the end of a line, or nothing."""
    at = 0
    while True:
        if quote:
            at = line.find(quote, at)
            if at < 0:
                return quote
            at, quote = at + 3, ""
        found = _STRING.search(line, at)
        if not found or found[0] == "#":
            return ""
        at = found.end()
        quote = found[0] if found[0] in ('"""', "'''") else ""

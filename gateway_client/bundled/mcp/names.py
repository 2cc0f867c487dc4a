"""What a tool of an MCP server is called here. Pure.

The name is the server's slug, `__` and the tool's own name. It depends on nothing else: a further
server, or one that is down, never changes what a name means, so that it can stand in a permission
rule. Slugs hold no underscore, so two servers never give one name, and none is a built-in tool's.
"""

from __future__ import annotations

import hashlib
import re

SEPARATOR = "__"
LONGEST = 48
"""Characters of a name. Claude takes 64 of `[a-zA-Z0-9_-]`, and Claude Code puts `mcp__gateway__` before."""
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
LONGEST_SLUG = 20
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_DIGITS = 8


def offered(slug: str | None, tool: str) -> str:
    """Return a tool's name here; without a slug it is one that stands among its own server's only.

    A name that is too long or has other characters is changed, and marked with a digest of what it was.
    """
    whole = tool if slug is None else f"{slug}{SEPARATOR}{tool}"
    name = _FOREIGN.sub("_", whole)
    if name == whole and 0 < len(name) <= LONGEST:
        return name
    mark = hashlib.sha256(whole.encode(errors="replace")).hexdigest()[:_DIGITS]
    return f"{name[: LONGEST - _DIGITS - 1]}_{mark}"

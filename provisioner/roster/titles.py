"""Titles of columns and names of facts, as they are compared. Pure."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"\[[^\[\]]*\]\s*\Z")  # no bracket inside: a title of brackets only would take minutes


def normal(title: str) -> str:
    """Return letters and digits only, folded; a suffix in brackets (`[Required]`) does not count."""
    bare = _SUFFIX.sub("", title)
    return "".join(c for c in bare.casefold() if c.isalnum())

"""Titles of columns and names of facts, as they are compared. Pure."""

from __future__ import annotations

import re


def normal(title: str) -> str:
    """Return letters and digits only, folded; a suffix in brackets (`[Required]`) does not count."""
    bare = re.sub(r"\[[^\]]*\]\s*\Z", "", title)
    return "".join(c for c in bare.casefold() if c.isalnum())

"""Generated slugs: `pc-deskto-250449`, `ws-eng-6fa01c` (facts/portkey.md 5.1)."""

from __future__ import annotations

import re
import secrets


def generated_slug(prefix: str, name: str) -> str:
    """Return prefix, the first six letters of the name, and six random hex digits."""
    letters = re.sub(r"[^a-z]", "", name.lower())[:6] or "x"
    return f"{prefix}-{letters}-{secrets.token_hex(3)}"

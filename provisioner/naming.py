"""Names: slugs, what configs, keys and assignments are called, and how untrusted text is shown.

Slugs are an allow-list (`[a-z0-9-]`, 1 to 48 characters), so that no roster value can become a
path, a header or a line of script (T4, T13).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

SLUG_MAX = 48
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?\Z")
# Device names of Windows: a folder or file called so can't be opened there (T13).
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "clock"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}
)

# Latin letters that no normal form takes apart, as their languages write them in ASCII.
UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})

CONFIG_PREFIX = "desktop-"
KEY_PREFIX = "claude-desktop-"


def fold(text: str) -> str | None:
    """Return a display name as lower-case ASCII words joined by hyphens, of any length, maybe empty.

    Accents fold (`Zürich` gives `zurich`, `Økonomi` `okonomi`); what is no ASCII letter or digit
    after folding separates words. None when a letter has no ASCII form. Callers have already
    refused invisible and look-alike characters.
    """
    folded = unicodedata.normalize("NFKD", text).casefold().translate(UNDECOMPOSED)
    ascii_only = "".join(c for c in folded if not unicodedata.combining(c))
    if any(c.isalnum() and not c.isascii() for c in ascii_only):
        return None
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def slug(text: str) -> str | None:
    """Return the slug of a display name (`Data & ML` gives `data-ml`), or None when there is none."""
    name = fold(text)
    return name if name is not None and SLUG.match(name) and name not in RESERVED else None


def assignment_name(team: str, env: str) -> str:
    """Return `{team}-{env}`, the unit that reaches a device (rollout 1)."""
    return f"{team}-{env}"


def config_name(team: str, env: str) -> str:
    """Return `desktop-{team}-{env}` (S156)."""
    return f"{CONFIG_PREFIX}{team}-{env}"


def key_name(assignment: str) -> str:
    """Return `claude-desktop-{assignment}` (S168); a person's assignment carries the person."""
    return f"{KEY_PREFIX}{assignment}"


def person_suffix(email: str) -> str:
    """Return `{localpart}-{hash6}` for a key or folder of one person; the hash keeps two apart."""
    local = re.sub(r"[^a-z0-9]+", "-", email.split("@", 1)[0].casefold()).strip("-")[:24].strip("-")
    return f"{local or 'person'}-{hashlib.sha256(email.casefold().encode()).hexdigest()[:6]}"


def shown(value: str, limit: int = 80) -> str:
    """Return untrusted text as a quoted, ASCII-only, bounded string, safe on a terminal and in a log."""
    escaped = value[:limit].encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"' + ("..." if len(value) > limit else "")

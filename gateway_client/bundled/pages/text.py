"""Values as people read them. Pure; what a value says is never taken for markup or for direction."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

HIDDEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that can't be seen, or that turn around what stands beside them."""
MASKED = "••••••"
SECRET_NAMES = ("api_key", "apikey", "token", "secret", "password", "authorization", "credential")


def plain(text: str) -> str:
    r"""Return text with what can't be seen spelled out (`\u202e`), line breaks and tabs aside."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in HIDDEN_KINDS else _spelled(c) for c in text
    )


def number(value: float) -> str:
    """Return `1,234`; a fraction is rounded."""
    return f"{value:,.0f}"


def short_number(value: float) -> str:
    """Return `950`, `12.3k`, `4.5M`: three digits that can be compared at a glance."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit * 0.9995:
            scaled = value / unit
            return f"{scaled:.0f}{name}" if scaled >= 99.95 else f"{scaled:.1f}".removesuffix(".0") + name
    return f"{value:.0f}"


def dollars(nano: float) -> str:
    """Return nano-dollars as `$12.34`; what is below a dollar keeps the digits that say something."""
    value = nano / 1e9
    if value == 0:
        return "$0"
    if value >= 1:
        return f"${value:,.2f}"
    if value < 0.00005:
        return "< $0.0001"
    whole, _, rest = f"{value:.4f}".partition(".")
    return f"${whole}.{rest[:2]}{rest[2:].rstrip('0')}"


def duration(ms: float | None) -> str:
    """Return milliseconds as `85 ms`, `1.24 s` or `3 min 20 s`; a dash where nothing was measured."""
    if ms is None:
        return "–"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s"


def size(count: float) -> str:
    """Return bytes as `812 B`, `76 kB`, `1.2 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1e3:.0f} kB" if count < 999_500 else f"{count / 1e6:.1f} MB"


def share(part: float, whole: float) -> str:
    """Return `12 %`; a share that is not nothing never reads as nothing."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent >= 1 else "< 1 %"


def moment(stamp: str) -> str:
    """Return a moment of the store, `2026-11-20T12:00:00.000Z`, as `2026-11-20 12:00:00`; UTC."""
    return f"{stamp[:10]} {stamp[11:19]}"


def indented(source: str) -> str:
    """Return JSON over several lines, what could be a secret masked; other text as it is."""
    try:
        value = json.loads(source)
    except (ValueError, RecursionError):
        return source
    return json.dumps(_masked(value), indent=2, ensure_ascii=False)


def _masked(value: Any) -> Any:
    """A config may name a credential; whoever may read configs need not read that."""
    if isinstance(value, Mapping):
        return {
            name: MASKED if isinstance(inner, str) and _is_secret(name) else _masked(inner)
            for name, inner in value.items()
        }
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def _is_secret(name: str) -> bool:
    return any(part in name.lower().replace("-", "_") for part in SECRET_NAMES)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

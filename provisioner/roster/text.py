"""Text that people typed, or that somebody forged: what a cell may hold, and what is said of the rest.

The rules are allow-lists over Unicode's categories and names, not lists of known attacks (T4, T15).
Characters that Python's Unicode data does not know yet count as unassigned and are refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

BLANK = " \t\r\n\u00a0"
"""What is cut off both ends of a cell: what an editor leaves there and nobody sees."""

FORMULA_STARTS = frozenset("=+-@")
DISPLAY = re.compile(r"[A-Za-z0-9 &'()+,./:_#-]*\Z")
"""The ASCII part of what may stand in a name of a team, env or tenant: nothing that a shell,
a markup language or an MDM's variables would read as its own (T5, T6, T25)."""

_INVISIBLE = frozenset(
    # Default-ignorable or blank, but no format characters (category Cf) by Unicode's count:
    # grapheme joiner, Hangul and Khmer fillers, variation selectors, blank Braille, object replacement.
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC}
    | {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)
_LOOKALIKES = str.maketrans(
    # Cyrillic, Greek, Armenian and IPA letters that are drawn like a Latin one; compatibility forms
    # (full-width, mathematical, ligatures) are folded by NFKC.
    "авеикмнорстухіјѕһԁԛԝѵ" + "АВЕКМНОРСТУХІЈЅԌԚԜ" + "αικνορτυχγ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "օոսհ" + "ɑɡɩ",
    "abeukmhopctyxijshdqwv" + "ABEKMHOPCTYXIJSGQW" + "aikvoptuxy" + "ABEZHIKMNOPTYX" + "onuh" + "agi",
)
_SPOKEN = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}
_UNNAMED = {"Cc": "a control character", "Co": "a private-use character", "Cs": "half a surrogate pair"}


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a cell is refused; its place is added where the row is known."""

    code: str
    message: str
    fix: str


_VISIBLE = re.compile("[ -~\u00a1-\u00ac\u00ae-\u024f]*\\Z")  # most text there is; nothing in it needs a look


def plain(text: str) -> bool:
    """Tell whether text is printable ASCII, so that no Unicode rule can concern it."""
    return text.isascii() and text.isprintable()


def named(character: str) -> str:
    """Return a character's Unicode name and code point, as an admin can look it up."""
    category = unicodedata.category(character)
    fallback = _SPOKEN.get(character) or _UNNAMED.get(category, "an unassigned character")
    name = unicodedata.name(character, fallback)
    return f"{name} (U+{ord(character):04X})"


def skeleton(text: str) -> str:
    """Return text with look-alike letters replaced by the Latin letters they are drawn like."""
    return unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)


def hidden(text: str) -> Flaw | None:
    """Return a flaw for the first character that can't be seen or that no honest export holds."""
    if _VISIBLE.match(text):
        return None
    for character in text:
        code, fix = _hidden(character)
        if code:
            return Flaw(code, f"holds {named(character)}", fix)
    return None


def _hidden(character: str) -> tuple[str | None, str]:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return "CONTROL_CHARACTER", "keep the cell on one line and type it again without control characters"
    if category == "Cf" or ord(character) in _INVISIBLE:
        return "INVISIBLE_CHARACTER", "type the cell again instead of pasting it"
    if category in ("Cn", "Co", "Cs"):
        return "UNASSIGNED_CHARACTER", "type the cell again with characters of a known script"
    if category == "Zs" and character != " ":
        return "ODD_SPACE", "type a plain space instead"
    if character == "\ufffd":
        return "MANGLED_TEXT", "an export before this one lost characters here; export again as UTF-8"
    return None, ""


def formula(text: str) -> Flaw | None:
    """Return a flaw for text that a spreadsheet would run as a formula (T12).

    Full-width signs count too: spreadsheets take them for their ASCII forms.
    """
    if text and unicodedata.normalize("NFKC", text[0])[:1] in FORMULA_STARTS:
        return Flaw(
            "FORMULA_CELL",
            f"starts with {named(text[0])}, which a spreadsheet runs as a formula",
            "write the text without that sign in front",
        )
    return None


def foreign(text: str) -> Flaw | None:
    """Return a flaw for text that is no plain display name in Latin letters.

    Names of teams and envs become file names, header values and names of keys, so that a look-alike
    letter would make a second team that nobody can tell from the first.
    """
    if DISPLAY.match(text):
        return None
    composed = unicodedata.normalize("NFC", text)
    for character in text:
        category = unicodedata.category(character)
        if character.isascii():
            if DISPLAY.match(character):
                continue
        elif category.startswith("L"):
            if _latin(character):
                continue
            return strange_letter(character, text)
        elif category == "Mn" and character not in composed:
            continue
        if skeleton(character) != character:
            return strange_letter(character, text)
        return Flaw(
            "UNSAFE_CHARACTER",
            f"holds {named(character)}",
            "use letters, digits, spaces and & ' ( ) + , - . / : _ #",
        )
    return None


def strange_letter(character: str, text: str) -> Flaw:
    """Return the flaw of a letter that is not Latin; says what was probably meant."""
    twin = skeleton(character)
    if not twin.isascii():
        return Flaw("NOT_LATIN", f"holds {named(character)}", "write it in Latin letters")
    meant = skeleton(text)
    fix = f'if "{meant}" is meant, type it in Latin letters' if plain(meant) else "type it in Latin letters"
    return Flaw("LOOKALIKE_CHARACTER", f"holds {named(character)}, which looks like {twin}", fix)


def _latin(letter: str) -> bool:
    return (
        unicodedata.name(letter, "").startswith("LATIN ")
        and unicodedata.normalize("NFKC", letter) == letter
        and skeleton(letter) == letter
    )

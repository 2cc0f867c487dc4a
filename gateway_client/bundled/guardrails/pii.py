"""Personal data that can be told by its form: counted by kind, never quoted. Pure.

Every expression advances over a text in one pass: no part of one can give back characters to another
in more than a bounded number of ways. Names and addresses have no form and are not found.
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Callable, Collection, Mapping
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["EMAIL_ADDRESS", "PHONE_NUMBER", "SSN", "CREDIT_CARD", "IBAN", "IP_ADDRESS"]
"""As Portkey names its categories; `IBAN` is ours."""

IBAN_LENGTHS: Mapping[str, int] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
    }.items()
    for country in countries.split()
}
"""Characters of an account number by country (ISO 13616 registry)."""

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_PHONE = re.compile(
    r"(?<![\w+])\+(?:[ .()/-]{0,2}[0-9]){8,15}(?![\w])"  # international
    r"|(?<![\w.-])(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?![\w-])"  # North American
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
# These two are looked for at each place anew: what begins like one may have swallowed a real one.
_CARD = re.compile(
    r"(?<![\w-])(?=((?:"
    r"[2-6][0-9]{12,18}"
    r"|[2-6][0-9]{3}(?: [0-9]{4}){3}(?: [0-9]{3})?"
    r"|[2-6][0-9]{3}(?:-[0-9]{4}){3}(?:-[0-9]{3})?"
    r"|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5})(?![0-9])))"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Z]{2}[0-9]{2}(?:[A-Za-z0-9]{11,28}|(?: [A-Za-z0-9]{1,4}){3,8})))")
_AS_NUMBERS = str.maketrans({letter: str(int(letter, 36)) for letter in string.ascii_uppercase})
_IP = re.compile(
    r"((?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?\w)"
    r"|(?<![\w:.])[0-9A-Fa-f]{3,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]))"
)


def found(text: str, kinds: Collection[Kind]) -> dict[Kind, int]:
    """Return how often each of the kinds occurs in a text, without those that do not."""
    counts = {kind: _COUNTERS[kind](text) for kind in _COUNTERS if kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def _matches(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(1 for _ in pattern.finditer(text))


def _checked(pattern: re.Pattern[str], holds: Callable[[str], bool]) -> Callable[[str], int]:
    return lambda text: sum(holds(match[1]) for match in pattern.finditer(text))


def _is_card(text: str) -> bool:
    """Tell whether a number has the check digit of Luhn."""
    digits = [int(character) for character in text if character.isdecimal()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_iban(text: str) -> bool:
    """Tell whether an account number, and maybe the words that follow it, has its check digits (mod 97)."""
    characters = text.replace(" ", "").upper()
    length = IBAN_LENGTHS.get(characters[:2], 0)
    if not 0 < length <= len(characters):
        return False
    number = characters[4:length] + characters[:4]
    return int(number.translate(_AS_NUMBERS)) % 97 == 1


def _is_address(text: str) -> bool:
    """Tell whether this is an internet address that can stand for somebody: loopback can't."""
    if ":" in text and not any(character.isdecimal() for character in text.partition(":")[0]):
        return False  # `dead::beef` is as likely a name in a program
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


_COUNTERS: Mapping[Kind, Callable[[str], int]] = {
    "EMAIL_ADDRESS": _matches(_EMAIL),
    "PHONE_NUMBER": _matches(_PHONE),
    "SSN": _matches(_SSN),
    "CREDIT_CARD": _checked(_CARD, _is_card),
    "IBAN": _checked(_IBAN, _is_iban),
    "IP_ADDRESS": _checked(_IP, _is_address),
}
KINDS: tuple[Kind, ...] = tuple(_COUNTERS)

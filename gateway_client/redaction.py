r"""A server that quotes our credential does not get it into a message, however it spells it (T2). Pure.

Error pages quote requests: raw, in a URL, as JSON inside of JSON, in HTML, in base64 of a whole
header, in hex. A quotation that the server itself cut short is not recognised.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

HIDDEN = "***"
_BASE64 = {"+": "[+-]", "/": "[/_]"}
SHORTEST = 8
"""Characters of base64 below which a match would be chance."""
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def redacted(text: str, credential: str) -> str:
    """Return the text with `***` in the place of every spelling of a credential."""
    return re.sub("|".join(_spellings(credential)), HIDDEN, text) if credential else text


def _spellings(credential: str) -> Iterator[str]:
    """Yield patterns, the longest kinds of spelling first."""
    yield "".join(map(_character, credential))
    data = credential.encode()
    yield f"(?i:{data.hex()})"
    for offset in range(3):
        encoded = _inside_base64(data, offset)
        if len(encoded) >= SHORTEST:
            yield r"\s*".join(_BASE64.get(c, c) for c in encoded)  # mail wraps it


def _character(character: str) -> str:
    """Return a pattern of one character: escaped for a string (of a string), a URL or HTML, or as it is."""
    code = f"{ord(character):02x}"
    entity = f"|{_ENTITIES[character]}" if character in _ENTITIES else ""
    return (  # what begins like the character itself goes before it
        rf"(?:\\{{1,7}}(?i:u00|x)(?i:{code})|%(?:25)*(?i:{code})"
        rf"|&(?:#0*{ord(character)}|#[xX]0*(?i:{code}){entity});|\\{{0,7}}{re.escape(character)})"
    )


def _inside_base64(data: bytes, offset: int) -> str:
    """Return the characters that data gives at an offset (mod 3) of a longer base64 text.

    Those at both ends also hold bits of the neighbours, and are left out.
    """
    encoded = base64.b64encode(b"\0" * offset + data).rstrip(b"=").decode("ascii")
    whole = (offset + len(data)) % 3 == 0
    return encoded[(0, 2, 3)[offset] : None if whole else -1]

"""Logged bodies of requests and answers: off unless `settings.log_bodies`, redacted, and cut.

Redacted are credentials that can be told from other text by their form: keys of Anthropic and others
that begin `sk-`, keys that this gateway minted, bearer tokens, AWS access keys and what stands beside
`secret_access_key` and the like, tokens of GitHub and Slack, JSON web tokens, PEM private keys. A
password in plain words is not, and e-mail addresses stay: the log names its users anyway, and who
must not have personal data in bodies logs none. A stream is first put together to the message that it
carries, so that no secret hides in two halves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from gateway_client.bundled.store import transcript
from gateway_client.bundled.store.schema import request_bodies

KEPT = 256 * 1024
"""Characters of a body that are kept."""
TAKEN = KEPT + 16 * 1024
"""Bytes of a body worth handing over: a secret that the cut would halve is still seen whole."""
HIDDEN = "[redacted]"
CUT = "[cut]"

_INSERT = "INSERT INTO request_bodies (request_id, request, response) VALUES (?, ?, ?)"
_ESCAPES = r"\\[bfnrt]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}"
"""What stands for one character in JSON and URLs, and ends in a letter or digit: no part of what follows."""
_START = "(?:(?<![A-Za-z0-9])|" + "|".join(f"(?<={escape})" for escape in _ESCAPES.split("|")) + ")"
_PATTERNS = (
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*-----|\Z)"),
    ("sk-", rf"{_START}sk-[A-Za-z0-9_-]{{16,}}"),
    ("bearer", r"(?i:bearer(?:\s|%20|\+)+)[A-Za-z0-9._~+/=-]{8,}"),
    ("akia", rf"{_START}AKIA[A-Z0-9]{{16}}"),
    ("asia", rf"{_START}ASIA[A-Z0-9]{{16}}"),
    *(
        (
            name.replace("_?", joint),
            rf"(?i:{name})(?:\\*[\"'])?\s*[:=]\s*(?:\\*[\"'])?[A-Za-z0-9/+=_.-]{{16,}}",
        )
        for name in ("secret_?access_?key", "session_?token", "api_?key", "client_?secret")
        for joint in ("", "_")
    ),
    *(
        (prefix, rf"{_START}{prefix}[A-Za-z0-9_-]{{16,}}")
        for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    ("github_pat_", rf"{_START}github_pat_[A-Za-z0-9_-]{{16,}}"),
    ("xox", rf"{_START}xox[abeoprs]-[A-Za-z0-9_-]{{16,}}"),
)
_SOUGHT = tuple((hint, re.compile(pattern)) for hint, pattern in _PATTERNS)
"""Text without the hint in it, in small letters, is not searched: that takes the writer, and with it
everybody, some milliseconds for each 100 kB."""
_JWT = re.compile(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{8,}\.)(?P<before>[A-Za-z0-9_-]*?)"
    rf"{_START}eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
)
"""The two dots are looked for from the beginning of a word, once: text like `-eyJ-eyJ-eyJ` without them
would be searched to its end from each of its beginnings."""
_MINTED = re.compile(
    r"(?<![A-Za-z0-9])(?P<before>(?<=\\)[bfnrt]|(?<=\\)u[0-9a-fA-F]{4}|(?<=%)[0-9a-fA-F]{2}|)"
    r"[A-Za-z0-9]{43}(?![A-Za-z0-9])"
)
"""Keys that this gateway minted (`credentials.mint`): that many letters and digits, also behind an escape."""


def write(db: Connection, rows: Sequence[tuple[int, str, str]]) -> None:
    """Add what is kept of the bodies of requests, by their number in the log."""
    if rows:
        db.exec_driver_sql(_INSERT, list(rows))


def of(db: Connection, request_id: int) -> tuple[str, str] | None:
    """Return request and response of one logged request, or None where they were not logged."""
    query = select(request_bodies.c.request, request_bodies.c.response)
    row = db.execute(query.where(request_bodies.c.request_id == request_id)).one_or_none()
    return None if row is None else (row.request, row.response)


def keepable(body: bytes) -> str:
    """Return a body without the credentials in it, cut where it is longer than `KEPT` characters."""
    text = redacted(transcript.message(body[:TAKEN].decode(errors="replace")))
    text = text.encode(errors="replace").decode()  # JSON can hold half a character; the store can't
    whole = len(text) <= KEPT and len(body) < TAKEN
    return text if whole else f"{text[:KEPT]}\n{CUT}"


def redacted(text: str) -> str:
    """Return text with `[redacted]` in the place of credentials."""
    small = text.lower()
    for hint, pattern in _SOUGHT:
        if hint in small:
            text = pattern.sub(HIDDEN, text)
    if "eyj" in small:
        text = _JWT.sub(rf"\g<before>{HIDDEN}", text)
    return _MINTED.sub(rf"\g<before>{HIDDEN}", text)

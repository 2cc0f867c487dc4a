"""Looks for secrets in what a run left behind: in every spelling that a program might give them.

`found` looks for either half of a secret, so that a text which was cut short counts too, and into
base64 that stands inside of base64, as Graph bodies have it.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import shlex
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote_from_bytes
from xml.sax.saxutils import escape as xml_escape

import markupsafe
import pytest

Secret = str | bytes

SHORTEST = 16
"""Bytes that a secret must have: its halves then turn up nowhere by chance."""
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
DEEPEST = 2
"""Base64 in base64 is as deep as any artifact goes."""


def encodings(secret: Secret) -> dict[str, bytes]:
    """Return the spellings of a secret by name; all but the last few are as the issue lists them."""
    data = secret.encode() if isinstance(secret, str) else secret
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    spelt: dict[str, bytes] = {"raw": data}
    for offset in range(3):
        spelt[f"base64+{offset}"] = _inside_base64(data, offset)
        spelt[f"base64url+{offset}"] = _inside_base64(data, offset).translate(bytes.maketrans(b"+/", b"-_"))
    spelt |= {
        "percent": quote_from_bytes(data, safe="").encode(),
        "percent, slashes kept": quote_from_bytes(data).encode(),
        "percent, small digits": re.sub(
            rb"%..", lambda m: m[0].lower(), quote_from_bytes(data, safe="").encode()
        ),
        "percent, every byte": "".join(f"%{byte:02X}" for byte in data).encode(),
        "json": json.dumps(text)[1:-1].encode(),
        "json, slashes too": json.dumps(text)[1:-1].replace("/", "\\/").encode(),
        "json in json": json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
        "json, every character": "".join(f"\\u{ord(c):04x}" for c in text).encode(),
        "hex": data.hex().encode(),
        "HEX": data.hex().upper().encode(),
        "repr": repr(secret).removeprefix("b")[1:-1].encode(),
    }
    if isinstance(secret, str):
        spelt |= {
            "utf-16-le": secret.encode("utf-16-le"),
            "utf-16-be": secret.encode("utf-16-be"),
            "html": html.escape(secret).encode(),
            "html by jinja": str(markupsafe.escape(secret)).encode(),
            "xml": xml_escape(secret, {'"': "&quot;"}).encode(),
            "xml text": xml_escape(secret).encode(),
            "shell": shlex.quote(secret).strip("'").encode(),
            "quotes doubled": secret.replace('"', '""').encode(),
            "apostrophes doubled": secret.replace("'", "''").encode(),
        }
    return spelt


def found(data: bytes, secrets: Mapping[str, Secret]) -> list[str]:
    """Return what of the secrets stands in the data, like `admin key, second half, as hex`."""
    layers = [*_layers(data, DEEPEST)]
    return [
        f"{name}, {half}, as {spelling}"
        for name, secret in secrets.items()
        for half, spelling, needle in _needles(secret)
        if any(needle in layer for layer in layers)
    ]


@cache
def _needles(secret: Secret) -> tuple[tuple[str, str, bytes], ...]:
    if len(secret) < SHORTEST:
        raise ValueError(f"a secret of {len(secret)} bytes may stand anywhere by chance")
    middle = len(secret) // 2
    halves = {"first half": secret[:middle], "second half": secret[middle:]}
    return tuple((half, *spelt) for half, part in halves.items() for spelt in encodings(part).items())


def _inside_base64(data: bytes, offset: int) -> bytes:
    """Return the characters that data gives at an offset (mod 3) of a longer base64 text.

    The characters at both ends also hold bits of the neighbours, and are left out.
    """
    encoded = base64.b64encode(b"\0" * offset + data).rstrip(b"=")
    end = len(encoded) - (1 if (offset + len(data)) % 3 else 0)
    return encoded[(0, 2, 3)[offset] : end]


def _layers(data: bytes, depth: int) -> Iterator[bytes]:
    """Yield data, the same without white space (wrapped text), and what its base64 holds."""
    yield data
    yield (bare := data.translate(None, b" \t\r\n"))
    if depth:
        runs = {run for text in (data, bare) for run in BASE64_RUN.findall(text)}
        for run in runs:
            padded = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            padded = padded[: -1 if len(padded) % 4 == 1 else None]
            yield from _layers(base64.b64decode(padded + b"=" * (-len(padded) % 4)), depth - 1)


class Evidence:
    """What runs left behind, by place."""

    def __init__(self) -> None:
        self.pieces: defaultdict[str, bytearray] = defaultdict(bytearray)

    def keep(self, place: str, data: str | bytes) -> None:
        """Add to what a place gave."""
        self.pieces[place] += data.encode(errors="surrogatepass") if isinstance(data, str) else data
        self.pieces[place] += b"\n"

    def keep_files(self, folder: Path, *, but: Container[Path] = ()) -> None:
        """Add every file below a folder, and its name."""
        for path in sorted(folder.rglob("*")):
            self.keep("file names", str(path))
            if path.is_file() and path not in but:
                self.keep(str(path), path.read_bytes())

    def leaks(self, secrets: Mapping[str, Secret]) -> list[str]:
        """Return every secret that stands where none may."""
        return [
            f"{place}: {leak}" for place, data in self.pieces.items() for leak in found(bytes(data), secrets)
        ]


@contextmanager
def everything_logged(evidence: Evidence) -> Iterator[None]:
    """Turn every logger on as far as it goes, `http.client`'s printing too, and keep what they say.

    The handlers that are there get nothing: a failing test would print thousands of lines.
    """
    root = logging.getLogger()
    loggers = [x for x in root.manager.loggerDict.values() if isinstance(x, logging.Logger)] + [root]
    formatter = logging.Formatter()

    def keep(_logger: logging.Logger, record: logging.LogRecord) -> None:
        evidence.keep(f"log {record.name}", f"{formatter.format(record)}\n{record.__dict__!r}")

    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, "callHandlers", keep)
        patch.setattr(HTTPConnection, "debuglevel", 1)
        for logger in loggers:
            logger.setLevel(1)
            logger.disabled = False
        yield
    for logger, level, disabled in before:
        logger.setLevel(level)
        logger.disabled = disabled

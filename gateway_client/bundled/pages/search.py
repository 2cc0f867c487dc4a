"""The question of a page: read from its address, shown in its form, put into other addresses. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict

from gateway_client.bundled.store.records import Filters, Outcome
from gateway_client.bundled.timestamps import stamp

COLUMNS = {
    "team": "team",
    "user": "user",
    "env": "env",
    "tenant": "tenant",
    "model": "model",
    "provider": "provider",
    "key": "key_id",
    "outcome": "outcome",
    "session": "session_id",
    "client": "client_version",
    "checksum": "settings_checksum",
    "text": "content",
}
"""What an address calls a filter, and `Filters` calls it, where the text is taken as it is."""
NAMES = {
    "last": "time",
    "since": "from",
    "text": "conversation",
    "client": "client version",
    "checksum": "settings checksum",
}
FIELDS = (*COLUMNS, "status", "metadata", "last", "since", "until")
OTHERS = frozenset({"page", "by"})
WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "all": ("Any time", None),
}
USUAL_WINDOW = {"/logs": "all"}
WINDOW = "7d"
CONTENT_WINDOW = "7d"
"""What stands for any time where text is looked for: that reads every body."""
OUTCOMES: tuple[str, ...] = get_args(Outcome)
RANGES = {"4xx": range(400, 500), "5xx": range(500, 600)}
FARTHEST = timedelta(days=20 * 365)
LONGEST = 256


class _Unreadable(Exception):
    """A field says nothing that can be looked for; the message says what it may say."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, and the address of the page without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked: `typed` as the form shows it, `filters` as the store takes it.

    With `problems`, one for each field in `wrong`, nothing should be looked for: an answer to half of a
    question looks like an answer.
    """

    path: str
    typed: Mapping[str, str]
    filters: Filters
    wrong: frozenset[str]
    problems: tuple[str, ...]

    @property
    def more(self) -> bool:
        """Tell whether a field that the form keeps folded is in use, or wrong."""
        folded = ("tenant", "provider", "key", "outcome", "session", "client", "checksum")
        return any(self.typed[name] or name in self.wrong for name in (*folded, "since", "until", "text"))

    @property
    def chips(self) -> list[Chip]:
        """Return the filters in use."""
        return [
            Chip(NAMES.get(name, name), self._said(name), self.address(**{name: ""}))
            for name in FIELDS
            if self.typed[name] and self.typed[name] != _usual(self.path, name)
        ]

    def address(self, path: str | None = None, **changes: str) -> str:
        """Return the address of this question, there or on another page, with some fields changed."""
        path = path or self.path
        asked = {**self.typed, **changes}
        kept = {name: value for name, value in asked.items() if value and value != _usual(path, name)}
        return f"{path}?{urlencode(kept)}" if kept else path

    def _said(self, name: str) -> str:
        value = self.typed[name]
        return WINDOWS[value][0].lower() if name == "last" and value in WINDOWS else value


def read(query: ImmutableMultiDict[str, str], path: str, now: datetime) -> Search:
    """Read the question of an address; whatever can't be read is a problem, and never left out silently."""
    typed = {name: query.get(name, "").strip() for name in FIELDS}
    typed["last"] = typed["last"] or _usual(path, "last")
    found: dict[str, object] = {}
    problems: dict[str, str] = {}
    for name in query:
        if name not in FIELDS and name not in OTHERS:
            problems[name] = "there is no such filter"
        elif len(query.getlist(name)) > 1:
            problems[name] = "is given more than once"
        elif len(query[name]) > LONGEST:
            problems[name] = f"is longer than {LONGEST} characters"
    for name in FIELDS:
        if name not in problems:
            try:
                found.update(_read(name, typed, now))
            except _Unreadable as exc:
                problems[name] = str(exc)
    told = tuple(f"{NAMES.get(name, name)[:64]}: {problem}" for name, problem in problems.items())
    return Search(path, typed, Filters(**found), frozenset(problems), told)  # type: ignore[arg-type]  # by name


def _read(name: str, typed: Mapping[str, str], now: datetime) -> Iterator[tuple[str, object]]:
    """Yield the fields of `Filters` that one field of the form sets."""
    text = typed[name]
    if not text:
        return
    match name:
        case "last":
            if not typed["since"]:
                yield from _window(text, typed, now)
        case "since" | "until":
            yield name, _moment(text, now)
        case "status":
            yield from _status(text)
        case "metadata":
            yield "metadata", _pairs(text)
        case "outcome" if text not in OUTCOMES:
            raise _Unreadable(f"must be one of {', '.join(OUTCOMES)}")
        case _:
            yield COLUMNS[name], text


def _window(text: str, typed: Mapping[str, str], now: datetime) -> Iterator[tuple[str, object]]:
    if text not in WINDOWS:
        raise _Unreadable(f"must be one of {', '.join(WINDOWS)}")
    length = WINDOWS[CONTENT_WINDOW if text == "all" and typed["text"] else text][1]
    if length is not None:
        yield "since", stamp(now - length)


def _moment(text: str, now: datetime) -> str:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        near = abs(moment - now) < FARTHEST
    except (ValueError, OverflowError):
        raise _Unreadable("must be a date, or a date and time such as 2026-11-20T12:00") from None
    if not near:
        raise _Unreadable("is too far from today")
    return stamp(moment)


def _status(text: str) -> Iterator[tuple[str, object]]:
    if text in RANGES:
        yield "any_of", {"status": tuple(str(status) for status in RANGES[text])}
    elif text.isdecimal() and len(text) == 3:
        yield "status", int(text)
    else:
        raise _Unreadable("must be a number such as 429, or 4xx or 5xx")


def _pairs(text: str) -> Mapping[str, str]:
    try:
        parts = shlex.split(text)
    except ValueError:
        raise _Unreadable("has a quotation mark without its partner") from None
    pairs: dict[str, str] = {}
    for part in parts:
        name, sign, value = part.partition("=")
        if not (name and sign and value):
            raise _Unreadable(
                'must be key=value; put blanks between several, and "key=two words" in quotation marks'
            )
        if name in pairs:
            raise _Unreadable(f"names {name} twice; a request has one value of each")
        pairs[name] = value
    return pairs


def _usual(path: str, name: str) -> str:
    return USUAL_WINDOW.get(path, WINDOW) if name == "last" else ""

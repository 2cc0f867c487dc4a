"""People and devices under stable pseudonyms, in everything that leaves the tool (T30). Pure.

`cli.output` sends every text, JSON tree and page through here under `--pseudonymise`. What the run
knows of (its roster, its ledger) is found wherever it stands, as a whole and in any case; whatever
else looks like an address, or like a key of one person, goes too. Rather a word too many: a device
that is called `mac` takes that word out of the report. What can't be told from a count stays: names
of one character (one with signs around it, `A--`, goes), and plain numbers of up to five digits.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from provisioner import naming
from provisioner.assign.model import Attribution, Reason, Status
from provisioner.errors import Problem
from provisioner.report.columns import GAP, plain
from provisioner.roster.model import Device, Entry, Facts, Person, Roster, RowKind

DIGITS = 10
"""Hex digits of a pseudonym: with 8, two of 100,000 people would share one in most fleets."""
Kind = Literal["person", "device", "value"]

OWN_WORDS = tuple(word for words in (Reason, Status, Attribution, RowKind) for word in get_args(words))
"""What reports say themselves; a person called Byod must not take the reason out of them."""

_WORD = re.compile(r"\w+")
_BLANKS = re.compile(r"\s+")
_GAP = re.compile(r" {2,}")
# More than an address may hold: also what a directory or an MDM calls one, and escaped letters.
_ADDRESS = re.compile(r"[\w.+!#$%&'*=^{}~\\-]+@[\w\\-]+(?:\.[\w\\-]+)*")
# `{team}-{env}-{localpart}-{hash6}` of somebody whom neither roster nor ledger names; services may be read.
_OF_SOMEBODY = re.compile(
    r"(?<![\w-])(claude-desktop-)?(?!claude-|[a-z0-9-]+-svc-)((?:[a-z0-9]+-){3,}[0-9a-f]{6})(?![\w-])"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TEXT_OF_PAGE = re.compile(r'(?<=>)[^<]+|(?<==")[^"<]+(?=")')
_PLACEHOLDER = re.compile(r"[$%{<]")
_PERSONAL_FACT = re.compile(r"id$|mail|name|phone|mobile|manager|login|upn|number|serial")


class Pseudonyms:
    """The pseudonyms of one vault key, and the spellings that one run knows of."""

    def __init__(self, mac: Callable[[bytes], str]) -> None:
        """`mac` returns a hex HMAC under a key that nobody else has, so that nobody else can test guesses."""
        self._mac = mac
        self._known: dict[str, str] = {}
        self._kept = set(map(_normal, OWN_WORDS))
        self._words: dict[str, tuple[int, ...]] = {}
        self._signs: dict[str, tuple[tuple[str, str, str], ...]] = {}
        """By the inner part of spellings: the signs before and after it, the longest first, and the spelling
        as `_known` has it."""

    def keep(self, words: Iterable[str]) -> None:
        """Leave words readable that a report needs (teams, envs), though somebody may be called so."""
        self._kept.update(map(_normal, words))

    def of(self, kind: Kind, canonical: str) -> str:
        """Return the pseudonym of a person (by identity), a device (by id) or another value."""
        return f"{kind}-{self._mac(f'{kind} {canonical.casefold()}'.encode())[:DIGITS]}"

    def know(self, kind: Kind, canonical: str, spellings: Iterable[str | None]) -> None:
        """Learn the spellings of one; a spelling of two gets a pseudonym of its own."""
        own = self.of(kind, canonical)
        for spelling in spellings:
            for written in _as_written(spelling or ""):
                self._learn(written, own, kind)

    def _learn(self, written: str, pseudonym: str, kind: Kind) -> None:
        normal = _normal(written)
        if len(normal) < 2 or (normal.isdecimal() and len(normal) < 6) or normal in self._kept:
            return
        if self._known.setdefault(normal, pseudonym) != pseudonym:
            self._known[normal] = self.of(kind, normal)
            return
        self._learn_signs(written, normal)
        words = _WORD.findall(written)  # as a text has them: in small letters `İ` is two signs, one no letter
        first = words[0].casefold()
        lengths = self._words.get(first, ())
        if len(words) not in lengths:
            self._words[first] = tuple(sorted((*lengths, len(words)), reverse=True))

    def _learn_signs(self, written: str, normal: str) -> None:
        """Learn what goes together with the letters and digits of a spelling: `--` of `MBP--`."""
        before, inner, after = _parted(written)
        # Quotes are a report's own more often; a bracket that was opened within is closed by `_known_at`.
        if before + after in ("", ")") or '"' in before + after:
            return
        signs = {*self._signs.get(inner, ()), (before, after, normal)}
        self._signs[inner] = tuple(sorted(signs, key=lambda three: (-len("".join(three[:2])), three)))

    def know_roster(self, roster: Roster) -> None:
        """Learn everybody and everything in a roster."""
        for person in roster.people:
            self._know_person(person)
        for device in roster.devices:
            self._know_device(device)
        for service in roster.services:
            self.know_address(service.owner)
        for gone in roster.expired:
            self.know_address(gone.email)

    def know_address(self, address: str) -> None:
        """Learn a person's address, and how it stands in names of keys and folders."""
        if "@" in address and _normal(address) not in self._known:
            self.know("person", address, (address, naming.person_suffix(address)))

    def know_typed(self, text: str) -> None:
        """Learn what somebody typed for a person or a device, unless it is known by then."""
        if _ADDRESS.fullmatch(_normal(text)):
            self.know_address(_normal(text))
        elif _normal(text) not in self._known:
            self.know("value", text, [text])

    def _know_person(self, person: Person) -> None:
        spellings = (person.identity, *person.aliases)
        suffixes = map(naming.person_suffix, spellings)
        self.know("person", person.identity, (*spellings, *suffixes, person.name, person.directory_id))
        self.know("person", person.identity, (row.name for row in person.rows))
        self.know("person", person.identity, [f"{person.identity} ({person.name})" if person.name else None])
        self._know_facts(person.facts)
        self._know_serials(person.rows)

    def _know_device(self, device: Device) -> None:
        numbered = f"{device.mdm}:{device.mdm_id}" if device.mdm_id else None
        long_id = device.mdm_id if device.mdm_id and not device.mdm_id.isdecimal() else None
        folder = naming.person_suffix(device.id)  # of a device with a label of its own
        names = (device.id, device.serial, device.name, numbered, long_id, device.directory_id, folder)
        self.know("device", device.id, names)
        self.know("device", device.id, [f"{device.id} ({device.name})" if device.name else None])
        if "@" in device.user_email:
            self.know_address(device.user_email)
        elif not _PLACEHOLDER.search(device.user_email):
            self.know_typed(device.user_email)
        self._know_facts(device.facts)
        self._know_serials(device.rows)

    def _know_facts(self, facts: Facts) -> None:
        for name, value in facts.items():
            if _PERSONAL_FACT.search(name):
                self.know_typed(value)

    def _know_serials(self, rows: Iterable[Entry]) -> None:
        for row in rows:
            if row.serial:
                self.know("device", row.serial, [row.serial])

    def know_keys(self, metadata: Iterable[Mapping[str, str]]) -> None:
        """Learn whose keys a ledger has, from the keys' metadata."""
        for labels in metadata:
            self.know_address(labels.get("user", ""))

    def text(self, text: str) -> str:
        """Return a text with pseudonyms; columns stay where they are as far as there is room."""
        addresses = {found.start(): found for found in _ADDRESS.finditer(text)}
        starts = iter(sorted(addresses))
        coming = next(starts, None)
        parts, at = [], 0
        words = list(_WORD.finditer(text))
        n = 0
        while n < len(words):
            begin, end, pseudonym = self._known_at(text, words, n)
            while coming is not None and addresses[coming].end() <= words[n].start():
                coming = next(starts, None)
            if coming is not None and coming <= words[n].start() and addresses[coming].end() > end:
                begin, end = addresses[coming].span()
                pseudonym = self._of_address(addresses[coming][0])
            if not pseudonym:
                n += 1
                continue
            if gap := _GAP.match(text, end):
                pseudonym = pseudonym.ljust(gap.end() - begin - len(GAP)) + GAP
                end = gap.end()
            parts += [text[at:begin], pseudonym]
            at = end
            while n < len(words) and words[n].start() < end:
                n += 1
        return _OF_SOMEBODY.sub(self._of_somebody, "".join((*parts, text[at:])))

    def _known_at(self, text: str, words: list[re.Match[str]], n: int) -> tuple[int, int, str]:
        """Return where a known spelling that begins with a word begins and ends, and its pseudonym."""
        begin = words[n].start()
        for count in self._words.get(words[n][0].casefold(), ()):
            if n + count <= len(words):
                end = words[n + count - 1].end()
                inner = _parted(text[begin:end])[1]
                for before, after, normal in self._signs.get(inner, ()):
                    if _stands_alone(text, before, after, begin, end):
                        return begin - len(before), end + len(after), self._known[normal]
                if pseudonym := self._known.get(inner):
                    opened = text.count("(", begin, end) > text.count(")", begin, end)
                    return begin, end + (opened and text.startswith(")", end)), pseudonym
        return begin, begin, ""

    def _of_address(self, address: str) -> str:
        return self._known.get(_normal(address)) or self.of("person", _normal(address))

    def _of_somebody(self, found: re.Match[str]) -> str:
        return (found[1] or "") + self.of("person", found[2])

    def tree(self, value: Any) -> Any:
        """Return a JSON value with pseudonyms in all its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            # Names of our fields stay, whoever is called like one.
            return {self.text(k) if "@" in k else k: self.tree(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(item) for item in value]
        return value

    def page(self, page: bytes) -> bytes:
        """Return an HTML page with pseudonyms in its texts and attributes."""
        return _TEXT_OF_PAGE.sub(self._of_page, page.decode()).encode()

    def _of_page(self, found: re.Match[str]) -> str:
        written = html.unescape(found[0])
        masked = self.text(written)
        return found[0] if masked == written else html.escape(masked)

    def problem(self, problem: Problem) -> Problem:
        """Return a problem with pseudonyms; of a roster's cells, which may hold anything, nothing stays."""
        masked = replace(
            problem,
            file=self.text(problem.file),
            column=problem.column and self.text(problem.column),
            message=self.text(problem.message),
            fix=self.text(problem.fix),
            value=problem.value and self.text(problem.value),
        )
        if problem.file.endswith(".toml"):
            return masked
        message = _QUOTED.sub(self._of_cell, problem.message)
        value = problem.value and self._of_cell(
            re.fullmatch(r'"?(.*?)"?(?:\.\.\.)?', problem.value, re.DOTALL)
        )
        return replace(masked, message=self.text(message), value=value)

    def _of_cell(self, found: re.Match[str] | None) -> str:
        text = found[1] if found else ""
        known = self._known.get(_normal(text))
        if known or _ADDRESS.fullmatch(text):
            return known or self._of_address(text)
        return self.of("value", text) if text else '""'


def _normal(text: str) -> str:
    """Return how spellings are compared: first letter or digit to last, any case, single blanks.

    A single letter is compared with the signs around it, or it could not be told from any other word.
    """
    before, inner, after = _parted(text)
    return f"{before}{inner}{after}" if len(inner) == 1 and inner.isalpha() else inner


def _parted(text: str) -> tuple[str, str, str]:
    """Return the signs before the first letter or digit, what stands from there to the last, and the rest."""
    words = list(_WORD.finditer(text))
    if not words:
        return "", "", ""
    first, last = words[0].start(), words[-1].end()
    return text[:first].lstrip(), _BLANKS.sub(" ", text[first:last]).casefold(), text[last:].rstrip()


def _stands_alone(text: str, before: str, after: str, begin: int, end: int) -> bool:
    """Tell whether these signs stand around a part of a text, and no letter or digit beside them."""
    first, last = begin - len(before), end + len(after)
    if first < 0 or text[first:begin] != before or text[end:last] != after:
        return False
    return not (before and _WORD.match(text[first - 1 : first])) and not (after and _WORD.match(text, last))


def _as_written(text: str) -> tuple[str, ...]:
    """Return a text as reports show it: as it is, or escaped (`columns.plain`)."""
    shown = plain(text)
    return (text,) if shown == text else (text, shown)

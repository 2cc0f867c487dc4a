"""Who gets what, counted: what a person reads before anything is minted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from provisioner.assign import Coverage, Second, Verdict
from provisioner.assign.model import Attribution, Reason, Status
from provisioner.roster.model import Roster, RowKind

UNMAPPED_MAX = 10
"""Texts without a team that a plan names, the most frequent first."""

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all people, all devices or all services."""

    total: int
    status: Mapping[Status, int]
    reasons: Mapping[Status, Mapping[Reason, int]]
    """By status: why they are skipped, and why they are not covered."""
    attribution: Mapping[Attribution, int]
    """Of those that are assigned: how the person gets into the metadata."""

    @property
    def left_out(self) -> int:
        """How many get nothing."""
        return self.status.get("skipped", 0) + self.status.get("not-covered", 0)


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A text of a directory that maps to no team."""

    fact: str
    text: str
    people: int


@dataclass(frozen=True, slots=True)
class SecondMatch:
    """Somebody or something that more than one row or rule speaks of: the first one counts."""

    kind: RowKind
    id: str
    """The person's identity, or the device's id."""
    won: str | None
    """The assignment; None where the first match gives nothing."""
    rule: int | None
    """The rule that won, by its index in `[[assign]]`; None: a row."""
    key_only: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    ruled: bool = False
    """Whether any of the matches is a rule's, not a row's."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The whole roster, counted."""

    people: Tally
    devices: Tally
    services: Tally
    assignments: int
    second_matches: Mapping[Literal["key-only", "skipped"], int]
    devices_without_person: int
    """As `without_person` has them."""
    people_without_device: int | None
    """As `without_device` has them; None: no source lists devices."""
    unmapped: tuple[Unmapped, ...]
    unmapped_texts: int
    """How many there are in all."""

    @property
    def simple(self) -> bool:
        """Whether everybody gets something and nobody knows of devices: a line says it all."""
        left_out = self.people.left_out + self.devices.left_out + self.services.left_out
        return self.people_without_device is None and not left_out and not self.unmapped


def count(roster: Roster, coverage: Coverage) -> Counts:
    """Return the counts of a decided roster."""
    of_kind: dict[RowKind, list[Verdict]] = {"person": [], "device": [], "service": []}
    for verdict in coverage.verdicts:
        of_kind[verdict.kind].append(verdict)
    seconds = Counter(second.key_only for v in coverage.verdicts if v.seconds for second in v.seconds)
    texts = [
        Unmapped(fact, text, people)
        for fact, found in coverage.unmapped.items()
        for text, people in found.items()
    ]
    texts.sort(key=lambda unmapped: (-unmapped.people, unmapped.fact, unmapped.text))
    return Counts(
        people=_tally(of_kind["person"]),
        devices=_tally(of_kind["device"]),
        services=_tally(of_kind["service"]),
        assignments=len(coverage.assignments),
        second_matches={"key-only": seconds[True], "skipped": seconds[False]},
        devices_without_person=len(without_person(of_kind["device"])),
        people_without_device=len(without_device(roster, of_kind["person"])) if roster.inventory else None,
        unmapped=tuple(texts[:UNMAPPED_MAX]),
        unmapped_texts=len(texts),
    )


def _tally(verdicts: Sequence[Verdict]) -> Tally:
    return Tally(
        total=len(verdicts),
        status=_counted(v.status for v in verdicts),
        reasons={
            status: reasons
            for status in get_args(Status)
            if (reasons := _counted(v.reason for v in verdicts if v.reason and v.status == status))
        },
        attribution=_counted(v.attribution for v in verdicts if v.status == "assigned"),
    )


def _counted(words: Iterable[Word]) -> dict[Word, int]:
    """Return how often each word comes, the most frequent first."""
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


def without_device(roster: Roster, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return people whose computer no inventory lists, and to whom nothing goes by hand either.

    Whoever is left out is not among them; nor is anybody where no source lists devices.
    """
    if not roster.inventory:
        return []
    owners = {device.owner for device in roster.devices if device.platform is not None}
    return [
        v
        for v in verdicts
        if v.person is not None
        and v.kind == "person"
        and v.status != "assigned"
        and v.person.left_out is None
        and v.id not in owners
    ]


def without_person(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return computers that are nobody's and carry no label in a person's place."""
    return [
        v
        for v in verdicts
        if v.kind == "device" and v.person is None and v.platform is not None and v.status != "assigned"
    ]


def second_matches(verdicts: Iterable[Verdict]) -> tuple[SecondMatch, ...]:
    """Return everybody and everything that a second row or rule matches; a device's speak for its person."""
    several = [v for v in verdicts if v.seconds]
    by_device = {
        (v.email, s.assignment, s.key_only) for v in several if v.kind == "device" for s in v.seconds
    }
    found = []
    for verdict in several:
        seconds = verdict.seconds
        if verdict.kind == "person":
            seconds = tuple(s for s in seconds if (verdict.id, s.assignment, s.key_only) not in by_device)
        if seconds:
            found.append(_second_match(verdict, seconds))
    return tuple(found)


def _second_match(verdict: Verdict, seconds: Sequence[Second]) -> SecondMatch:
    rule = verdict.choice.rule if verdict.choice else None
    return SecondMatch(
        kind=verdict.kind,
        id=verdict.id,
        won=verdict.assignment,
        rule=rule,
        key_only=tuple(s.assignment for s in seconds if s.key_only),
        skipped=tuple(s.assignment for s in seconds if not s.key_only),
        ruled=rule is not None or any(s.choice.rule is not None for s in seconds),
    )

"""People: what they get where no inventory lists devices, and what their devices make of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from provisioner.assign import rows
from provisioner.assign.model import Second, Status, Verdict
from provisioner.assign.rows import Standing
from provisioner.assign.rules import Match
from provisioner.assign.unmatched import Unmatched, told_unmapped
from provisioner.assign.verdicts import Desk, refuse
from provisioner.roster.model import Entry, Person

_BEST: tuple[Status, ...] = ("assigned", "key-only", "skipped", "not-covered")


class People:
    """Decides over one person after the other."""

    def __init__(self, desk: Desk, standings: Mapping[str, Standing], unmatched: Unmatched) -> None:
        self._desk = desk
        self._standings = standings
        self._unmatched = unmatched

    def standing_for_devices(self, person: Person) -> Verdict:
        """Return the verdict where no inventory lists devices: the first row decides, or the first rule."""
        if person.left_out is not None:
            return refuse("not-covered", person, *person.left_out)
        desk = self._desk
        match = desk.rules.match(person, None)
        if person.rows:
            first, *further = (rows.of_person(row, desk.fleet) for row in person.rows)
            return desk.decide(person, None, first, match, tuple(further))
        return self._by_rules(person, match)

    def beside_devices(self, person: Person, devices: Sequence[Verdict]) -> tuple[Verdict, bool]:
        """Return the verdict beside those over the person's devices, and whether it carries artifacts itself.

        It does for a Linux machine, which no MDM lists, and for whoever has only what nobody manages.
        """
        if person.left_out is not None:
            return refuse("not-covered", person, *person.left_out), False
        standing = self._standings.get(person.identity) if person.rows else None
        if standing is not None and standing.linux is not None:
            verdict = self._on_linux(person, standing.linux, standing, bool(devices))
            return verdict, verdict.status == "assigned"
        if devices:
            return _with(person, devices), False
        verdict = self._without_device(person, standing)
        return verdict, verdict.status == "assigned"

    def _by_rules(self, person: Person, match: Match) -> Verdict:
        if match.unmapped:
            self._unmatched.note(person, match)
        if not match.choices:
            return refuse("not-covered", person, "NO_RULE", told_unmapped(match))
        return self._desk.decide(person, None, match.choices[0], match)

    def _on_linux(self, person: Person, linux: Entry, standing: Standing, devices: bool) -> Verdict:
        """Return the verdict by the row of a Linux machine; what no device gets by another row is a key."""
        fleet = self._desk.fleet
        keys = standing.further if standing.base is None or devices else (standing.base, *standing.further)
        further = tuple(rows.of_person(row, fleet) for row in keys)
        match = self._desk.rules.match(person, None)
        return self._desk.decide(person, None, rows.of_person(linux, fleet), match, further)

    def _without_device(self, person: Person, standing: Standing | None) -> Verdict:
        """Return what somebody gets of whom no inventory lists a device: keys, or what goes by hand."""
        desk = self._desk
        match = desk.rules.match(person, None)
        if standing is not None and standing.base is not None:
            first = rows.of_person(standing.base, desk.fleet)
            further = tuple(rows.of_person(row, desk.fleet) for row in standing.further)
            verdict = desk.decide(person, None, first, match, further)
        else:
            verdict = self._by_rules(person, match)
        if verdict.status != "assigned" or desk.handed_out(verdict):
            return verdict
        detail = f"it would get {verdict.assignment}"
        keys = tuple(second for second in verdict.seconds if second.key_only)
        if not keys:
            return refuse("not-covered", person, "NO_DEVICE", detail, verdict.choice)
        return verdict._replace(
            status="key-only",
            assignment=keys[0].assignment,
            choice=keys[0].choice,
            seconds=tuple(second for second in verdict.seconds if second is not keys[0]),
            attribution="none",
            expected="",
            detail=f"no device of the inventories is theirs; {detail}",
            passed_over=verdict.choice,
        )


def _with(person: Person, devices: Sequence[Verdict]) -> Verdict:
    """Return the best of what the person's devices have."""
    best, seconds = devices[0], devices[0].seconds
    if len(devices) > 1:
        best = min(devices, key=_rank)
        assigned = {v.assignment for v in devices if v.status == "assigned"}
        seconds = _merged(s for v in devices for s in v.seconds if s.assignment not in assigned)
    return Verdict(
        "person", person.identity, best.status, person.place, person, None, None, best.assignment,
        best.choice, seconds, best.attribution, best.expected, best.reason, best.detail,
    )  # fmt: skip


def _rank(verdict: Verdict) -> tuple[int, bool, int, str]:
    """Order by status, one's own before shared ones, rows before rules: never by the file's order."""
    rule = -1 if verdict.choice is None or verdict.choice.rule is None else verdict.choice.rule
    return _BEST.index(verdict.status), verdict.attribution == "device", rule, verdict.id


def _merged(seconds: Iterable[Second]) -> tuple[Second, ...]:
    """Return each assignment once, with a key where one of several gives it."""
    found: dict[str, Second] = {}
    for second in seconds:
        known = found.get(second.assignment)
        if known is None or (second.key_only and not known.key_only):
            found[second.assignment] = second
    return tuple(found[name] for name in sorted(found))

"""Devices: whose rules decide over each, and which of them nothing can reach. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from provisioner.assign import rows
from provisioner.assign.looks import is_somebodys, is_unlisted, shared_by
from provisioner.assign.model import Choice, Verdict
from provisioner.assign.rows import Standing
from provisioner.assign.unmatched import Unmatched, told_unmapped
from provisioner.assign.verdicts import Desk, given_by, refuse
from provisioner.errors import Problem
from provisioner.naming import shown
from provisioner.roster.model import Device, Entry, Person, Place, Roster

UNSEEN = timedelta(days=30)
"""A device that was not seen for longer is left to its next check-in (`NOT_CHECKED_IN_30D`)."""


class Devices:
    """Decides over one device after the other; keeps what two decisions say against each other."""

    def __init__(
        self, desk: Desk, roster: Roster, standings: Mapping[str, Standing], unmatched: Unmatched
    ) -> None:
        self.problems: list[Problem] = []
        self._desk = desk
        self._seen_since = desk.today - UNSEEN
        self._standings = standings
        self._unmatched = unmatched
        self._people = {person.identity: person for person in roster.people}
        self._of_row = {row.place: person for person in roster.people for row in person.rows}
        self._shared = {note.subject.lower() for note in roster.notes if note.code == "SHARED_ADDRESS"}
        self._own = {row.place for standing in standings.values() for row in standing.own}

    def decide(self, device: Device) -> Verdict:
        """Return the verdict over a device that carries artifacts itself."""
        owner = self._people.get(device.owner) if device.owner is not None else None
        if device.platform is None and device.mdm is not None:
            return refuse("skipped", device, "NOT_A_COMPUTER", owner=owner)
        if self._desk.inventory and is_unlisted(device):
            detail = f"named by {' and '.join(str(row.place) for row in device.rows)}"
            return refuse("not-covered", device, "NOT_IN_INVENTORY", detail, owner=owner)
        verdict = self._decide(device, owner)
        if device.last_seen is None or device.last_seen >= self._seen_since or verdict.status != "assigned":
            return verdict
        # It keeps the choice and its person's further keys, so that these stay wanted until it is back.
        return verdict._replace(
            status="not-covered",
            assignment=None,
            attribution="none",
            expected="",
            reason="NOT_CHECKED_IN_30D",
            detail=f"last seen {device.last_seen}",
        )

    def _decide(self, device: Device, owner: Person | None) -> Verdict:
        desk = self._desk
        if device.rows and (decided := self._by_rows(device, owner)):
            return decided
        if owner is None or owner.left_out is not None:
            return self._nobodys(device, owner)
        match = desk.rules.match(owner, device)
        standing = self._standings.get(owner.identity) if owner.rows else None
        if standing is not None and standing.base is not None:
            return desk.decide(device, owner, self._of(standing.base), match, self._further(standing))
        if match.unmapped:
            self._unmatched.note(owner, match)
        if not match.choices:
            return refuse("not-covered", device, "NO_RULE", told_unmapped(match), owner=owner)
        return desk.decide(device, owner, match.choices[0], match)

    def follow(self, device: Device, of_owner: Verdict) -> Verdict:
        """Return the verdict over a device that only its person's row names: the person carries for it."""
        row = next((row for row in device.rows if self._of_row.get(row.place) is of_owner.person), None)
        if of_owner.choice is None or of_owner.choice.row != row:
            for second in of_owner.seconds:
                if second.choice.row == row and second.key_only:
                    return Verdict(
                        "device", device.id, "key-only", device.place, of_owner.person, device, None,
                        second.assignment, second.choice,
                    )  # fmt: skip
        return of_owner._replace(kind="device", id=device.id, place=device.place, device=device, seconds=())

    def one_channel(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Return the verdicts with each person's key going one way only.

        What an MDM delivers to one device of a person goes by hand to no other one: the assignment's
        folder is either for consoles or for the person.
        """
        handed = [v.status == "assigned" and self._desk.handed_out(v) for v in verdicts]
        if not any(handed):
            return list(verdicts)
        delivered = {v.assignment for v, by_hand in zip(verdicts, handed, strict=True) if not by_hand}
        detail = "the key goes to another device of the person through its MDM"
        return [
            v._replace(status="key-only", detail=detail) if by_hand and v.assignment in delivered else v
            for v, by_hand in zip(verdicts, handed, strict=True)
        ]

    def _of(self, row: Entry) -> Choice:
        fleet = self._desk.fleet
        return rows.of_device(row, fleet) if row.kind == "device" else rows.of_person(row, fleet)

    def _further(self, standing: Standing) -> tuple[Choice, ...]:
        return tuple(map(self._of, standing.further))

    def _by_rows(self, device: Device, owner: Person | None) -> Verdict | None:
        """Return what the first row gives that names this very device, if any does."""
        deciding = [row for row in device.rows if self._decides(row)]
        if not deciding:
            return None
        row = deciding[0]
        person = self._of_row.get(row.place)
        first = self._of(row)
        self.problems += self._against(device, person, first, deciding[1:])
        there = owner if person is None and owner is not None and owner.left_out is None else person
        match = self._desk.rules.match(there, device)
        further = self._further(self._standings[person.identity]) if person is not None else ()
        return self._desk.decide(device, person, first, match, further)

    def _decides(self, row: Entry) -> bool:
        if row.kind == "device":
            return True
        person = self._of_row.get(row.place)
        return row.place in self._own and person is not None and person.left_out is None

    def _against(
        self, device: Device, person: Person | None, first: Choice, others: Sequence[Entry]
    ) -> Iterator[Problem]:
        """Yield a problem for each other decision that would put something else onto a device."""
        units = self._desk.units
        name = units.of(first, person, device).name
        place = first.row.place if first.row is not None else device.place
        for row in others:
            choice = self._of(row)
            other = units.of(choice, self._of_row.get(row.place), device).name
            if other != name:
                yield two_assignments(device.id, row.place, other, f"{place} gives {name}")
        by_address = self._desk.identities.get(device.user_email.lower())
        listed = self._people.get(device.listed or by_address or device.owner or "")
        if person is None or listed is None or listed is person or listed.left_out is not None:
            return
        theirs = self._of_listed(listed, device)
        if theirs is not None and theirs.gives == "artifact":
            other = units.of(theirs, listed, device).name
            if other != name:
                by = f"{listed.identity}'s by {device.place}, where {given_by(theirs)} gives {other}"
                yield two_assignments(device.id, place, name, f"the device is {by}")

    def _of_listed(self, person: Person, device: Device) -> Choice | None:
        """Return what the person would get on a device whom the inventory lists as its user."""
        standing = self._standings.get(person.identity)
        if standing is not None and standing.base is not None:
            return self._of(standing.base)
        return next(iter(self._desk.rules.match(person, device).choices), None)

    def _nobodys(self, device: Device, owner: Person | None) -> Verdict:
        """Return the verdict over a device whose user is not in the roster, or is left out of it."""
        match = self._desk.rules.match(None, device)
        first = match.choices[0] if match.choices else None
        if first is not None and (self._takes_nobody(first, owner) or (first.gives == "skip" and not owner)):
            return self._desk.decide(device, None, first, match)
        if not device.managed:
            return refuse("not-covered", device, "NOT_MANAGED", "", first, owner=owner)
        if owner is not None and owner.left_out is not None:
            detail = f"{owner.identity}: {owner.left_out.reason}"
            return refuse("not-covered", device, "OWNER_LEFT_OUT", detail, first, owner=owner)
        if look := shared_by(device):
            return refuse("not-covered", device, "SHARED", look, first)
        seen = device.user_email
        detail = f"the MDM has {shown(seen)}" if seen else ""
        if seen.lower() in self._shared:
            return refuse(
                "not-covered", device, "NO_PERSON", f"{detail}, an address of several people", first
            )
        if is_somebodys(seen):
            return refuse("not-covered", device, "EMAIL_NOT_IN_ROSTER", detail, first)
        return refuse("not-covered", device, "NO_PERSON", detail, first)

    def _takes_nobody(self, first: Choice, owner: Person | None) -> bool:
        """Whether a rule covers devices without a person.

        The device of somebody left out may be a kiosk with an account of its own, or a leaver's
        laptop: only a rule that names such devices and labels them takes it.
        """
        if first.gives != "artifact" or first.attribution == "variable" or first.scope == "person":
            return False
        return owner is None or (first.attribution == "device" and first.rule in self._desk.rules.of_devices)


def two_assignments(device: str, place: Place, name: str, against: str) -> Problem:
    """Return the problem of a device that two artifacts would reach: neither wins, nobody knows which."""
    return Problem(
        place.file,
        place.row,
        "serial",
        "TWO_ASSIGNMENTS_ONE_DEVICE",
        f"gives the device {name}, and {against}",
        "let one of the two decide: correct the serial number or the device's user, or take the row out",
        shown(device),
    )

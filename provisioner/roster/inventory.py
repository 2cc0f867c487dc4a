"""Which devices there are, and whose: MDMs' lists and plain rows to one `Device` each. Pure.

A device is its serial number, in capitals; without one, its id in the MDM. Of several records the one
seen last counts: the device was enrolled again, or two MDMs list it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from provisioner.errors import Problem
from provisioner.naming import shown
from provisioner.roster.model import Device, Entry, Inventory, Note, Place
from provisioner.roster.people import People
from provisioner.roster.records import DeviceFile, DeviceRecord

_SERIAL = re.compile(r"[A-Z0-9-]{1,64}\Z")
_NO_SERIAL = re.compile(
    # What firmware and virtual machines say in place of a serial number, as seen in 2026-11.
    r"(?:0+|-+|N-A|NONE|NULL|UNKNOWN|INVALID|EMPTY|0?123456789|VMWARE-.*|PARALLELS-.*)\Z"
)
"""`System Serial Number`, `To be filled by O.E.M.`, `Default string` and the like hold a blank already."""
_NEVER = date.min
_LAST_TO_FIRST: tuple[Inventory, ...] = ("intune", "jamf", "kandji")
"""Which MDM counts where nothing else chooses. Intune also lists Macs that another one manages, for their
compliance; of the others any order will do, as long as it stays the same."""


class _Listed(NamedTuple):
    """A record and where it stands."""

    file: int
    mdm: Inventory
    record: DeviceRecord


def device_serial(text: str) -> str:
    """Return a serial number in capitals, empty for a placeholder or what can't be one."""
    serial = text.upper()
    return serial if _SERIAL.match(serial) and not _NO_SERIAL.match(serial) else ""


class Devices:
    """Grows by files and plain rows."""

    def __init__(self, files: Sequence[str], today: date) -> None:
        self._files = files
        self._latest = today + timedelta(days=1)  # somewhere it is tomorrow already
        self._found: dict[str, _Listed] = {}
        self._several: dict[str, list[_Listed]] = {}
        self._rows: dict[str, list[Entry]] = {}
        self._owner: dict[str, int] = {}
        self._listed: dict[str, int] = {}

    def add(self, file: DeviceFile, number: int) -> None:
        """Take every record of an MDM's list."""
        found, mdm, placeholder = self._found, file.mdm, _NO_SERIAL.match
        sound = _SERIAL.match
        for record in file.records:
            serial = record.serial.upper()
            if not sound(serial) or placeholder(serial):
                serial = f"{mdm}:{record.mdm_id or Place(self._files[number], record.row)}"
            listed = _Listed(number, mdm, record)
            if (known := found.setdefault(serial, listed)) is not listed:
                self._several.setdefault(serial, [known]).append(listed)

    def choose(self) -> Iterator[Note]:
        """Choose one record of each device; yield what two MDMs list that only their order chooses from."""
        tied: dict[tuple[Inventory, Inventory], list[tuple[Place, str, Place]]] = {}
        for key, listed in self._several.items():
            best, *others = sorted(listed, key=self._rank, reverse=True)
            self._found[key] = best
            for other in others:
                rival = other.mdm not in (best.mdm, "intune")
                if rival and self._rank(other)[:2] == self._rank(best)[:2]:
                    example = self._place(best), key, self._place(other)
                    tied.setdefault((best.mdm, other.mdm), []).append(example)
                    break
        for (mdm, second), devices in sorted(tied.items()):
            chosen, key, there = min(devices)
            many = "1 device stands" if len(devices) == 1 else f"{len(devices)} devices stand"
            message = (
                f"{many} in both, and neither saw it later; {mdm} counts: {shown(key)} is taken from {chosen}"
                f", and also stands at {there}"
            )
            yield Note("DEVICE_IN_TWO_MDMS", f"{mdm}, {second}", message)

    def _rank(self, listed: _Listed) -> tuple[date, bool, int, object]:
        record = listed.record
        seen = record.last_seen
        return (
            _NEVER if seen is None or seen > self._latest else seen,
            record.managed,
            _LAST_TO_FIRST.index(listed.mdm),
            (*map(str, record[1:-1]), sorted(record.facts.items())),
        )

    def find_owners(self, people: People) -> None:
        """Find each device's user by id, then UPN, then e-mail; what an MDM calls them becomes an alias."""
        by_email: list[tuple[str, str]] = []
        learned: dict[str, set[int]] = {}
        of_id, of_address, owner = people.ids.get, people.addresses.get, self._owner
        for key, (_file, _mdm, record) in self._found.items():
            user_id, upn, email = record.user_id, record.user_upn, record.user_email.lower()
            at = of_id(user_id.lower()) if user_id else None
            if at is None and upn:
                at = of_address(upn.lower())
            if at is not None:
                owner[key] = at
                if email not in people.addresses and "@" in email:
                    learned.setdefault(email, set()).add(at)
            elif email:
                by_email.append((key, email))
        people.learn(learned)
        for key, email in by_email:
            at = of_address(email)
            if at is not None:
                owner[key] = at

    def attach(self, rows: Iterable[Entry], people: People) -> Iterator[Problem]:
        """Give plain rows to the devices that they name; the person of a row goes before the MDM's user."""
        named: dict[str, tuple[int, Entry]] = {}
        for row in rows:
            serial = device_serial(row.serial or "")
            if not serial:
                continue
            self._rows.setdefault(serial, []).append(row)
            at = people.of_row(row)
            if at is None:
                continue
            known, first = named.setdefault(serial, (at, row))
            if known != at:
                message = f"belongs to {first.email} in {first.place}"
                fix = "give the device to one person, or clear the cell if it is shared"
                yield Problem(
                    row.file, row.row, "serial", "SERIAL_TWICE", message, fix, shown(row.serial or "")
                )
        for serial, (at, _row) in named.items():
            listed = self._owner.get(serial, at)
            if listed != at:
                self._listed[serial] = listed
            self._owner[serial] = at

    @property
    def owners(self) -> frozenset[int]:
        """The persons with a device."""
        return frozenset(self._owner.values())

    def made(self, names: Sequence[str]) -> Iterator[Device]:
        """Yield every device by the order of the first record; then those that only plain rows name."""
        files, rows, owner, several = self._files, self._rows, self._owner, self._several
        listed = self._listed
        for key, (file, mdm, record) in self._found.items():
            (
                row, serial, mdm_id, directory_id, name, platform, _user_id, _upn, email, enrolment, managed,
                last_seen, facts,
            ) = record  # fmt: skip
            at, other = owner.get(key), listed.get(key) if listed else None
            yield Device(
                key,
                Place(files[file], row),
                serial if ":" not in key else None,
                name or None,
                mdm,
                mdm_id or None,
                directory_id or None,
                platform,
                None if at is None else names[at],
                None if other is None else names[other],
                email,
                enrolment,
                managed,
                last_seen,
                facts,
                tuple(rows.pop(key, ())) if rows else (),
                self._also(key) if key in several else (),
            )
        for key, own in rows.items():
            at = owner.get(key)
            yield Device(
                key,
                own[0].place,
                own[0].serial,
                platform=next((row.platform for row in own if row.platform), None),
                owner=None if at is None else names[at],
                rows=tuple(own),
            )

    def _also(self, key: str) -> tuple[Place, ...]:
        chosen = self._found[key]
        others = (listed for listed in self._several[key] if listed is not chosen)
        return tuple(self._place(listed) for listed in sorted(others, key=_where))

    def _place(self, listed: _Listed) -> Place:
        return Place(self._files[listed.file], listed.record.row)


def _where(listed: _Listed) -> tuple[int, int]:
    return listed.file, listed.record.row

"""Plain rows: decisions that somebody wrote down by name. They go before rules. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from provisioner.assign.looks import is_unlisted
from provisioner.assign.model import Choice
from provisioner.fleet import Fleet
from provisioner.roster.model import Device, Entry, Person, Place


class Standing(NamedTuple):
    """What the rows of one person are for, where inventories list devices."""

    base: Entry | None
    """The first one: for every device of the person that no row names."""
    own: tuple[Entry, ...]
    """Those that name a device of their own; the first one among them where it names one."""
    linux: Entry | None
    """A Linux machine without a serial number: no MDM lists it, so it is the person's."""
    further: tuple[Entry, ...]
    """The rest; they give keys."""


def standing(person: Person, named: Collection[Place]) -> Standing:
    """Return what each row is for; `named` are the places of rows whose serial number is a device's.

    A further row reaches a device only if it and every row before it name different devices:
    otherwise nobody could say which of two reaches the one that both may mean.
    """
    linux = next((r for r in person.rows if r.platform == "linux" and r.place not in named), None)
    base = next((r for r in person.rows if r.platform != "linux"), None)
    own = []
    serials: set[str] = set()
    for count, row in enumerate(person.rows, start=1):
        serials.add((row.serial or "").upper())
        if count == len(serials) and "" not in serials and row.place in named:
            own.append(row)
    used = {id(row) for row in (base, linux, *own)}
    return Standing(base, tuple(own), linux, tuple(row for row in person.rows if id(row) not in used))


def of_person(row: Entry, fleet: Fleet) -> Choice:
    """Return what a person's row gives."""
    return Choice(
        team=row.team,
        team_display=row.team_display,
        env=row.env,
        profile=fleet.profile_for(row.team, row.env),
        ring=None,
        scope=fleet.keys.scope,
        attribution="variable",
        pool=None,
        expires=row.expires,
        gives="artifact",
        rule=None,
        row=row,
    )


def of_device(row: Entry, fleet: Fleet) -> Choice:
    """Return what the row of a shared device gives: its team's key, and a label in place of a person."""
    return of_person(row, fleet)._replace(scope="team", attribution="device")


def of_service(row: Entry, fleet: Fleet) -> Choice:
    """Return what a service's row gives: a key of its own."""
    return of_person(row, fleet)._replace(scope="person", attribution="none")


def named_by(devices: Sequence[Device]) -> frozenset[Place]:
    """Return the places of all rows that name a device of the inventories, or a Linux machine."""
    return frozenset(
        row.place for device in devices if device.rows and not is_unlisted(device) for row in device.rows
    )

"""Rows of an MDM's device list to records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, partial
from typing import NamedTuple

from provisioner.roster.cells import MAX_NAME
from provisioner.roster.exports import ExportPreset
from provisioner.roster.header import Header
from provisioner.roster.intake_people import clean_name
from provisioner.roster.model import Enrolment, Facts, Inventory, Platform
from provisioner.roster.picking import Picking, Taken
from provisioner.roster.records import DeviceRecord
from provisioner.roster.table import Table
from provisioner.roster.words import read_day, read_enrolment, read_platform, read_yes

INVENTORIES: Mapping[ExportPreset, Inventory] = {
    "intune-devices": "intune",
    "jamf-computers": "jamf",
    "kandji-devices": "kandji",
}
_STANDING = ("platform", "ownership", "enrolment", "managed", "removed")


def read_devices(table: Table, header: Header, mdm: Inventory) -> Taken[DeviceRecord]:
    """Return a record for each row that has a serial number or the MDM's id.

    Other rows are those that multi-value fields go on in: they are counted, and no flaws.
    """
    taken: Taken[DeviceRecord] = Taken()
    add, make = taken.records.append, partial(tuple.__new__, DeviceRecord)
    picking = Picking(table, header)
    own = picking.own(
        *("serial", "mdm_id", "directory_id", "name", "user_id", "user_upn", "user_email", "last_seen")
    )
    shared = picking.shared(*_STANDING)
    # Jamf lists phones apart from computers, so that its search has no column of platforms.
    only: Platform | None = "macos" if mdm == "jamf" and "platform" not in header.fields else None

    @cache
    def shared_of(cells: tuple[str, ...]) -> tuple[Standing, Facts]:
        return _standing(cells, only), picking.facts(cells[len(_STANDING) :])

    days: dict[str, date] = {}
    day_of = cache(read_day)
    for number, cells in picking.rows():
        serial, mdm_id, directory_id, name, user_id, upn, email, seen = own(cells)
        serial, mdm_id, name, seen = serial.strip(), mdm_id.strip(), name.strip(), seen.strip()
        if not (serial or mdm_id):
            taken.blank_rows += 1
            continue
        if not name.isascii() or not name.isprintable() or len(name) > MAX_NAME:
            name = clean_name(name)
        (platform, enrolment, managed, unknown), facts = shared_of(shared(cells))
        if platform is None:
            taken.not_computers += 1
        if unknown:
            taken.unknown = dict.fromkeys(unknown, number) | taken.unknown
        last_seen = days.get(seen[:10])  # there are few days and many times
        if last_seen is None and seen:
            day, _, time = seen.partition(" ")
            last_seen = day_of(f"{day} {time[-2:]}")  # AM or PM tells how the day is written
            if last_seen and seen.startswith(last_seen.isoformat()):
                days[seen[:10]] = last_seen
        directory_id, user_id = directory_id.strip(), user_id.strip()
        upn, email = upn.strip(), email.strip()
        device = (number, serial, mdm_id, directory_id, name, platform, user_id, upn, email)
        add(make((*device, enrolment, managed, last_seen, facts)))
    return taken


class Standing(NamedTuple):
    """What a device is to its MDM."""

    platform: Platform | None
    enrolment: Enrolment
    managed: bool
    unknown: tuple[tuple[str, str], ...]
    """Fields with words that can't be told."""


def _standing(cells: tuple[str, ...], only: Platform | None) -> Standing:
    system, owner, method, managed, removed = (cell.strip() for cell in cells[: len(_STANDING)])
    enrolment = read_enrolment(owner, method)
    said = {"managed": read_yes(managed), "removed": read_yes(removed) if removed else False}
    words = {"ownership": owner, "managed": managed, "removed": removed}
    unknown = [(field, words[field]) for field, value in said.items() if value is None]
    if enrolment is None:
        unknown.append(("ownership", owner))
    return Standing(
        only or read_platform(system),
        enrolment or "byod-device",
        bool(said["managed"]) and not said["removed"],
        tuple(unknown),
    )

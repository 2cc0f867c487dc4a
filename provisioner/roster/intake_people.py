"""Rows of a people's export, and of a group's member list, to records. Pure."""

from __future__ import annotations

import unicodedata
from functools import cache, partial

from provisioner.roster.cells import MAX_NAME
from provisioner.roster.exports import ExportPreset
from provisioner.roster.header import Header
from provisioner.roster.model import Facts
from provisioner.roster.picking import Picking, Taken
from provisioner.roster.records import MemberRecord, PersonRecord
from provisioner.roster.table import Table
from provisioner.roster.text import hidden
from provisioner.roster.titles import normal
from provisioner.roster.words import read_google_status, read_okta_status, read_yes, split_addresses

_STATUS = {"okta-users-json": read_okta_status, "google-users": read_google_status}
"""For the presets whose accounts have a status instead of a yes or no."""
_NO_PEOPLE = frozenset({"group", "device", "serviceprincipal", "contact", "orgcontact"})


def read_people(table: Table, header: Header, preset: ExportPreset) -> Taken[PersonRecord]:
    """Return a record for each row that has an address or an id."""
    taken: Taken[PersonRecord] = Taken()
    add, make = taken.records.append, partial(tuple.__new__, PersonRecord)
    picking = Picking(table, header)
    own, names = picking.own("mail", "upn", "directory_id", "name"), picking.own("first_name", "last_name")
    shared, others_of = picking.shared("enabled"), picking.others()
    read_enabled = _STATUS.get(preset, read_yes) if "enabled" in header.fields else _always

    @cache
    def shared_of(cells: tuple[str, ...]) -> tuple[bool | None, Facts]:
        return read_enabled(cells[0]), picking.facts(cells[1:])

    for number, cells in picking.rows():
        mail, upn, directory_id, name = own(cells)
        mail, upn, directory_id, name = mail.strip(), upn.strip(), directory_id.strip(), name.strip()
        if not (mail or upn or directory_id):
            taken.blank_rows += 1
            continue
        others: tuple[str, ...] = ()
        if "," in mail or ";" in mail or ":" in mail or " " in mail:
            mail, *rest = split_addresses(mail) or ("",)
            others = tuple(rest)
        if others_of is not None and any(more := others_of(cells)):
            others += split_addresses(";".join(dict.fromkeys(filter(None, more))))
        if not name:
            name = " ".join(names(cells)).strip()
        if not name.isascii() or not name.isprintable() or len(name) > MAX_NAME:
            name = clean_name(name)
        enabled, facts = shared_of(shared(cells))
        if enabled is None:
            taken.unknown.setdefault(("enabled", cells[header.fields["enabled"]]), number)
        add(make((number, mail, upn, others, directory_id, name, bool(enabled), facts)))
    return taken


def read_members(table: Table, header: Header) -> Taken[MemberRecord]:
    """Return a record for each member that may be a person; groups and devices are counted."""
    taken: Taken[MemberRecord] = Taken()
    add, make = taken.records.append, partial(tuple.__new__, MemberRecord)
    picking = Picking(table, header)
    own = picking.own("directory_id", "upn", "mail", "member_type")
    nobody = cache(lambda kind: normal(kind) in _NO_PEOPLE)
    for number, cells in picking.rows():
        directory_id, upn, mail, kind = own(cells)
        directory_id, upn, mail = directory_id.strip(), upn.strip(), mail.strip()
        if nobody(kind):
            taken.not_people += 1
        elif directory_id or upn or mail:
            add(make((number, directory_id, upn, mail)))
        else:
            taken.blank_rows += 1
    return taken


def clean_name(name: str) -> str:
    """Return a name composed (NFC), or nothing where it is too long or holds what can't be seen (T15)."""
    return "" if len(name) > MAX_NAME or hidden(name) else unicodedata.normalize("NFC", name)


def _always(_status: str) -> bool:
    return True

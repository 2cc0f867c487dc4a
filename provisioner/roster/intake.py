"""An export's table to records of people, members or devices, as it stands: nothing is joined here. Pure.

What is odd in a directory's free text never stops a run: formulas are text (T12), and a name that holds
hidden characters is left out. What makes a file unreadable, or its rows nameless, is a problem.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from provisioner.fleet.sources import Source
from provisioner.roster.exports import EXPORTS
from provisioner.roster.header import Header, printable, read_header
from provisioner.roster.intake_devices import INVENTORIES, read_devices
from provisioner.roster.intake_people import read_members, read_people
from provisioner.roster.model import SourceRead
from provisioner.roster.picking import R, Taken
from provisioner.roster.problems import Problems
from provisioner.roster.records import DeviceFile, GroupFile, PeopleFile
from provisioner.roster.table import LONG_CELL, Limits, Table, read_table
from provisioner.roster.text import Flaw

LIMITS = Limits(cell=LONG_CELL)

ExportFile = PeopleFile | GroupFile | DeviceFile


def read_export(
    stream: BinaryIO, file: str, source: Source, asked: frozenset[str], problems: Problems, sha256: str
) -> ExportFile | None:
    """Return the records of one file of a source; None after problems that leave nothing to read.

    Args:
        stream: the open file, seekable; it may be closed afterwards.
        file: its name, as the admin gave it.
        source: any preset but `plain`.
        asked: facts that rules and exclusions ask about, by `titles.normal` name.
        problems: to add to; with any in it, what is returned is not whole.
        sha256: of the file's bytes, to hand on.
    """
    table = read_table(stream, problems, LIMITS)
    return None if table is None else read_records(table, file, source, asked, problems, sha256)


def read_records(
    table: Table, file: str, source: Source, asked: frozenset[str], problems: Problems, sha256: str
) -> ExportFile | None:
    """Return the records of a table; as `read_export`."""
    if source.preset == "plain":
        raise ValueError("a plain file is read by roster.check")
    export = EXPORTS[source.preset]
    header = read_header(table, export, source.columns, asked, problems)
    if header.missing:
        return None

    def told(taken: Taken[R]) -> SourceRead:
        for (field, text), row in taken.unknown.items():
            problems.add(_unknown(field), row, printable(header.titles, header.fields[field]), text)
        if not taken.records and not problems and export.family != "members":
            problems.add(_empty())
        return _source_read(taken, file, source, header, sha256)

    match export.family:
        case "people":
            people = read_people(table, header, source.preset)
            return PeopleFile(told(people), people.records)
        case "members":
            members = read_members(table, header)
            return GroupFile(told(members), source.group or PurePath(file).stem, members.records)
        case "devices":
            devices = read_devices(table, header, INVENTORIES[source.preset])
            return DeviceFile(told(devices), INVENTORIES[source.preset], devices.records)


def _source_read(taken: Taken[R], file: str, source: Source, header: Header, sha256: str) -> SourceRead:
    return SourceRead(
        file,
        source.preset,
        sha256,
        len(taken.records),
        tuple(printable(header.titles, index) for index in header.ignored),
        blank_rows=taken.blank_rows,
        not_computers=taken.not_computers,
        not_people=taken.not_people,
        facts=tuple(header.facts),
        pattern=source.files,
    )


def _unknown(field: str) -> Flaw:
    """Say that a word can't be told; no default is safe, as a leaver or a private Mac may be behind it."""
    message = f"nobody can tell what this says about {field}"
    fix = "export it in English, or name another column in columns, or replace the word in the file"
    return Flaw("WORD_UNKNOWN", message, fix)


def _empty() -> Flaw:
    """Say that nobody is in a file; taken as it stands it would mean that everybody left (T11)."""
    return Flaw("EMPTY_ROSTER", "the file has a header and no records", "check the export that made it")

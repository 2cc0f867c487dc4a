"""Records of several files to one roster: who is who, and whose device is which. Pure.

`people` and `inventory` do the work. What comes out does not depend on the order of files and rows,
places and order apart.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Literal

from provisioner import digest
from provisioner.errors import InputError, Problem
from provisioner.fleet.patterns import Conditions
from provisioner.roster.check import guessed
from provisioner.roster.crosscheck import between_files
from provisioner.roster.inventory import Devices
from provisioner.roster.model import Note, Person, Plain, Roster, Service, SourceRead
from provisioner.roster.people import People
from provisioner.roster.problems import Problems
from provisioner.roster.records import DeviceFile, GroupFile, PeopleFile, PlainFile, SourceFile


def of_plain(plain: Plain) -> Roster:
    """Return the roster of one plain file."""
    read = SourceRead(plain.file, "plain", plain.digest, len(plain.entries), plain.ignored_columns)
    file = PlainFile(read, plain.entries, plain.expired)
    return join([file], label=plain.file, tenant=plain.tenant, today=date.min)


def join(
    files: Sequence[SourceFile],
    *,
    label: str,
    identity: Literal["mail", "upn"] = "mail",
    domains: Collection[str] = (),
    exclude: Conditions | None = None,
    groups: re.Pattern[str] | None = None,
    tenant: str | None = None,
    today: date,
) -> Roster:
    """Return everybody and everything that the files tell, joined.

    Args:
        files: in the order of their sources; each one's records are taken once.
        label: what people call the whole.
        identity: which address of a person is sent.
        domains: the only ones of addresses, canonical; none: any.
        exclude: facts for which people are left out.
        groups: the groups that rules ask about (`fleet.patterns.pattern`); None: none.
        tenant: None: what the domains of the people give away.
        today: a device that was seen later than tomorrow was seen at no known time.

    Raises:
        InputError: with the problems of all files together, those of reading them included.
    """
    names = [file.read.file for file in files]
    people = People(names, identity, domains, exclude or {})
    devices = Devices(names, today)
    problems = _read(files, people, devices)
    if problems:
        raise InputError(problems)
    plain = [file for file in files if isinstance(file, PlainFile)]
    rows = [row for file in plain for row in file.entries]
    problems, notes = people.settle()
    for number, file in enumerate(files):
        if isinstance(file, PlainFile):
            people.add_plain(file, number)
    if len(files) > 1:  # one file's rows were held against one another when it was read
        problems += between_files(rows, people.of_row)
    notes += devices.choose()
    devices.find_owners(people)
    problems += devices.attach(rows, people)
    members, strangers = _memberships(files, groups, people, problems)
    called = people.names()
    everybody = tuple(people.persons(called, members, devices.owners))
    services = tuple(Service(row.email, row.owner or "", row) for row in rows if row.kind == "service")
    everything = tuple(devices.made(called))
    some = any(isinstance(file, PeopleFile) for file in files) or not (everything or services)
    if some and all(person.left_out for person in everybody):
        problems.append(_nobody(label, len(everybody)))
    tenant = tenant or _tenant(everybody, services, label, problems)
    if problems or tenant is None:
        raise InputError(problems)
    return Roster(
        label,
        _digest(files),
        tenant,
        everybody,
        everything,
        services,
        tuple(row for file in plain for row in file.expired),
        tuple(file.read for file in files),
        any(isinstance(file, DeviceFile) for file in files),
        (*notes, *strangers),
    )


def _read(files: Sequence[SourceFile], people: People, devices: Devices) -> list[Problem]:
    """Read people and devices; with a problem in one file the other ones are read for theirs."""
    problems: list[Problem] = []
    for number, file in enumerate(files):
        try:
            if isinstance(file, PeopleFile):
                people.add(file, number)
            elif isinstance(file, DeviceFile):
                devices.add(file, number)
        except InputError as exc:
            problems += exc.problems
    if problems:
        for file in files:
            try:
                if isinstance(file, GroupFile):
                    deque(file.records, maxlen=0)
            except InputError as exc:
                problems += exc.problems
    return problems


def _memberships(
    files: Iterable[SourceFile], asked: re.Pattern[str] | None, people: People, problems: list[Problem]
) -> tuple[list[tuple[str, ...]], list[Note]]:
    """Return the groups of each account's person, and how many members of each group nobody knows.

    Groups are taken by name, so that each person's are sorted, and equal ones are one object.
    """
    found: list[tuple[str, ...]] = [()] * len(people)
    named: dict[str, list[GroupFile]] = {}
    for file in files:
        if isinstance(file, GroupFile) and asked and asked.match(file.group.strip().casefold()):
            named.setdefault(file.group.strip(), []).append(file)
    notes: list[Note] = []
    for group in sorted(named):
        strangers = 0
        for file in named[group]:
            try:
                strangers += _members(file, group, people, found)
            except InputError as exc:
                problems += exc.problems
        if strangers:
            message = f"{strangers} of its members are in no people's file"
            notes.append(Note("STRANGERS_IN_GROUP", group, message))
    return found, notes


def _members(file: GroupFile, group: str, people: People, found: list[tuple[str, ...]]) -> int:
    """Add a group to its members; return how many of them nobody knows: devices, nested groups, others."""
    of_id, of_address = people.ids.get, people.addresses.get
    larger: dict[tuple[str, ...], tuple[str, ...]] = {}
    strangers = 0
    for _row, directory_id, upn, mail in file.records:
        at = of_id(directory_id.lower())
        if at is None:
            at = of_address(upn.lower())
        if at is None:
            at = of_address(mail.lower())
        if at is None:
            strangers += 1
            continue
        before = found[at]
        if group not in before:
            found[at] = larger.get(before) or larger.setdefault(before, (*before, group))
    return strangers


def _tenant(
    people: Iterable[Person], services: Iterable[Service], label: str, problems: list[Problem]
) -> str | None:
    domains = {person.identity.partition("@")[2] for person in people if person.left_out is None}
    domains.update(service.owner.partition("@")[2] for service in services)
    unclear = Problems(label)
    tenant = guessed(domains, unclear)
    if tenant is None and not problems:
        problems += unclear.error().problems
    return tenant


def _nobody(label: str, left_out: int) -> Problem:
    """Say that nobody is there; taken as it stands it would mean that everybody left (T11)."""
    if left_out:
        message = f"all {left_out} people of the sources are left out"
        return Problem(label, None, None, "EMPTY_ROSTER", message, "check roster.exclude and roster.domains")
    message = "the sources have headers and no people"
    return Problem(label, None, None, "EMPTY_ROSTER", message, "check the exports that made them")


def _digest(files: Sequence[SourceFile]) -> str:
    if len(files) == 1:
        return files[0].read.sha256
    return digest.of([[file.read.file, file.read.preset, file.read.sha256] for file in files])

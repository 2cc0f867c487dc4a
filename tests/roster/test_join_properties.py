"""The order of files and rows decides nothing in a joined roster but places and order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import InputError
from provisioner.fleet.patterns import pattern
from provisioner.roster.join import join
from provisioner.roster.model import Entry, Place, Roster, SourceRead
from provisioner.roster.records import (
    DeviceFile,
    DeviceRecord,
    GroupFile,
    MemberRecord,
    PeopleFile,
    PersonRecord,
    PlainFile,
    SourceFile,
)

TODAY = date(2026, 11, 20)
# Few values, so that records meet in every way.
ADDRESS = st.sampled_from(
    [
        "a@x.com",
        "A@X.com",
        "b@x.com",
        "c@x.com",
        "svc-d@x.com",
        "o'e@x.com",
        "f@other.com",
        "g_x#EXT#@x.com",
        "",
    ]
)
ID = st.sampled_from(["", "1", "2", "3", "4"])
PERSON = st.tuples(
    ADDRESS,
    ADDRESS,
    st.lists(ADDRESS, max_size=2).map(tuple),
    ID,
    st.sampled_from(["Ann", "Bob", ""]),
    st.booleans(),
    st.sampled_from([{}, {"type": "Guest"}, {"type": "Member", "department": "Eng"}]),
)
DEVICE = st.tuples(
    st.sampled_from(["S1", "s1", "S2", "0", "VMware-56 4d", ""]),
    st.sampled_from(["11", "12", ""]),
    st.just(""),
    st.sampled_from(["mac-1", "mac-2"]),
    st.just("macos"),
    ID,
    ADDRESS,
    ADDRESS,
    st.just("company"),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 3).map(lambda days: TODAY - timedelta(days))),
    st.just({}),
)
MEMBER = st.tuples(ID, ADDRESS, ADDRESS)
ROW = st.tuples(
    st.sampled_from(["a@x.com", "b@x.com", "h@x.com"]),
    st.sampled_from(["eng", "ops"]),
    st.sampled_from([None, "S1", "S3"]),
    st.sampled_from(["person", "person", "device"]),
)
FILE = st.one_of(
    st.tuples(st.sampled_from(["entra-users", "okta-users-json"]), st.lists(PERSON, min_size=1, max_size=4)),
    st.tuples(
        st.sampled_from(["intune-devices", "jamf-computers"]), st.lists(DEVICE, min_size=1, max_size=3)
    ),
    st.tuples(st.sampled_from(["AI-1", "ai-2"]), st.lists(MEMBER, max_size=3)),
    st.tuples(st.just("plain"), st.lists(ROW, max_size=3)),
)
SPECS = st.lists(FILE, min_size=1, max_size=5)


def source(number: int, kind: str, rows: Sequence[tuple[Any, ...]]) -> SourceFile:
    name = f"{number}.csv"
    read = SourceRead(name, kind, "0" * 64, len(rows))
    numbered = [(at, *row) for at, row in enumerate(rows, 2)]
    if kind in ("entra-users", "okta-users-json"):
        return PeopleFile(read, [PersonRecord(*row) for row in numbered])
    if kind in ("intune-devices", "jamf-computers"):
        mdm = "intune" if kind == "intune-devices" else "jamf"
        return DeviceFile(read, mdm, [DeviceRecord(*row) for row in numbered])
    if kind == "plain":
        return PlainFile(
            read,
            tuple(
                Entry(at, email, team, "prod", team, serial=serial, kind=kind, file=name)
                for at, email, team, serial, kind in numbered
            ),
        )
    return GroupFile(read, kind, [MemberRecord(*row) for row in numbered])


def joined(files: Sequence[SourceFile], identity: Any) -> Roster | set[str]:
    exclude = {"enabled": (False,), "type": ("Guest",)}
    try:
        return join(
            files,
            label="fleet",
            identity=identity,
            domains=["x.com"],
            exclude=exclude,
            groups=pattern(["AI-*"]),
            tenant="acme",
            today=TODAY,
        )
    except InputError as refused:
        return {problem.code for problem in refused.problems}


def content(roster: Roster) -> tuple[Any, ...]:
    """Return what a roster says, without places and order."""
    nowhere = Place("", 0)

    def rows(entries: Sequence[Entry]) -> list[tuple[Any, ...]]:
        return sorted((e.email, e.team, e.serial or "", e.kind) for e in entries)

    people = sorted(
        (repr(p._replace(place=nowhere, rows=())), rows(p.rows))
        for p in roster.people
        if not p.identity.startswith("id:") or p.directory_id
    )
    devices = sorted(
        (repr(d._replace(place=nowhere, rows=(), also=())), rows(d.rows), len(d.also))
        for d in roster.devices
        if ".csv" not in d.id
    )
    return people, devices, sorted(roster.notes)


@pytest.mark.covers("T14", "T16", "S175")
@settings(deadline=None, max_examples=300)
@given(SPECS, st.sampled_from(["mail", "upn"]), st.randoms(use_true_random=False))
def test_order_changes_nothing_but_places(
    specs: list[tuple[str, list[tuple[Any, ...]]]], identity: str, shuffled: random.Random
) -> None:
    first = joined([source(n, *spec) for n, spec in enumerate(specs)], identity)
    again = [(kind, shuffled.sample(rows, len(rows))) for kind, rows in shuffled.sample(specs, len(specs))]
    second = joined([source(n, *spec) for n, spec in enumerate(again)], identity)
    if isinstance(first, Roster):
        assert isinstance(second, Roster)
        assert content(first) == content(second)
    else:
        assert first == second


@pytest.mark.covers("T16", "S175")
@settings(deadline=None, max_examples=200)
@given(SPECS, st.sampled_from(["mail", "upn"]))
def test_nobody_is_lost_doubled_or_merged(
    specs: list[tuple[str, list[tuple[Any, ...]]]], identity: str
) -> None:
    roster = joined([source(n, *spec) for n, spec in enumerate(specs)], identity)
    if not isinstance(roster, Roster):
        assert roster
        assert roster <= {"IDENTITY_TWICE", "SERIAL_TWICE", "DUPLICATE_ROW", "EMPTY_ROSTER"}
        return
    names = [person.identity for person in roster.people]
    assert len(names) == len(set(names))
    aliases = [alias for person in roster.people for alias in person.aliases]
    assert len(aliases) == len(set(aliases))
    assert set(aliases).isdisjoint(names)
    ids = [device.id for device in roster.devices]
    assert len(ids) == len(set(ids))
    assert {device.owner for device in roster.devices} <= {None, *names}
    accounts = {
        (kind, row[3])
        for kind, rows in specs
        if kind in ("entra-users", "okta-users-json")
        for row in rows
        if row[3]
    }
    known = {person.directory_id for person in roster.people}
    assert known - {None} <= {directory_id for _kind, directory_id in accounts}
    entries = [row for kind, rows in specs if kind == "plain" for row in rows if row[3] == "person"]
    assert sum(len(person.rows) for person in roster.people) == len(entries)
    assert [p.place.row >= 2 for p in roster.people] == [True] * len(names)
    order = [(p.place.file, p.place.row) for p in roster.people]
    assert order == sorted(order)

"""Who is who and whose device is which: the cases, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest

from provisioner.errors import InputError, Problem
from provisioner.fleet.patterns import pattern
from provisioner.roster import RosterOptions, join, read_roster
from provisioner.roster.model import Device, Facts, LeftOut, Person, Place, Roster, SourceRead
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
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def read(file: str, preset: str) -> SourceRead:
    return SourceRead(file, preset, "0" * 64, 0)


def someone(
    mail: str,
    upn: str = "",
    id: str = "",
    *others: str,
    enabled: bool = True,
    name: str = "",
    facts: Facts | None = None,
) -> PersonRecord:
    return PersonRecord(0, mail, upn, others, id, name, enabled, facts or {})


def users(*records: PersonRecord, file: str = "users.csv", preset: str = "entra-users") -> PeopleFile:
    return PeopleFile(read(file, preset), [r._replace(row=n) for n, r in enumerate(records, 2)])


def machine(
    serial: str,
    *,
    mdm_id: str = "",
    id: str = "",
    upn: str = "",
    email: str = "",
    seen: date | None = None,
    managed: bool = True,
) -> DeviceRecord:
    return DeviceRecord(0, serial, mdm_id, "", "", "macos", id, upn, email, "company", managed, seen, {})


def devices(*records: DeviceRecord, mdm: Any = "jamf") -> DeviceFile:
    return DeviceFile(
        read(f"{mdm}.csv", f"{mdm}-devices"), mdm, [r._replace(row=n) for n, r in enumerate(records, 2)]
    )


def plain(text: str, file: str = "org.csv") -> PlainFile:
    found = read_roster(text.encode(), file=file, today=TODAY, options=RosterOptions(tenant="acme"))
    return PlainFile(read(file, "plain"), found.entries, found.expired)


def joined(*files: SourceFile, **options: Any) -> Roster:
    chosen = {"exclude": {"enabled": (False,), "type": ("Guest",)}, "tenant": "acme"} | options
    return join.join(files, label="provision.toml", today=TODAY, **chosen)


def problems(*files: SourceFile, **options: Any) -> list[tuple[str, int | None, str]]:
    with pytest.raises(InputError) as refused:
        joined(*files, **options)
    return [(p.file, p.row, p.code) for p in refused.value.problems]


def people(roster: Roster) -> dict[str, Person]:
    return {person.identity: person for person in roster.people}


def owners(roster: Roster) -> dict[str, str | None]:
    return {device.id: device.owner for device in roster.devices}


ALICE = someone("Alice@Acme.com", "u1@acme.com", "ID-1", name="Alice")
BOB = someone("bob@acme.com", "bob@acme.com", "id-2")


# People


@pytest.mark.covers("S175")
def test_identity_is_chosen_once_and_the_rest_are_aliases() -> None:
    by_mail = people(joined(users(ALICE, BOB)))
    assert by_mail["alice@acme.com"].aliases == ("u1@acme.com",)
    assert by_mail["bob@acme.com"].aliases == ()
    assert by_mail["alice@acme.com"].place == Place("users.csv", 2)
    by_upn = people(joined(users(ALICE, BOB), identity="upn"))
    assert by_upn["u1@acme.com"].aliases == ("alice@acme.com",)


def test_a_guest_is_called_by_mail_and_the_ext_name_is_an_alias() -> None:
    guest = someone("eve@other.com", "eve_other.com#EXT#@acme.com", "3")
    found = joined(users(guest), identity="upn")
    assert found.people[0].identity == "eve@other.com"
    assert found.people[0].aliases == ("eve_other.com#ext#@acme.com",)


@pytest.mark.covers("T16")
def test_one_human_in_several_directories_and_files() -> None:
    okta = users(
        someone("alice@acme.com", "", "00u1", "a.nguyen@acme.com"), file="okta.json", preset="okta-users-json"
    )
    rows = plain("email,team,env\na.nguyen@acme.com,Eng,prod\nnew@acme.com,Ops,prod\n")
    found = joined(rows, okta, users(ALICE, BOB))
    alice = people(found)["alice@acme.com"]
    assert alice.aliases == ("a.nguyen@acme.com", "u1@acme.com")
    assert alice.directory_id == "ID-1"
    assert [row.team for row in alice.rows] == ["eng"]
    # in order of the first row that names each, the plain file being the first source
    assert [(p.identity, p.place.file) for p in found.people] == [
        ("alice@acme.com", "org.csv"),
        ("new@acme.com", "org.csv"),
        ("bob@acme.com", "users.csv"),
    ]


@pytest.mark.covers("T16")
def test_a_recreated_account_is_one_person_and_the_one_in_use_counts() -> None:
    old = someone("alice@acme.com", "old@acme.com", "id-0", enabled=False)
    found = joined(users(old, ALICE), devices(machine("S1", id="id-0")))
    (alice,) = found.people
    assert (alice.directory_id, alice.left_out) == ("ID-1", None)
    assert alice.aliases == ("old@acme.com", "u1@acme.com")
    assert owners(found) == {"S1": "alice@acme.com"}


@pytest.mark.covers("T16")
def test_two_accounts_in_use_with_one_address_stop_the_run() -> None:
    again = someone("ALICE@acme.com", "u9@acme.com", "id-9")
    assert problems(users(ALICE, BOB, again)) == [("users.csv", 4, "IDENTITY_TWICE")]
    with pytest.raises(InputError, match="1 problem"):
        joined(users(ALICE, again))
    split = problems(users(again, file="b.csv"), users(ALICE, file="c.csv"))
    assert split == [("c.csv", 2, "IDENTITY_TWICE")]


@pytest.mark.covers("T16")
def test_a_shared_mailbox_identifies_nobody_and_merges_nobody() -> None:
    alice = someone("alice@acme.com", "", "1", "it@acme.com")
    bob = someone("bob@acme.com", "", "2", "it@acme.com")
    found = joined(users(alice, bob), devices(machine("S1", email="it@acme.com")))
    assert [p.aliases for p in found.people] == [(), ()]
    assert owners(found) == {"S1": None}
    (note,) = found.notes
    assert (note.code, note.subject) == ("SHARED_ADDRESS", "it@acme.com")
    assert note.message == "is an address of alice@acme.com, bob@acme.com; it identifies nobody"


@pytest.mark.covers("T16")
def test_a_chain_of_addresses_joins_no_two_people_of_one_directory() -> None:
    okta = users(
        someone("x@acme.com", "u1@acme.com", "00u", "bob2@acme.com"), file="o.json", preset="okta-users-json"
    )
    bob = someone("bob@acme.com", "bob2@acme.com", "id-2")
    found = joined(users(ALICE, bob), okta)
    assert sorted(people(found)) == ["alice@acme.com", "bob@acme.com", "x@acme.com"]
    assert all("u1@acme.com" not in p.aliases for p in found.people)


def test_somebody_in_use_goes_before_a_disabled_account_with_the_same_address() -> None:
    gone = someone("u1@acme.com", "gone@acme.com", "id-7", enabled=False)
    found = people(joined(users(gone, ALICE)))
    assert found["alice@acme.com"].aliases == ("u1@acme.com",)
    assert found["gone@acme.com"].left_out == LeftOut("DISABLED", 'enabled is "false"')


@pytest.mark.covers("T15", "T25")
@pytest.mark.parametrize(
    ("record", "reason", "identity"),
    [
        (someone("c@acme.com", enabled=False), "DISABLED", "c@acme.com"),
        (someone("c@acme.com", facts={"type": "guest "}), "GUEST", "c@acme.com"),
        (someone("c@acme.com", facts={"department": "Sales EMEA"}), "EXCLUDED", "c@acme.com"),
        (someone("", "c@acme.com"), "NO_EMAIL", "c@acme.com"),
        (someone("", "", "id-3"), "NO_EMAIL", "id:id-3"),
        (someone("c@acme.local", "", "id-3"), "NO_EMAIL", "c@acme.local"),
        (someone("o'brien@acme.com", "c@acme.com"), "EMAIL_UNSAFE", "c@acme.com"),
        (someone("\u0430lice@acme.com"), "EMAIL_UNSAFE", "\u0430lice@acme.com"),
        (someone("c@evil.com"), "DOMAIN_NOT_ALLOWED", "c@evil.com"),
        (someone("svc-backup@acme.com"), "SERVICE_ACCOUNT", "svc-backup@acme.com"),
        (someone("noreply@acme.com"), "SERVICE_ACCOUNT", "noreply@acme.com"),
        (someone("Administrator@acme.com"), "SERVICE_ACCOUNT", "administrator@acme.com"),
        (someone("rootes@acme.com"), None, "rootes@acme.com"),
        (someone("c@acme.com", facts={"department": ""}), None, "c@acme.com"),
    ],
)
def test_who_is_left_out_and_why(record: PersonRecord, reason: str | None, identity: str) -> None:
    exclude = {"enabled": (False,), "type": ("Guest",), "Department": ("Sales*", "Temp")}
    found = people(joined(users(BOB, record), exclude=exclude, domains=("acme.com",)))
    left_out = found[identity].left_out
    assert (left_out.reason if left_out else None) == reason
    assert found["bob@acme.com"].left_out is None


def test_a_service_account_with_a_device_or_a_row_is_somebody() -> None:
    svc, root = someone("svc-eva@acme.com"), someone("root@acme.com")
    rows = plain("email,team,env\nroot@acme.com,Eng,prod\n")
    found = people(joined(users(svc, root), devices(machine("S1", email="svc-eva@acme.com")), rows))
    assert [found[name].left_out for name in ("svc-eva@acme.com", "root@acme.com")] == [None, None]


def test_a_plain_row_gives_an_address_to_whom_the_directory_has_none() -> None:
    found = joined(users(someone("", "c@acme.com", "3"), BOB), plain("email,team,env\nc@acme.com,Eng,prod\n"))
    assert people(found)["c@acme.com"].left_out is None


@pytest.mark.covers("T11")
def test_nobody_at_all_is_a_problem() -> None:
    assert problems(users()) == [("provision.toml", None, "EMPTY_ROSTER")]
    assert problems(users(someone("a@acme.com", enabled=False)), devices(machine("S1"))) == [
        ("provision.toml", None, "EMPTY_ROSTER")
    ]


def test_the_tenant_comes_from_those_who_are_not_left_out() -> None:
    guest = someone("eve@other.com", facts={"type": "Guest"})
    assert joined(users(BOB, guest), tenant=None).tenant == "acme"
    assert problems(users(BOB, someone("eve@other.com")), tenant=None) == [
        ("provision.toml", None, "TENANT_UNCLEAR")
    ]


def broken(file: str) -> Iterator[Any]:
    raise InputError([Problem(file, 2, None, "BAD_QUOTES", "", "")])
    yield


def test_the_problems_of_all_files_come_at_once() -> None:
    one = PeopleFile(read("a.csv", "entra-users"), broken("a.csv"))
    two = DeviceFile(read("b.csv", "jamf-computers"), "jamf", broken("b.csv"))
    three = GroupFile(read("c.csv", "entra-group-members"), "AI", broken("c.csv"))
    assert [file for file, _row, _code in problems(one, two, three)] == ["a.csv", "b.csv", "c.csv"]


# Groups


def group(name: str, *members: tuple[str, str, str]) -> GroupFile:
    records = [MemberRecord(n, *member) for n, member in enumerate(members, 2)]
    return GroupFile(read(f"{name}.csv", "entra-group-members"), name, records)


def test_groups_by_id_upn_and_mail() -> None:
    files = (
        users(ALICE, BOB, someone("c@acme.com", "c@acme.com", "3")),
        group("AI-Z", ("id-1", "", ""), ("", "BOB@acme.com", ""), ("nested", "", ""), ("", "", "who@x.com")),
        group("ai-A ", ("", "", "alice@acme.com"), ("id-2", "", ""), ("id-2", "", "")),
        group("Sales", ("id-1", "", "")),
    )
    found = joined(*files, groups=pattern(["AI-*"]))
    alice, bob, carol = found.people
    assert alice.groups == ("AI-Z", "ai-A")
    assert bob.groups is alice.groups
    assert carol.groups == ()
    assert [tuple(note) for note in found.notes] == [
        ("STRANGERS_IN_GROUP", "AI-Z", "2 of its members are in no people's file")
    ]
    assert all(person.groups == () for person in joined(*files).people)


# Devices


def test_owners_by_id_then_upn_then_mail_and_what_the_mdm_calls_them() -> None:
    found = joined(
        users(ALICE, BOB),
        devices(
            machine("s1", id="id-1", upn="bob@acme.com", email="A.Nguyen@acme.com"),
            machine("S2", id="unknown", upn="BOB@acme.com", email="alice@acme.com"),
            machine("S3", email="a.nguyen@acme.com"),
            machine("S4", email="who@acme.com"),
            machine("S5"),
        ),
    )
    assert owners(found) == {
        "S1": "alice@acme.com", "S2": "bob@acme.com", "S3": "alice@acme.com", "S4": None, "S5": None,
    }  # fmt: skip
    assert found.devices[0].serial == "s1"
    assert found.devices[0].user_email == "A.Nguyen@acme.com"
    assert people(found)["alice@acme.com"].aliases == ("a.nguyen@acme.com", "u1@acme.com")
    assert people(found)["bob@acme.com"].aliases == ()
    assert found.inventory


def test_what_an_mdm_calls_two_people_is_nobodys_alias() -> None:
    both = machine("S1", id="id-1", email="it@acme.com"), machine("S2", id="id-2", email="it@acme.com")
    found = joined(users(ALICE, BOB), devices(*both, machine("S3", email="it@acme.com")))
    assert all("it@acme.com" not in person.aliases for person in found.people)
    assert owners(found)["S3"] is None


def test_the_device_of_somebody_left_out_keeps_its_owner() -> None:
    gone = someone("c@acme.com", enabled=False)
    found = joined(users(BOB, gone), devices(machine("S1", upn="C@acme.com")))
    assert people(found)["c@acme.com"].left_out
    assert owners(found) == {"S1": "c@acme.com"}


@pytest.mark.parametrize(
    "serial",
    [
        *("", "0", "000000", "None", "System Serial Number", "To be filled by O.E.M.", "Default string"),
        *("VMware-56 4d 1a", "VMware-564D", "Not Specified", "C02\u200b", "x" * 65),
    ],
)
def test_a_placeholder_is_no_serial_number(serial: str) -> None:
    found = joined(users(BOB), devices(machine(serial, mdm_id="17"), machine(serial, mdm_id="18")))
    assert [(d.id, d.serial) for d in found.devices] == [("jamf:17", None), ("jamf:18", None)]


def chosen(*files: DeviceFile) -> Device:
    (device,) = joined(users(BOB), *files).devices
    return device


def test_of_several_records_the_one_seen_last_counts() -> None:
    again = chosen(devices(machine("S1", mdm_id="1", seen=JUNE), machine("s1", mdm_id="2", seen=MAY)))
    assert (again.mdm_id, again.also) == ("1", (Place("jamf.csv", 3),))
    moved = chosen(devices(machine("S1", seen=MAY)), devices(machine("S1", seen=JUNE), mdm="kandji"))
    assert (moved.mdm, moved.also) == ("kandji", (Place("jamf.csv", 2),))
    # a date to come is a wrong clock
    clock = chosen(
        devices(machine("S1", seen=date(2031, 1, 1))), devices(machine("S1", seen=MAY), mdm="kandji")
    )
    assert clock.mdm == "kandji"


def test_where_no_date_chooses_management_does_and_intune_comes_last() -> None:
    left = chosen(devices(machine("S1", managed=False)), devices(machine("S1"), mdm="kandji"))
    assert left.mdm == "kandji"
    partner = chosen(devices(machine("S1", seen=MAY)), devices(machine("S1", seen=MAY), mdm="intune"))
    assert partner.mdm == "jamf"


@pytest.mark.parametrize("seen", [None, MAY])
@pytest.mark.parametrize("turned", [False, True])
def test_two_mdms_that_nothing_chooses_from_are_told_and_stop_nothing(
    seen: date | None, turned: bool
) -> None:
    """As on the day on which a fleet moves from Jamf to Kandji."""
    records = [machine(serial, seen=seen) for serial in ("S1", "S2")]
    both = [devices(machine("S0"), *records), devices(*records, mdm="kandji")]
    both.append(devices(*records, mdm="intune"))
    roster = joined(users(BOB), *(reversed(both) if turned else both))
    assert {d.id: d.mdm for d in roster.devices} == {"S0": "jamf", "S1": "kandji", "S2": "kandji"}
    [note] = roster.notes
    assert (note.code, note.subject) == ("DEVICE_IN_TWO_MDMS", "kandji, jamf")
    assert note.message == (
        '2 devices stand in both, and neither saw it later; kandji counts: "S1" is taken from kandji.csv, row'
        " 2, and also stands at jamf.csv, row 3"
    )


def test_two_mdms_of_which_a_date_management_or_intunes_part_chooses_need_no_word() -> None:
    for one, other in (
        (devices(machine("S1", seen=JUNE)), devices(machine("S1", seen=MAY), mdm="kandji")),
        (devices(machine("S1")), devices(machine("S1", managed=False), mdm="kandji")),
        (devices(machine("S1", seen=MAY)), devices(machine("S1", seen=MAY), mdm="intune")),
    ):
        roster = joined(users(BOB), one, other)
        assert ([d.mdm for d in roster.devices], roster.notes) == (["jamf"], ())


# Plain rows


def test_rows_with_a_serial_number_belong_to_their_devices() -> None:
    rows = plain(
        "email,team,env,serial,kind,platform\n"
        "alice@acme.com,Eng,prod,s1,,\n"
        "alice@acme.com,Eng,prod,S2,,mac\n"
        ",Eng,prod,KIOSK-1,device,win\n"
        "bob@acme.com,Eng,prod,KIOSK-2,device,\n"
    )
    found = joined(users(ALICE, BOB), rows, devices(machine("S1", id="id-2")))
    assert [(d.id, d.owner, d.mdm, d.platform, len(d.rows)) for d in found.devices] == [
        ("S1", "alice@acme.com", "jamf", "macos", 1),
        ("S2", "alice@acme.com", None, "macos", 1),
        ("KIOSK-1", None, None, "windows", 1),
        ("KIOSK-2", "bob@acme.com", None, None, 1),
    ]
    assert [len(p.rows) for p in found.people] == [2, 0]


def test_services_are_no_people() -> None:
    rows = plain("email,team,env,owner\nbob@acme.com,Eng,prod,\nSVC:Build-Farm,Eng,prod,Bob@acme.com\n")
    found = joined(rows)
    assert [p.identity for p in found.people] == ["bob@acme.com"]
    (service,) = found.services
    assert (service.id, service.owner, service.place) == (
        "svc:build-farm",
        "bob@acme.com",
        Place("org.csv", 3),
    )


@pytest.mark.covers("T14", "T16")
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("a@acme.com,Eng,prod,,", "b@acme.com,eng,prod,,", "TEAM_COLLISION"),
        ("a@acme.com,a-b,c,,", "b@acme.com,a,b-c,,", "ASSIGNMENT_COLLISION"),
        ("alice@acme.com,Eng,prod,,", "u1@acme.com,Eng,prod,,", "DUPLICATE_ROW"),
        ("a@acme.com,Eng,prod,S1,", "b@acme.com,Eng,prod,s1,", "SERIAL_TWICE"),
        ("svc:ci,Eng,prod,,a@acme.com", "svc:ci,Eng,prod,,a@acme.com", "SERVICE_TWICE"),
        ("a@acme.com,Eng,prod,S1,", "a@acme.com,Eng,prod,S2,", None),
        ("a@acme.com,Eng,prod,,", "b@acme.com,Eng,prod,,", None),
    ],
)
def test_rows_of_two_files_against_one_another(first: str, second: str, code: str | None) -> None:
    header = "email,team,env,serial,owner\n"
    files = users(ALICE), plain(header + first, "one.csv"), plain(header + second, "two.csv")
    if code is None:
        assert joined(*files).people
    else:
        assert problems(*files) == [("two.csv", 2, code)]


def test_a_single_plain_file_goes_the_same_way() -> None:
    rows = "b@acme.com,Eng,prod,Bea,S1\na@acme.com,Ops,prod,,\nb@acme.com,Ops,dev,,\n"
    text = f"email,team,env,name,serial\n{rows}"
    found = read_roster(text.encode(), file="org.csv", today=TODAY, options=RosterOptions())
    roster = join.of_plain(found)
    assert (roster.file, roster.digest, roster.tenant) == ("org.csv", found.digest, "acme")
    assert [(p.identity, p.aliases, p.place.row, p.name, len(p.rows)) for p in roster.people] == [
        ("b@acme.com", (), 2, "Bea", 2),
        ("a@acme.com", (), 3, None, 1),
    ]
    assert [(d.id, d.owner) for d in roster.devices] == [("S1", "b@acme.com")]
    assert not roster.inventory


def rows_of(text: str) -> Sequence[tuple[int | None, str | None, str]]:
    with pytest.raises(InputError) as refused:
        plain("email,team,env,kind,serial,owner\n" + text)
    return [(p.row, p.column, p.code) for p in refused.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.com,Eng,prod,robot,,", [(2, "kind", "KIND_UNKNOWN")]),
        (",Eng,prod,,,", [(2, "email", "EMAIL_MISSING")]),
        (",Eng,prod,device,,", [(2, "serial", "SERIAL_MISSING")]),
        ("oops,Eng,prod,device,S1,", [(2, "email", "EMAIL_INVALID")]),
        (",Eng,prod,device,S1,\n,Eng,prod,device,s1,", [(3, "serial", "DUPLICATE_ROW")]),
        ("svc:ci,Eng,prod,,,", [(2, "owner", "OWNER_MISSING")]),
        ("svc:ci,Eng,prod,person,,", [(2, "email", "EMAIL_INVALID")]),
        ("svc:ci,Eng,prod,,,nobody", [(2, "owner", "EMAIL_INVALID")]),
        ("svc:ci,Eng,prod,service,S1,a@x.com", [(2, "serial", "SERVICE_WITH_SERIAL")]),
        ("svc:c i,Eng,prod,,,a@x.com", [(2, "email", "SERVICE_INVALID")]),
        ("ci@x.com,Eng,prod,service,,a@x.com", [(2, "email", "SERVICE_INVALID")]),
        ("svc:ci,Eng,prod,,,a@x.com\nsvc:ci,Ops,prod,,,a@x.com", [(3, "email", "SERVICE_TWICE")]),
        ("svc:ci,Eng,prod,,,a@x.com\nSVC:CI,Eng,prod,,,a@x.com", [(3, "email", "DUPLICATE_ROW")]),
        ("a@x.com,Eng,prod,,S1,\na@x.com,Eng,prod,,s1,", [(3, "email", "DUPLICATE_ROW")]),
        ("a@x.com,Eng,prod,,S1,\na@x.com,Eng,prod,,,", [(3, "email", "DUPLICATE_ROW")]),
    ],
)
def test_refused_rows_of_the_other_kinds(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert rows_of(text) == expected


def test_columns_that_are_declared_as_metadata_stay_so() -> None:
    options = RosterOptions(tenant="acme", metadata_columns=("kind", "owner"))
    text = b"email,team,env,kind,owner\na@acme.com,Eng,prod,contractor,R&D\n"
    (entry,) = read_roster(text, file="org.csv", today=TODAY, options=options).entries
    assert (entry.kind, entry.owner) == ("person", None)
    assert entry.extra == (("kind", "contractor"), ("owner", "R&D"))

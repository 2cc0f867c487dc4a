"""`_once/`: what fills groups and tags, in the form of each MDM's own import; no device in two groups."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.assign import Coverage
from provisioner.errors import ArtifactError, BrokenArtifact
from provisioner.fleet import Fleet
from provisioner.render import once
from provisioner.render.groups import groups
from provisioner.roster.model import Inventory
from tests.render.coverages import (
    ALICE,
    BOB,
    CAROL,
    ENG,
    EVE,
    MAC,
    PC,
    PC_2,
    RING_0,
    choice,
    company,
    covering,
    device,
    missed,
    on,
    person,
    table,
    unit,
)


def made(coverage: Coverage, fleet: Fleet | None = None) -> dict[str, list[list[str]]]:
    """Return the files below `_once/`, read as a console does."""
    found = once.tables(coverage, groups(coverage.assignments, fleet or Fleet()))
    return {t.path.removeprefix("_once/"): table(t.data) for t in found}


def test_which_files_there_are() -> None:
    assert list(made(company())) == [
        "jamf/inventory-preload.csv",
        "jamf/smart-groups.csv",
        "kandji/tags.csv",
        "intune/group-members-AIGateway-eng-prod-ring0.csv",
        "intune/group-members-AIGateway-eng-prod-ring0-classic.csv",
        "intune/group-members-AIGateway-eng-prod.csv",
        "intune/group-members-AIGateway-eng-prod-classic.csv",
        "intune/README.txt",
    ]


def test_the_preload_sets_the_assignment_and_only_the_addresses_that_jamf_lacks() -> None:
    assert made(company())["jamf/inventory-preload.csv"] == [
        [
            "Serial Number",
            "Device Type",
            "Username",
            "Full Name",
            "Email Address",
            "EA AI Gateway Assignment",
        ],
        ["C02A", "Computer", "", "", "", "eng-prod ring 0"],
        ["C02LAB", "Computer", "", "", "", "eng-prod-lab"],
        # not covered: the address that is missing, and no assignment before a run has seen it
        ["C02B", "Computer", "", "Bob", "bob@acme.com", ""],
    ]


@pytest.mark.covers("T25")
@pytest.mark.parametrize(
    ("seen", "written"),
    [
        ("alice@acme.com", ""),
        (" Alice@ACME.com", ""),
        ("alice.alias@acme.com", ""),
        ("", "alice@acme.com"),
        ("bob@acme.com", "alice@acme.com"),
    ],
)
def test_an_address_is_preloaded_where_jamf_has_none_of_the_persons(seen: str, written: str) -> None:
    member = on(MAC._replace(user_email=seen), ALICE, ENG, "eng-prod")
    rows = made(covering(unit("eng-prod", member)))["jamf/inventory-preload.csv"]
    assert rows[1][4] == written


def test_a_shared_mac_gets_nobodys_address() -> None:
    member = on(MAC._replace(user_email=""), ALICE, ENG, "lab-prod")
    rows = made(covering(unit("lab-prod", member, label="device:C02A")))["jamf/inventory-preload.csv"]
    assert rows[1] == ["C02A", "Computer", "", "", "", "lab-prod"]


def test_a_fix_is_ready_where_no_device_of_jamf_is_covered_yet() -> None:
    wrong = MAC._replace(user_email="bob@acme.com")
    coverage = covering(rest=(missed(wrong, ALICE, "EMAIL_OF_ANOTHER"), missed(PC, ALICE, "NO_EMAIL_IN_MDM")))
    assert made(coverage) == {
        "jamf/inventory-preload.csv": [
            list(once.PRELOAD_HEADER),
            ["C02A", "Computer", "", "Alice", "alice@acme.com", ""],
        ]
    }


def test_smart_groups_ask_for_what_the_preload_sets() -> None:
    first = device("C02C", "jamf", "macos", user_email="bob@acme.com")
    coverage = covering(
        unit("eng-prod", on(first, BOB, ENG, "eng-prod"), on(MAC, ALICE, RING_0, "eng-prod")),
        unit("ops-prod", on(device("C02D", "jamf", "macos"), CAROL, choice("ops"), "ops-prod")),
    )
    files = made(coverage)
    assert files["jamf/smart-groups.csv"] == [
        ["group", "criterion", "operator", "value", "and_or"],
        ["AIGateway eng-prod", "AI Gateway Assignment", "is", "eng-prod ring 0", ""],
        ["AIGateway eng-prod", "AI Gateway Assignment", "is", "eng-prod", "or"],
        ["AIGateway eng-prod ring 0", "AI Gateway Assignment", "is", "eng-prod ring 0", ""],
        ["AIGateway ops-prod", "AI Gateway Assignment", "is", "ops-prod", ""],
    ]
    asked = {row[3] for row in files["jamf/smart-groups.csv"][1:]}
    assert asked == {row[5] for row in files["jamf/inventory-preload.csv"][1:]}


def test_tags_are_one_for_each_mac() -> None:
    mac = device("FVX2", "kandji", "macos")
    coverage = covering(
        unit(
            "eng-prod",
            on(mac, ALICE, RING_0, "eng-prod"),
            on(device("FVX3", "kandji", "macos"), BOB, ENG, ""),
        ),
    )
    assert made(coverage) == {
        "kandji/tags.csv": [
            ["serial", "tag"],
            ["FVX2", "aigw-eng-prod-ring0"],
            ["FVX3", "aigw-eng-prod"],
        ]
    }


def leavers(mdm: Inventory) -> Coverage:
    """Return a company with one covered Mac, and with others that may have been so before."""
    here = partial(device, mdm=mdm, platform="macos")
    byod = choice("ext", scope="person", rule=0)
    return covering(
        unit("eng-prod", on(here("KEPT"), ALICE, ENG, "eng-prod")),
        unit("ext-prod-eve", on(here("HANDED"), EVE, byod, "ext-prod-eve"), channel="handout"),
        rest=(
            missed(here("NORULE"), BOB, "NO_RULE"),
            missed(here("RETURNED"), None, "NO_PERSON"),
            missed(here("LEAVERS"), None, "EMAIL_NOT_IN_ROSTER"),
            on(here("KEYONLY"), CAROL, ENG, "eng-prod", status="key-only"),
            missed(here("GUESTS"), BOB, "OWNER_LEFT_OUT")._replace(status="skipped"),
            # their keys go on being used until they are back, or mended
            missed(here("AWAY"), BOB, "NOT_CHECKED_IN_30D"),
            missed(here("OLD"), BOB, "CLIENT_TOO_OLD"),
            missed(device("TV", mdm, None), BOB, "NOT_A_COMPUTER"),
            missed(device("ELSEWHERE", "intune", "windows"), BOB, "NO_RULE"),
        ),
    )


LEFT = {"HANDED", "NORULE", "RETURNED", "LEAVERS", "KEYONLY", "GUESTS"}


def test_a_mac_that_lost_its_assignment_falls_out_of_every_smart_group() -> None:
    files = made(leavers("jamf"))
    assert [row[0] for row in files["jamf/inventory-preload.csv"][1:]] == ["KEPT"]
    header, *rows = files["jamf/inventory-preload-none.csv"]
    assert header == list(once.PRELOAD_HEADER)
    assert sorted(rows) == [[serial, "Computer", "", "", "", "none"] for serial in sorted(LEFT)]
    assert "none" not in {row[3] for row in files["jamf/smart-groups.csv"]}


def test_a_mac_that_lost_its_assignment_loses_its_tag() -> None:
    files = made(leavers("kandji"))
    assert files["kandji/tags.csv"] == [["serial", "tag"], ["KEPT", "aigw-eng-prod"]]
    header, *rows = files["kandji/tags-none.csv"]
    assert header == ["serial"]
    assert {serial for [serial] in rows} == LEFT


def test_an_mdm_without_groups_has_nothing_to_take_away() -> None:
    iru = missed(device("FVX2", "kandji", "macos"), BOB, "NO_RULE")
    assert made(covering(rest=(iru, missed(MAC, BOB, "NO_RULE")))) == {}


def test_who_only_opens_the_folder_reads_to_remove_before_importing() -> None:
    found = once.tables(company(), groups(company().assignments, Fleet()))
    text = next(t.data for t in found if t.path == "_once/intune/README.txt").decode()
    assert "only adds" in text
    assert text.index("remove each member") < text.index("import the files")


def test_both_forms_of_entras_import() -> None:
    files = made(company())
    name = "intune/group-members-AIGateway-eng-prod-ring0"
    assert files[f"{name}.csv"] == [["ObjectId"], [ALICE.directory_id]]
    assert files[f"{name}-classic.csv"] == [
        ["version:v1.0"],
        ["Member object ID or user principal name [memberObjectIdOrUpn] Required"],
        [ALICE.directory_id],
    ]


SAME = on(PC_2, ALICE, RING_0, "eng-prod")
ELSEWHERE = unit("ops-prod", on(PC_2, ALICE, choice("ops"), "ops-prod"))
GROUP = "AIGateway-eng-prod-ring0"
BY_HAND = [list(once.BY_HAND_HEADER), ["PF-1", "name of PF-1", "entra-PF-1", GROUP]]


@pytest.mark.parametrize(
    ("coverage", "group_of_people"),
    [
        (covering(unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod"), SAME)), True),
        (covering(unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod")), ELSEWHERE), False),
        (
            covering(unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod"), on(PC_2, ALICE, ENG, "eng-prod"))),
            False,
        ),
        (
            covering(
                unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod")), rest=(missed(PC_2, ALICE, "BYOD"),)
            ),
            False,
        ),
        (
            covering(
                unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod")),
                rest=(missed(PC_2, ALICE, "NOT_CHECKED_IN_30D"),),
            ),
            True,
        ),
        (
            covering(
                unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod")),
                rest=(missed(device("PHONE", "intune", None), ALICE, "NOT_A_COMPUTER"),),
            ),
            True,
        ),
        (
            covering(
                unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod")),
                rest=(missed(PC_2._replace(owner=ALICE.identity), None, "SHARED"),),
            ),
            False,
        ),
        (covering(unit("eng-prod", on(PC, ALICE, RING_0, "eng-prod"), label="device:PF-1")), False),
        (covering(unit("eng-prod", on(PC, person("alice", directory_id=None), RING_0, "eng-prod"))), False),
        (covering(unit("eng-prod", on(PC, None, RING_0, "eng-prod"))), False),
    ],
    ids=[
        "same",
        "two assignments",
        "two rings",
        "one left out",
        "gone",
        "phone",
        "a shared one",
        "label",
        "no id",
        "nobody's",
    ],
)
def test_a_group_of_people_never_reaches_another_computer(coverage: Coverage, group_of_people: bool) -> None:
    files = made(coverage)
    people = files.get("intune/group-members-AIGateway-eng-prod-ring0.csv")
    by_hand = files.get("intune/by-hand.csv")
    if group_of_people:
        assert (people, by_hand) == ([["ObjectId"], [ALICE.directory_id]], None)
    else:
        assert people is None
        assert by_hand is not None
        assert by_hand[:2] == BY_HAND


def test_what_the_fleet_file_does_not_name_gets_no_files() -> None:
    only_jamf = Fleet.model_validate({"mdm": ["jamf", "files"], "platforms": ["macos"]})
    assert {path.split("/")[0] for path in made(company(), only_jamf)} == {"jamf"}


def test_pools_services_and_handouts_are_in_no_group() -> None:
    text = str(made(company()))
    assert "VDI-1" not in text
    assert "LX-1" not in text
    assert ALICE.directory_id
    assert str(EVE.directory_id) not in text


def test_a_device_in_two_assignments_is_never_written() -> None:
    twice = covering(
        unit("eng-prod", on(MAC, ALICE, ENG, "eng-prod")), unit("ops-prod", on(MAC, ALICE, ENG, "ops-prod"))
    )
    with pytest.raises(BrokenArtifact, match='device "C02A" is in eng-prod and in ops-prod'):
        groups(twice.assignments, Fleet())
    # the same serial under two ids, which the first look can't see
    other = MAC._replace(id="jamf:2", serial="c02a")
    twice = covering(
        unit("eng-prod", on(MAC, ALICE, ENG, "eng-prod")), unit("ops-prod", on(other, ALICE, ENG, "ops-prod"))
    )
    with pytest.raises(BrokenArtifact, match='"c02a" would be in two groups of jamf'):
        made(twice)


def test_a_ring_that_is_called_like_another_assignment_is_refused() -> None:
    mac = device("FVX2", "kandji", "macos")
    other = device("FVX3", "kandji", "macos")
    coverage = covering(
        unit("eng-prod", on(mac, ALICE, RING_0, "eng-prod")),
        unit("eng-prod-ring0", on(other, BOB, ENG, "eng-prod-ring0")),
    )
    with pytest.raises(ArtifactError, match="two groups would be called aigw-eng-prod-ring0"):
        groups(coverage.assignments, Fleet())


SIGNS = re.compile("AIGateway-|aigw-|[ -](?=ring)|(?<=ring) ")
MDMS = st.sampled_from(
    [("jamf", "macos"), ("kandji", "macos"), ("intune", "windows"), ("intune", "macos"), ("intune", "linux")]
)
PEOPLE = [None, *(person(f"p{n}") for n in range(4)), person("q", directory_id=None)]
PLACED = st.tuples(
    MDMS, st.sampled_from(PEOPLE), st.sampled_from(["a-prod", "b-prod", None]), st.sampled_from([None, 0, 1])
)


@given(st.lists(PLACED, max_size=12))
@settings(max_examples=150)
@pytest.mark.covers("S191")
def test_group_files_of_one_mdm_are_disjoint_and_reach_every_member(drawn: list[tuple]) -> None:  # type: ignore[type-arg]  # what st.tuples gives
    members = defaultdict(list)
    rest = []
    for number, ((mdm, platform), who, name, ring) in enumerate(drawn):
        one = device(f"S{number}", mdm, platform)
        if name is None:
            rest.append(missed(one, who, "BYOD"))
        else:
            members[name].append(on(one, who, choice(name[0], ring=ring), name))
    coverage = covering(*(unit(name, *of) for name, of in members.items()), rest=tuple(rest))
    files = made(coverage)

    reached: dict[str, list[str]] = defaultdict(list)
    for path, rows in files.items():
        if path.endswith(("by-hand.csv", "tags.csv")):
            for row in rows[1:]:
                reached[row[0]].append(row[-1])
        elif path.endswith("preload.csv"):
            for row in rows[1:]:
                reached[row[0]].append(row[5])
        elif "group-members" in path and "classic" not in path:
            group = path.removeprefix("intune/group-members-").removesuffix(".csv")
            for [object_id] in rows[1:]:
                for verdict in coverage.verdicts:
                    if (
                        verdict.person is not None
                        and verdict.person.directory_id == object_id
                        and verdict.device is not None
                        and verdict.device.mdm == "intune"
                        and verdict.device.platform != "linux"
                    ):
                        reached[verdict.serial].append(group)
    covered = {
        v.serial: f"{v.assignment}" + ("" if v.choice.ring is None else f"ring{v.choice.ring}")
        for a in coverage.assignments
        for v in a.members
        if v.platform != "linux" and v.choice
    }
    told = {serial: [SIGNS.sub("", group) for group in of] for serial, of in reached.items()}
    assert told == {serial: [group] for serial, group in covered.items()}

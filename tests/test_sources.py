"""The files of `[[roster.source]]`: found, refused before they do harm, and what rules ask of them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisioner import project
from provisioner.errors import InputError, Problem
from provisioner.project import Places, Project

TODAY = date(2026, 11, 20)
USERS = (
    "id,userPrincipalName,displayName,mail,userType,accountEnabled,department,Cost Group\n"
    "11111111-0000-4000-8000-000000000001,ada@acme.com,Ada,ada@acme.com,Member,True,Eng,one\n"
    "11111111-0000-4000-8000-000000000002,bob@acme.com,Bob,bob@acme.com,Member,False,Eng,one\n"
    "11111111-0000-4000-8000-000000000003,gus@acme.com,Gus,gus@acme.com,Guest,True,Eng,one\n"
    "11111111-0000-4000-8000-000000000004,tim@acme.com,Tim,tim@acme.com,Member,True,Temp,two\n"
)
MEMBERS = "id,userPrincipalName,mail\n11111111-0000-4000-8000-000000000001,ada@acme.com,ada@acme.com\n"
DEVICES = (
    "Computer Name,JSS Computer ID,Serial Number,Last Check-in,Managed,Building\n"
    "M1,1,C02A,2026-11-19,True,B1\n"
)
RULE = '[[assign]]\nteam = "eng"\nenv = "prod"\n'
SOURCE = '[[roster.source]]\npreset = "entra-users"\nfile = "in/users.csv"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/users.csv").write_text(USERS)
    return tmp_path


def loaded(folder: Path, text: str) -> Project:
    (folder / "provision.toml").write_text(text)
    return project.load(Places(None, folder / "provision.toml"), TODAY)


def refused(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        loaded(folder, text)
    return list(caught.value.problems)


def told(problems: list[Problem]) -> list[tuple[int | None, str | None, str]]:
    return [(p.row, p.column, p.code) for p in problems]


def covered(folder: Path, text: str) -> list[str]:
    people = loaded(folder, text).roster.people
    return [person.identity.partition("@")[0] for person in people if not person.left_out]


# Who is left out


@pytest.mark.parametrize(
    ("exclude", "stay"),
    [
        ("", ["ada", "tim"]),
        ("exclude = {}", ["ada", "tim"]),
        ('exclude = { department = "Temp" }', ["ada"]),
        ("exclude = { enabled = [] }", ["ada", "bob", "tim"]),
        ("exclude = { Type = [] }", ["ada", "gus", "tim"]),
        ("exclude = { enabled = [], type = [] }", ["ada", "bob", "gus", "tim"]),
        ('exclude = { type = ["Member"] }', ["gus"]),
        ('exclude = { type = "Guest", "Cost Group" = "TWO" }', ["ada"]),
    ],
)
def test_what_is_excluded_comes_on_top_of_disabled_accounts_and_guests(
    folder: Path, exclude: str, stay: list[str]
) -> None:
    assert covered(folder, f"[roster]\n{exclude}\n{SOURCE}{RULE}") == stay


def test_an_exclusion_by_a_fact_that_no_people_have_is_refused(folder: Path) -> None:
    (folder / "in/jamf.csv").write_text(DEVICES)
    devices = '[[roster.source]]\npreset = "jamf-computers"\nfile = "in/jamf.csv"\n'
    text = '[roster]\nexclude = { departmnet = "Temp", building = "B1" }\n' + SOURCE + devices + RULE
    problems = refused(folder, text)
    assert told(problems) == [(2, "roster.exclude", "FACT_NOWHERE")] * 2
    assert [p.value for p in problems] == ['"building"', '"departmnet"']
    assert problems[1].fix == 'did you mean "department"?'


def test_the_default_exclusion_of_guests_asks_nothing_of_a_directory_without_types(folder: Path) -> None:
    (folder / "in/users.csv").write_text("id,mail,accountEnabled\n1,ada@acme.com,True\n")
    assert covered(folder, SOURCE + RULE) == ["ada"]
    problems = refused(folder, '[roster]\nexclude = { type = "Contractor" }\n' + SOURCE + RULE)
    assert told(problems) == [(2, "roster.exclude", "FACT_NOWHERE")]


# What rules ask for


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ("departmnet", 'did you mean "department"?'),
        ('"Cost Gruop"', 'did you mean "Cost Group"?'),
        ("usertyp", 'did you mean "userType"?'),
        ("Plattform", 'did you mean "platform"?'),
        (
            "shoe_size",
            "correct the name, or say which column it is: columns = { ... } under [[roster.source]]",
        ),
    ],
)
def test_a_fact_that_no_file_tells_gets_the_nearest_that_one_does(folder: Path, asked: str, fix: str) -> None:
    rule = f'[[assign]]\nwhen = {{ {asked} = "x" }}\nteam = "a"\nenv = "b"\n'
    text = f"[roster]\nexclude = {{ type = [] }}\n{SOURCE}{rule}"
    [problem] = refused(folder, text)
    assert (problem.code, problem.column, problem.fix) == ("FACT_NOWHERE", "assign[0]", fix)


def test_members_of_a_group_tell_no_facts(folder: Path) -> None:
    (folder / "in/AI.csv").write_text("id,mail,shoe\n11111111-0000-4000-8000-000000000001,ada@acme.com,9\n")
    group = '[[roster.source]]\npreset = "entra-group-members"\nfile = "in/AI.csv"\n'
    rule = '[[assign]]\nwhen = { group = "AI", shoe = "9" }\nteam = "a"\nenv = "b"\n'
    assert [p.code for p in refused(folder, SOURCE + group + rule)] == ["FACT_NOWHERE"]


# Which files there are


@pytest.mark.parametrize("pattern", ["{}/in/users*.csv", "{}/**/users.csv", "{}/i?/users.csv"])
def test_a_pattern_may_be_absolute(folder: Path, pattern: str) -> None:
    text = f'[[roster.source]]\npreset = "entra-users"\nfiles = "{pattern.format(folder)}"\n{RULE}'
    assert covered(folder, text) == ["ada", "tim"]


@pytest.mark.parametrize("pattern", ["/", ".", "..", "in", "/nowhere-at-all/*.csv", "in/*.xlsx"])
def test_a_pattern_that_fits_no_file_is_refused(folder: Path, pattern: str) -> None:
    text = f'[[roster.source]]\npreset = "entra-users"\nfiles = "{pattern}"\n{RULE}'
    assert told(refused(folder, text)) == [(3, "roster.source[0].files", "NO_SUCH_FILE")]


@pytest.mark.parametrize("pattern", ["**x/*.csv", "b**.csv", "/tmp/***/a.csv"])
def test_two_stars_stand_for_folders_only(folder: Path, pattern: str) -> None:
    text = f'[[roster.source]]\npreset = "entra-users"\nfiles = "{pattern}"\n{RULE}'
    assert told(refused(folder, text)) == [(3, "roster.source[0].files", "BAD_VALUE")]


@pytest.mark.parametrize("preset", ["entra-users", "plain", "entra-group-members"])
@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device", "dangling"])
def test_a_place_that_is_no_file_is_refused_whether_it_is_read_or_not(
    folder: Path, preset: str, kind: str
) -> None:
    place = folder / "in/it.csv"
    match kind:
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "device":
            place.symlink_to("/dev/zero")
        case "dangling":
            place.symlink_to("nothing")
    text = f'{SOURCE}[[roster.source]]\npreset = "{preset}"\nfile = "in/it.csv"\n{RULE}'
    [problem] = refused(folder, text)
    assert (problem.row, problem.column, problem.code) == (4, "roster.source[1]", "FILE_UNREADABLE")
    absent = kind in ("missing", "dangling")
    assert problem.message == f"can't be read: {'no such file or directory' if absent else 'is no file'}"


def test_a_link_to_a_file_is_a_file(folder: Path) -> None:
    (folder / "in/link.csv").symlink_to("users.csv")
    assert covered(folder, SOURCE.replace("users.csv", "link.csv") + RULE) == ["ada", "tim"]


@pytest.mark.covers("T29")
@pytest.mark.parametrize(("preset", "limit"), [("entra-users", 1024), ("plain", 64)])
def test_a_file_beyond_all_limits_is_refused_before_a_byte_of_it_is_read(
    folder: Path, preset: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (folder / "in/users.csv").open("ab") as file:
        file.truncate(10 * 1024**3)
    opened: list[str] = []
    really_open = Path.open

    def watched(path: Path, *how: Any, **more: Any) -> Any:
        opened.append(path.name)
        return really_open(path, *how, **more)

    monkeypatch.setattr(Path, "open", watched)
    [problem] = refused(folder, SOURCE.replace("entra-users", preset) + RULE)
    assert "provision.toml" in opened
    assert "users.csv" not in opened
    assert problem.file == str(folder / "in/users.csv")
    assert (problem.code, problem.message) == ("FILE_TOO_BIG", f"the file is larger than {limit} MiB")


@pytest.mark.parametrize(
    "second",
    ['file = "in/users.csv"', 'file = "in/../in/users.csv"', 'file = "in/link.csv"', 'files = "in/*.csv"'],
)
def test_one_file_in_two_sources_is_refused_once_at_the_second(folder: Path, second: str) -> None:
    (folder / "in/link.csv").symlink_to("users.csv")
    text = f'{SOURCE}[[roster.source]]\npreset = "entra-users"\n{second}\n{RULE}'
    [problem] = refused(folder, text)
    assert (problem.row, problem.column, problem.code) == (4, "roster.source[1]", "DUPLICATE")
    assert problem.message == "names a file that roster.source[0] names"


def test_a_mistake_in_columns_names_the_line_of_the_fleet_file(folder: Path) -> None:
    [problem] = refused(folder, SOURCE + 'columns = { mail = "E-Mial" }\n' + RULE)
    assert (problem.file, problem.code) == (str(folder / "in/users.csv"), "COLUMN_UNKNOWN")
    assert problem.fix.endswith(f"; columns stands in {folder / 'provision.toml'}:4")


# What rules ask of groups

GROUPS = '[[roster.source]]\npreset = "entra-group-members"\nfiles = "in/groups/*.csv"\n'
PILOT = '[[assign]]\nwhen = { group = "AI-Pilot" }\nteam = "pilot"\nenv = "prod"\n'


@pytest.fixture
def groups(folder: Path) -> Path:
    (folder / "in/groups").mkdir()
    for name in ("AI-Pilot", "Everybody"):
        (folder / f"in/groups/{name}.csv").write_text(MEMBERS)
    return folder


def test_a_group_that_no_file_lists_is_told_with_the_nearest_beside_a_file_that_is_missing(
    groups: Path,
) -> None:
    typo = PILOT.replace("AI-Pilot", "AI-Piolt")
    found = refused(groups, SOURCE + GROUPS + SOURCE.replace("users.csv", "gone.csv") + typo + RULE)
    assert told(found) == [
        (7, "roster.source[2]", "FILE_UNREADABLE"),
        (11, "assign[0].when", "GROUP_NOWHERE"),
    ]
    assert found[1].value == '"AI-Piolt"'
    assert 'did you mean "AI-Pilot"?' in found[1].fix


def test_a_rule_that_asks_for_a_group_where_no_source_lists_any_says_which_to_add(folder: Path) -> None:
    [problem] = refused(folder, SOURCE + PILOT + RULE)
    assert (problem.code, problem.row) == ("GROUP_NOWHERE", 5)
    assert 'preset = "entra-group-members"' in problem.fix


def test_only_groups_that_a_rule_asks_for_are_read(groups: Path) -> None:
    (groups / "in/groups/Everybody.csv").write_bytes(b"\xff\xfe broken")
    roster = loaded(groups, SOURCE + GROUPS + PILOT + RULE).roster
    assert {p.identity: p.groups for p in roster.people if p.groups} == {"ada@acme.com": ("AI-Pilot",)}
    assert [note.code for note in roster.notes] == ["GROUPS_NOT_ASKED"]
    assert [source.file.rpartition("/")[2] for source in roster.sources] == ["users.csv", "AI-Pilot.csv"]

"""Two rosters against each other: who joined, moved, left, and who only is called differently now."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import InputError
from provisioner.report import roster_diff as report
from provisioner.roster.diff import (
    Change,
    Diff,
    Member,
    Renamed,
    Respelled,
    Side,
    Standing,
    compare,
    side_of_table,
)

ENG, OPS, DEV = Standing("eng", "prod"), Standing("ops", "prod"), Standing("eng", "dev")


def one(name: str, *standings: Standing, aliases: tuple[str, ...] = (), id: str | None = None) -> Member:
    given = standings or (ENG,)
    return Member(name, aliases, id, given[:1], given[1:], "f:2")


def diff(old: list[Member], new: list[Member]) -> Diff:
    return compare(Side("old", tuple(old)), Side("new", tuple(new)))


def test_the_same_people_in_another_order_differ_in_nothing() -> None:
    found = diff([one("a@x"), one("b@x", OPS)], [one("b@x", OPS), one("a@x")])
    assert not found
    assert found.same == 2
    assert report.text(found, 100) == "no differences between old and new: 2 people and services"


@pytest.mark.covers("S191")
def test_joiners_movers_and_leavers() -> None:
    found = diff(
        [one("a@x"), one("b@x", ENG, DEV), one("c@x"), one("d@x", ENG, OPS)],
        [one("b@x", OPS, DEV), one("d@x", OPS, ENG), one("e@x", DEV), one("a@x")],
    )
    assert found.joiners == (Change("e@x", (), (DEV,), "f:2"),)
    assert found.leavers == (Change("c@x", (ENG,), (), "f:2"),)
    # d has the same two as before, and another one first: that one reaches the devices
    assert found.movers == (
        Change("b@x", (ENG, DEV), (OPS, DEV), "f:2"),
        Change("d@x", (ENG, OPS), (OPS, ENG), "f:2"),
    )
    assert found.same == 1


@pytest.mark.covers("T16", "S175")
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([one("a@x")], [one("b@x", aliases=("a@x",))], Respelled(("a@x",), ("b@x",), "f:2")),
        ([one("a@x", aliases=("b@x",))], [one("b@x")], Respelled(("a@x",), ("b@x",), "f:2")),
        (
            [one("a@x", aliases=("u@x",))],
            [one("b@x", aliases=("u@x",))],
            Respelled(("a@x",), ("b@x",), "f:2"),
        ),
        ([one("a@x", id="Q")], [one("b@x", id="q")], Respelled(("a@x",), ("b@x",), "f:2")),
        (
            [one("a@x"), one("b@x")],
            [one("a@x", aliases=("b@x",))],
            Respelled(("a@x", "b@x"), ("a@x",), "f:2"),
        ),
        (
            [one("a@x"), one("b@x")],
            [one("c@x", aliases=("a@x", "b@x"))],
            Respelled(("a@x", "b@x"), ("c@x",), "f:2"),
        ),
        (
            [one("a@x", aliases=("b@x",))],
            [one("a@x"), one("b@x")],
            Respelled(("a@x",), ("a@x", "b@x"), "f:2"),
        ),
    ],
)
def test_changed_identities_are_neither_leavers_nor_joiners(
    old: list[Member], new: list[Member], expected: Respelled
) -> None:
    found = diff(old, new)
    assert found.identities == (expected,)
    assert (found.joiners, found.movers, found.leavers) == ((), (), ())


def test_an_alias_of_two_people_tells_nothing() -> None:
    found = diff([one("a@x", aliases=("it@x",)), one("b@x", aliases=("it@x",))], [one("it@x")])
    assert [c.person for c in found.leavers] == ["a@x", "b@x"]
    assert [c.person for c in found.joiners] == ["it@x"]


@pytest.mark.parametrize(
    ("stay", "gone", "come", "renamed"),
    [
        (4, 0, 0, True),
        (4, 1, 0, True),
        (4, 0, 1, True),
        (4, 2, 0, False),
        (4, 0, 2, False),
        (2, 0, 0, True),
        (1, 0, 0, False),
    ],
)
def test_a_team_is_renamed_when_most_of_its_people_are_the_same_both_ways(
    stay: int, gone: int, come: int, renamed: bool
) -> None:
    infra = Standing("infra", "prod")
    old = [one(f"s{n}@x") for n in range(stay)] + [one(f"g{n}@x") for n in range(gone)]
    new = [one(f"s{n}@x", infra) for n in range(stay)] + [one(f"c{n}@x", infra) for n in range(come)]
    found = diff(old, new)
    assert found.teams == ((Renamed("eng", "infra", stay),) if renamed else ())
    assert len(found.movers) == (0 if renamed else stay)
    assert (len(found.leavers), len(found.joiners)) == (gone, come)


def test_who_leaves_a_renamed_team_for_another_is_a_mover() -> None:
    infra = Standing("infra", "prod")
    old = [one(f"{n}@x") for n in range(5)] + [one("o@x", OPS)]
    found = diff(old, [one(f"{n}@x", infra) for n in range(4)] + [one("4@x", OPS), one("o@x", OPS)])
    assert found.teams == (Renamed("eng", "infra", 4),)
    assert found.movers == (Change("4@x", (ENG,), (OPS,), "f:2"),)


NAMES = st.sampled_from(["a@x", "b@x", "c@x", "d@x", "e@x"])
SIDE = st.lists(
    st.tuples(
        NAMES,
        st.lists(NAMES, max_size=2),
        st.sampled_from([None, "1", "2"]),
        st.lists(st.sampled_from([ENG, OPS, DEV]), max_size=2),
    ),
    max_size=5,
    unique_by=lambda member: member[0],
).map(lambda members: [Member(n, tuple(a), i, tuple(s[:1]), tuple(s[1:]), "f:2") for n, a, i, s in members])


@pytest.mark.covers("T16")
@settings(deadline=None)
@given(SIDE, SIDE, st.randoms(use_true_random=False))
def test_everybody_is_told_once_and_order_counts_for_nothing(
    old: list[Member], new: list[Member], shuffled: random.Random
) -> None:
    found = diff(old, new)
    left, joined = {c.person for c in found.leavers}, {c.person for c in found.joiners}
    assert left.isdisjoint(m.identity for m in new)
    assert joined.isdisjoint(m.identity for m in old)
    before = {name for i in found.identities for name in i.before}
    after = {name for i in found.identities for name in i.after}
    assert {m.identity for m in old} <= left | before | {m.identity for m in new}
    assert {m.identity for m in new} <= joined | after | {m.identity for m in old}
    assert left.isdisjoint(before)
    assert joined.isdisjoint(after)
    shuffled.shuffle(old)
    shuffled.shuffle(new)
    assert report.as_json(diff(old, new)) == report.as_json(found)


TABLE = (
    "person,alias_ids,device_serial,assignment,team,env,source_row,gets\n"
    "a@x,a1@x a2@x,S1,eng-prod,eng,prod,users.csv:2,artifact\n"
    "a@x,a1@x a2@x,S2,eng-prod,eng,prod,users.csv:2,artifact\n"
    "a@x,a1@x a2@x,,eng-dev,eng,dev,users.csv:2,key-only\n"
    ",,KIOSK,eng-prod,eng,prod,plain.csv:9,artifact\n"
    "'-odd@x,,S3,ops-prod,ops,prod,users.csv:3,artifact\n"
)


@pytest.mark.covers("T12")
def test_a_former_run_is_read_from_its_table() -> None:
    side = side_of_table(b"\xef\xbb\xbf" + TABLE.encode(), "assignments.csv")
    assert side is not None
    assert side.members == (
        Member("a@x", ("a1@x", "a2@x"), None, (ENG,), (DEV,), "users.csv:2"),
        Member("-odd@x", (), None, (OPS,), (), "users.csv:3"),
    )
    # who gets nothing stands in no table: no joiner now
    uncovered = Member("b@x", (), None, (), (), "f:9", refused=(ENG,))
    new = Side("new", (*side.members, uncovered))
    assert not compare(side, new)
    assert not compare(new, side)


def test_keys_before_artifacts_in_a_table_make_nobody_a_mover() -> None:
    lines = TABLE.splitlines(keepends=True)
    side = side_of_table("".join((lines[0], *reversed(lines[1:]))).encode(), "assignments.csv")
    assert side is not None
    assert not compare(side, Side("new", (one("a@x", ENG, DEV), one("-odd@x", OPS))))
    [mover] = compare(side, Side("new", (one("a@x", DEV, ENG), one("-odd@x", OPS)))).movers
    assert (mover.before, mover.after) == ((ENG, DEV), (DEV, ENG))


def test_what_was_refused_tells_of_a_move_between_rosters_and_not_against_a_table() -> None:
    """One of two Macs is too old for its client: the run's table has no row for it."""
    refused = Member("a@x", (), None, (ENG,), (), "f:2", refused=(OPS,))
    covered = one("a@x", ENG)
    table = Side("assignments.csv", (covered,), covered_only=True)
    assert diff([covered], [refused]).movers == (Change("a@x", (ENG,), (ENG, OPS), "f:2"),)
    assert not compare(table, Side("new", (refused,)))
    assert not compare(Side("old", (refused,)), table)


def test_other_files_are_no_table_and_a_broken_one_is_refused() -> None:
    assert side_of_table(b"email,team,env\n", "org.csv") is None
    assert side_of_table(b"", "org.csv") is None
    with pytest.raises(InputError) as cut:
        side_of_table(TABLE.encode()[:-20], "assignments.csv")
    assert [(p.row, p.code) for p in cut.value.problems] == [(6, "ROW_TOO_SHORT")]
    with pytest.raises(InputError) as binary:
        side_of_table(TABLE.encode() + b"\xff\n", "assignments.csv")
    assert [p.code for p in binary.value.problems] == ["UNDECODABLE"]


def test_text_json_and_csv() -> None:
    joiners = [one(f"j{n:02}@x") for n in range(25)]
    found = diff(
        [one("-a@x", OPS), one("m@x"), one("n@x"), one("z@x")],
        [*joiners, one("m@x", aliases=("n@x",)), one("z@x", DEV)],
    )
    text = report.text(found, 100).splitlines()
    assert text[0] == (
        "from old to new: 25 joiners, 1 mover, 1 leaver and 1 changed identity; "
        "unchanged: 0 people and services"
    )
    assert "  merged: m@x and n@x -> m@x" in text
    assert "  ... and 5 more" in text
    assert "  z@x  eng-prod -> eng-dev  f:2" in text
    assert sum("j" in line and "@x" in line for line in text) == report.LINES_MAX
    tree = json.loads(json.dumps(report.as_json(found)))
    assert (tree["version"], tree["kind"], len(tree["joiners"])) == (1, "roster_diff", 25)
    assert tree["identities"] == [
        {"change": "merged", "from": ["m@x", "n@x"], "to": ["m@x"], "source": "f:2"}
    ]
    lines = report.as_csv(found).decode().splitlines()
    assert lines[0] == "change,person,from,to,source"
    assert "leaver,'-a@x,ops-prod,,f:2" in lines
    assert "mover,z@x,eng-prod,eng-dev,f:2" in lines
    assert "merged,m@x,m@x n@x,m@x,f:2" in lines

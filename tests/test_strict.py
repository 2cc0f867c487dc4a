"""Strict reading of people's TOML: every problem at once, each at its place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field

from provisioner import strict, toml_lines
from provisioner.errors import InputError
from provisioner.strict import Flaw, Many, Refused, Strict, wrong


def _even(value: int) -> int:
    if value % 2:
        raise wrong("ODD", "is {odd}", "add one", value)
    return value


class Item(Strict):
    name: str
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class Box(Strict):
    REFUSED: ClassVar[Refused] = {"password": ("is never here", "leave it out")}

    colour: Literal["red", "green"] = "red"
    size: Annotated[int, Field(ge=1, le=9), AfterValidator(_even)] = 2
    open: bool = False


class Shelf(Strict):
    label: str = ""
    box: Box = Field(default_factory=Box)
    maybe: Box | None = None
    items: Many[Item] = ()
    numbers: Many[int] = ()
    free: dict[str, Any] = Field(default_factory=dict)


def problems(text: str) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputError) as caught:
        strict.load(Shelf, text, "shelf.toml")
    assert {p.file for p in caught.value.problems} == {"shelf.toml"}
    return [(p.row, p.column, p.code) for p in caught.value.problems]


def test_a_good_file_is_read() -> None:
    shelf = strict.load(
        Shelf,
        '\ufefflabel = "a"\nnumbers = [1, 2]\n[box]\nsize = 4\n[[items]]\nname = "n"\nweight = 2\n',
        "s",
    )
    assert shelf == Shelf(label="a", numbers=(1, 2), box=Box(size=4), items=(Item(name="n", weight=2.0),))


@pytest.mark.parametrize(
    ("text", "row", "column", "code"),
    [
        ("labl = 'a'", 1, "labl", "UNKNOWN_KEY"),
        ("\n\n[box]\ncolor = 'red'", 4, "box.color", "UNKNOWN_KEY"),
        ("[box]\npassword = 'hunter2'", 2, "box.password", "REFUSED_KEY"),
        ("[maybe]\nsise = 2", 2, "maybe.sise", "UNKNOWN_KEY"),
        ("box.colour = 'rot'", 1, "box.colour", "BAD_VALUE"),
        ("[box]\nsize = 3", 2, "box.size", "ODD"),
        ("[box]\nsize = 10", 2, "box.size", "BAD_VALUE"),
        ("[box]\nsize = 2.0", 2, "box.size", "WRONG_TYPE"),
        ("[box]\nsize = true", 2, "box.size", "WRONG_TYPE"),
        ("[box]\nopen = 'yes'", 2, "box.open", "WRONG_TYPE"),
        ("[box]\nopen = 1", 2, "box.open", "WRONG_TYPE"),
        ("label = 2026-11-20", 1, "label", "WRONG_TYPE"),
        ("box = 'b'", 1, "box", "WRONG_TYPE"),
        ("numbers = 5", 1, "numbers", "WRONG_TYPE"),
        ("numbers = [1,\n '2']", 1, "numbers[1]", "WRONG_TYPE"),
        ("numbers = [true]", 1, "numbers[0]", "WRONG_TYPE"),
        ("[[items]]\nname = 'a'\n\n[[items]]\nweight = 1", 4, "items[1].name", "MISSING_KEY"),
        ("[[items]]\nname = 'a'\n[[items]]\nname = 'b'\nweight = -1", 5, "items[1].weight", "BAD_VALUE"),
        ("[[items]]\nname = 'a'\nweight = nan", 3, "items[0].weight", "BAD_VALUE"),
        ("items = [{ name = 'a' }, { nam = 'b', name = 'c' }]", 1, "items[1].nam", "UNKNOWN_KEY"),
        ("'odd name' = 1", 1, '"odd name"', "UNKNOWN_KEY"),
    ],
)
def test_one_problem_at_its_place(text: str, row: int, column: str, code: str) -> None:
    assert problems(text) == [(row, column, code)]


def test_all_problems_come_together_in_file_order() -> None:
    text = "labl = 1\nnumbers = ['x']\n[box]\nsize = 'big'\nhue = 1\n[[items]]\nweight = 0\n"
    assert problems(text) == [
        (1, "labl", "UNKNOWN_KEY"),
        (2, "numbers[0]", "WRONG_TYPE"),
        (4, "box.size", "WRONG_TYPE"),
        (5, "box.hue", "UNKNOWN_KEY"),
        (6, "items[0].name", "MISSING_KEY"),
        (7, "items[0].weight", "BAD_VALUE"),
    ]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("labl = 1", 'did you mean "label"?'),
        ("LABEL = 1", 'did you mean "label"?'),
        ("zzz = 1", "known here: label, box, maybe, items, numbers, free"),
        ("box.colour = 'gren'", 'did you mean "green"?'),
        ("box.size = 0", "write 1 or more"),
        ("[[items]]\nname = 'a'\nweight = 0", "write more than 0"),
    ],
)
def test_the_way_out_is_told(text: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        strict.load(Shelf, text, "s")
    assert [p.fix for p in caught.value.problems] == [fix]


def test_a_validators_words_arrive_as_they_are() -> None:
    with pytest.raises(InputError) as caught:
        strict.load(Shelf, "box.size = 3", "s")
    assert str(caught.value.problems[0]) == 's:1: box.size: ODD: is {odd} "3" - add one'


def test_cross_checks_run_beside_wrong_keys_and_repeat_none() -> None:
    def cross(shelf: Shelf) -> Iterator[Flaw]:
        yield Flaw(("label",), "CROSS", "says nothing", "fill it")
        yield Flaw(("box", "open"), "CROSS", "is shut", "open it")
        yield Flaw(("box", "size"), "CROSS", "follows from what is wrong already", "-")

    with pytest.raises(InputError) as caught:
        strict.load(Shelf, "[box]\nsize = 'x'\n", "s", cross)
    assert [(p.column, p.code) for p in caught.value.problems] == [
        ("label", "CROSS"),
        ("box.open", "CROSS"),
        ("box.size", "WRONG_TYPE"),
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [("a = \n", 1), ("a = 1\nb", 2), ("a = 1\na = 2", 2), ("[t]\n[t]", 2), ("a = 1" + "0" * 5000, None)],
)
def test_what_is_no_toml_is_one_problem(text: str, row: int | None) -> None:
    assert problems(text) == [(row, None, "TOML_SYNTAX")]


@pytest.mark.parametrize(
    "text", ["free" + ".a" * 3000 + " = 1", "a = " + "[" * 60 + "]" * 60, "a = " + "[" * 9999]
)
def test_bottomless_nesting_is_one_problem(text: str) -> None:
    with pytest.raises(InputError) as caught:
        strict.load(Shelf, text, "s")
    assert [(p.code, p.message) for p in caught.value.problems] == [("TOML_SYNTAX", "is nested too deeply")]


@pytest.mark.covers("T2")
def test_a_wrong_type_never_shows_its_value() -> None:
    secret = "sk-live-0123456789"
    for key in ("box", "numbers", "items", "free", "box.open", "box.password", "passwort"):
        with pytest.raises(InputError) as caught:
            strict.load(Shelf, f'{key} = "{secret}"', "s")
        assert secret not in "".join(map(str, caught.value.problems))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("tree", "codes"),
    [
        ({"a": [1, True, "x\ny\t", {"b": "ü日"}]}, []),
        ({"a": 0.5}, ["WRONG_TYPE"]),
        (tomllib.loads("a = 2026-01-01\nb = [10:00:00]"), ["WRONG_TYPE", "WRONG_TYPE"]),
        ({"a": "x\0"}, ["BAD_CHARACTER"]),
        ({"a\x1b": "x\r"}, ["BAD_CHARACTER", "BAD_CHARACTER"]),
        ({"a": 2**53}, ["BAD_VALUE"]),
    ],
)
@pytest.mark.covers("T5")
def test_unfit_values_of_free_trees(tree: dict[str, object], codes: list[str]) -> None:
    assert [flaw.code for flaw in strict.unfit(tree, ())] == codes


def test_fractions_fit_where_json_is_all() -> None:
    assert list(strict.unfit({"a": [0.5]}, (), floats=True)) == []
    assert [f.code for f in strict.unfit({"a": float("inf")}, (), floats=True)] == ["WRONG_TYPE"]


LINES = '''\
a = 1               # line 1
b.c = """
x = 1
"""                 # line 4
"d.e" = 'it''s = '  # odd
[t]
 k = [
  "v = 1",
]
[[l]]
x = 1
[l.sub]
y = 2
[[l.m]]
z = 3
[[l]]
x = 4
[["q r"]]
s = """one line = """
u = 5
'''.replace("'it''s = '", "'s = '")


def test_lines_of_keys() -> None:
    assert toml_lines.of(LINES) == {
        ("a",): 1,
        ("b",): 2,
        ("b", "c"): 2,
        ("d.e",): 5,
        ("t",): 6,
        ("t", "k"): 7,
        ("l",): 10,
        ("l", 0): 10,
        ("l", 0, "x"): 11,
        ("l", 0, "sub"): 12,
        ("l", 0, "sub", "y"): 13,
        ("l", 0, "m"): 14,
        ("l", 0, "m", 0): 14,
        ("l", 0, "m", 0, "z"): 15,
        ("l", 1): 16,
        ("l", 1, "x"): 17,
        ("q r",): 18,
        ("q r", 0): 18,
        ("q r", 0, "s"): 19,
        ("q r", 0, "u"): 20,
    }


@given(st.text())
def test_lines_take_any_text(text: str) -> None:
    last = text.count("\n") + 1
    assert all(1 <= row <= last for row in toml_lines.of(text).values())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        ("a.b-c", ("a", "b-c")),
        ('a . "b.c"', ("a", "b.c")),
        ("", None),
        ("a.", None),
        ("a = 1\nb", None),
        ('"\\q"', None),
    ],
)
def test_key_paths(text: str, parts: tuple[str, ...] | None) -> None:
    assert toml_lines.key_path(text) == parts

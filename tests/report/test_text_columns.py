"""Aligned columns: the same every time, and safe on a terminal whatever is put into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.report.columns import counted, cut, hanging, joined, plain, table


def test_columns_are_aligned_numbers_to_the_right_and_the_last_one_wraps() -> None:
    rows = [
        ("name", "people", "what"),
        ("eng-prod", "4,211", "a b c d e f g h i j k l m n o p"),
        ("qa", "-", "z"),
    ]
    assert "\n".join(table(rows, 45)) == (
        "  name      people  what\n"
        "  eng-prod   4,211  a b c d e f g h i j k l m\n"
        "                    n o p\n"
        "  qa             -  z"
    )


def test_a_narrow_terminal_lets_the_last_column_run_on() -> None:
    assert list(hanging("a long beginning: ", "and a text that has no room", 30)) == [
        "a long beginning: and a text that has no room"
    ]


def test_no_rows_give_no_lines() -> None:
    assert list(table([], 80)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("claude-desktop-eng-prod", "claude-desktop-eng-prod"),
        ("Zürich & Łódź", "Zürich & Łódź"),
        ("a\x1b[2Jb", '"a\\x1b[2Jb"'),
        ("line\nbreak", '"line\\nbreak"'),
        ("pr\u03bfd", '"pr\\u03bfd"'),
        ("x\u202etxt", '"x\\u202etxt"'),
        ("soft\u00adhyphen", '"soft\\xadhyphen"'),
    ],
)
@pytest.mark.covers("T2", "T15")
def test_foreign_text_is_shown_for_what_it_is(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1, max_size=5), st.integers(20, 200))
@pytest.mark.covers("T15")
def test_no_text_moves_the_cursor_or_breaks_a_line(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = list(table(rows, width))
    assert len(lines) >= len(rows)
    assert all(line.isprintable() for line in lines)
    assert lines == list(table(rows, width))


def test_counts_and_lists_in_words() -> None:
    assert [counted(1, "key"), counted(1200, "key"), counted(2, "person", "people")] == [
        "1 key",
        "1,200 keys",
        "2 people",
    ]
    assert [joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert cut(["a", "b", "c"], 3) == ("a", "b", "c")
    assert cut(["a", "b", "c"], 1) == ("a", "... and 2 more")

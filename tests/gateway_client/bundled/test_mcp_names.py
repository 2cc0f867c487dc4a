"""Names of tools: they fit Claude, tell servers apart, and hang on nothing but server and tool."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway_client.bundled.mcp import names

SLUGS = st.from_regex(names.SLUG, fullmatch=True).map(lambda text: text[: names.LONGEST_SLUG].strip("-"))
TOOLS = st.text(max_size=80)


@pytest.mark.parametrize(
    ("slug", "tool", "offered"),
    [
        ("github", "search", "github__search"),
        (None, "search", "search"),
        ("my-jira", "get_issue", "my-jira__get_issue"),
        ("github", "repo.search", "github__repo_search_b24a092f"),
        ("github", "repo_search", "github__repo_search"),
        ("github", "x" * 40, "github__" + "x" * 40),
        ("github", "x" * 41, "github__" + "x" * 31 + "_4f9a10f6"),
        (None, "", "_e3b0c442"),
    ],
)
def test_a_tools_name(slug: str | None, tool: str, offered: str) -> None:
    assert names.offered(slug, tool) == offered


@given(SLUGS, TOOLS)
@example("a", "\ud800")
def test_every_name_fits_claude_and_begins_with_its_slug(slug: str, tool: str) -> None:
    name = names.offered(slug, tool)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,48}", name)
    assert name.partition(names.SEPARATOR)[0] == slug
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,48}", names.offered(None, tool))


@given(st.tuples(SLUGS, TOOLS), st.tuples(SLUGS, TOOLS))
@example(("a", "b.c"), ("a", "b_c"))
@example(("a", "x" * 70 + "1"), ("a", "x" * 70 + "2"))
def test_two_tools_have_two_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (names.offered(*one) == names.offered(*other)) == (one == other)

"""Conditional queries as measured on the open-source gateway (facts/portkey.md 12.3)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_client.bundled.routing.conditions import matches
from gateway_client.bundled.routing.patterns import problem

FACTS = {
    "metadata": {"team": "eng", "env": "prod", "level": 3, "flag": True},
    "params": {"model": "claude-haiku-4-5", "max_tokens": 100},
    "url": {"pathname": "/v1/messages"},
}

CASES: list[tuple[dict[str, Any], bool]] = [
    ({"metadata.team": {"$eq": "eng"}}, True),
    ({"metadata.team": "eng"}, True),
    ({"metadata.team": {"$eq": "ops"}}, False),
    ({"metadata.team": {"$eq": "eng"}, "metadata.env": {"$eq": "dev"}}, False),
    ({"metadata.absent": {"$eq": "x"}}, False),
    ({"metadata.absent": {"$ne": "x"}}, True),
    ({"metadata.absent": {"$nin": ["x"]}}, True),
    ({"metadata.level": {"$eq": "3"}}, False),
    ({"metadata.flag": {"$eq": 1}}, False),
    ({"metadata.level": {"$eq": 3.0}}, True),
    ({"metadata.level": {"$gt": 2, "$lte": 3}}, True),
    ({"metadata.level": {"$gt": 3}}, False),
    ({"metadata.level": {"$gte": "3"}}, False),
    ({"metadata.flag": {"$gte": 0}}, False),
    ({"metadata.env": {"$lt": "q"}}, True),
    ({"metadata.team": {"$in": ["ops", "eng"]}}, True),
    ({"metadata.team": {"$nin": ["ops", "eng"]}}, False),
    ({"params.model": {"$regex": "haiku"}}, True),
    ({"params.model": {"$regex": "haiku", "$ne": "claude-haiku-4-5"}}, False),
    ({"params.max_tokens": {"$regex": "1"}}, False),
    ({"metadata.absent": {"$regex": ""}}, False),
    ({"params.model": {"$regex": "^claude-(haiku|sonnet)-"}}, True),
    ({"params.model": {"$regex": "^haiku"}}, False),
    ({"url.pathname": {"$eq": "/v1/messages"}}, True),
    ({"$or": [{"metadata.team": "ops"}, {"metadata.env": "prod"}]}, True),
    ({"$and": [{"metadata.team": "ops"}, {"metadata.env": "prod"}]}, False),
    ({"$or": [{"metadata.team": "eng"}], "metadata.env": "dev"}, False),
]


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[str(query) for query, _ in CASES])
def test_matches(query: dict[str, Any], expected: bool) -> None:
    assert matches(query, FACTS) is expected


@pytest.mark.covers("T27")
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "a*a*a*a*a*a*b", "(.*)*x"])
def test_no_pattern_holds_up_the_loop(pattern: str) -> None:
    """Each takes `re` years; here a client may send as much text as it likes."""
    assert problem(pattern) is None
    assert matches({"params.model": {"$regex": pattern}}, {"params": {"model": "a" * 100_000 + "!"}}) is False


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "(a{1000}){1000}", "[", 5, None])
def test_patterns_that_are_none_are_told_when_a_config_is_saved(pattern: object) -> None:
    assert problem(pattern) is not None

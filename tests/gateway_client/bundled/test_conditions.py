"""Conditional queries as measured on the open-source gateway (facts/portkey.md 12.3)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_client.bundled.routing.conditions import matches

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
    ({"url.pathname": {"$eq": "/v1/messages"}}, True),
    ({"$or": [{"metadata.team": "ops"}, {"metadata.env": "prod"}]}, True),
    ({"$and": [{"metadata.team": "ops"}, {"metadata.env": "prod"}]}, False),
    ({"$or": [{"metadata.team": "eng"}], "metadata.env": "dev"}, False),
]


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[str(query) for query, _ in CASES])
def test_matches(query: dict[str, Any], expected: bool) -> None:
    assert matches(query, FACTS) is expected

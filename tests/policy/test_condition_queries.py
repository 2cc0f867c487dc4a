"""Queries of conditional routing: names that exist, types that can match, labels that can't be forged."""

from __future__ import annotations

import tomllib

import pytest

from provisioner.policy.conditions import labels, query_flaws

TEAM = labels("team", ("cost_center",))
PERSON = labels("person", ("cost_center",))


def codes(query: str, known: object = TEAM) -> list[str]:
    tree = tomllib.loads(f"query = {query}")["query"]
    return [flaw.code for flaw in query_flaws(tree, ("query",), known)]  # type: ignore[arg-type]  # Labels


@pytest.mark.covers("S131", "S180", "S182", "T22")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{"metadata.env" = {"$eq" = "dev"}}', []),
        ('{"metadata.team" = {"$in" = ["a", "b"]}, "params.max_tokens" = {"$gt" = 1000}}', []),
        ('{"url.pathname" = {"$regex" = "count_tokens"}}', []),
        ('{"params.stream" = {"$eq" = true}}', []),
        ('{"params.temperature" = {"$lt" = 0.5}}', []),
        ('{"$or" = [{"metadata.env" = {"$eq" = "dev"}}, {"params.model" = {"$regex" = "haiku"}}]}', []),
        ("{}", ["BAD_QUERY"]),
        ('{"metadata.region" = {"$eq" = "eu"}}', ["UNKNOWN_METADATA"]),
        ('{"metadata.envv" = {"$eq" = "eu"}}', ["UNKNOWN_METADATA"]),
        ('{metadata.env = {"$eq" = "dev"}}', ["BAD_QUERY"]),
        ('{"params." = {"$eq" = 1}}', ["BAD_QUERY"]),
        ('{"headers.x" = {"$eq" = "dev"}}', ["BAD_QUERY"]),
        ('{"metadata.env" = "dev"}', ["BAD_QUERY"]),
        ('{"metadata.env" = {}}', ["BAD_QUERY"]),
        ('{"metadata.env" = {"$exists" = true}}', ["UNKNOWN_KEY"]),
        ('{"metadata.env" = {"$eq" = 1}}', ["BAD_QUERY"]),
        ('{"metadata.env" = {"$in" = "dev"}}', ["BAD_QUERY"]),
        ('{"metadata.env" = {"$in" = []}}', ["BAD_QUERY"]),
        ('{"metadata.env" = {"$in" = ["dev", 1]}}', ["BAD_QUERY"]),
        ('{"metadata.env" = {"$regex" = "^d", "$ne" = "dx"}}', ["BAD_QUERY"]),
        ('{"params.model" = {"$regex" = 1}}', ["BAD_QUERY"]),
        ('{"params.model" = {"$eq" = ["a"]}}', ["BAD_QUERY"]),
        ('{"$and" = {"metadata.env" = {"$eq" = "dev"}}}', ["BAD_QUERY"]),
        ('{"$or" = []}', ["BAD_QUERY"]),
        ('{"$or" = ["x"]}', ["BAD_QUERY"]),
        ('{"$and" = [{"metadata.region" = {"$eq" = "eu"}}]}', ["UNKNOWN_METADATA"]),
        ('{"metadata.user" = {"$eq" = "a@b.c"}}', ["FORGEABLE"]),
        ('{"metadata._user" = {"$eq" = "a@b.c"}, "params.model" = {"$eq" = "m"}}', ["FORGEABLE"]),
        ('{"metadata.rev" = {"$eq" = "3"}}', ["FORGEABLE"]),
        ('{"metadata.cost_center" = {"$eq" = "17"}}', ["FORGEABLE"]),
        ('{"metadata.cost_center" = {"$eq" = "17"}, "metadata.team" = {"$eq" = "eng"}}', []),
        ('{"$and" = [{"metadata.user" = {"$eq" = "a"}}, {"metadata.env" = {"$eq" = "dev"}}]}', []),
        ('{"$or" = [{"metadata.user" = {"$eq" = "a"}}, {"metadata.env" = {"$eq" = "dev"}}]}', ["FORGEABLE"]),
        (
            '{"metadata.user" = {"$eq" = "a"}, '
            '"$or" = [{"metadata.env" = {"$eq" = "dev"}}, {"metadata.team" = {"$eq" = "t"}}]}',
            [],
        ),
    ],
)
def test_queries_of_a_teams_key(query: str, expected: list[str]) -> None:
    assert codes(query) == expected


@pytest.mark.covers("C10", "S192")
def test_a_persons_key_proves_the_person() -> None:
    for name in ("user", "_user", "cost_center"):
        assert codes(f'{{"metadata.{name}" = {{"$eq" = "a"}}}}', PERSON) == []
    assert codes('{"metadata.rev" = {"$eq" = "3"}}', PERSON) == ["FORGEABLE"]

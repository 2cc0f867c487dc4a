"""Merging as algebra: what must hold for any profiles."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioner import strict
from provisioner.policy import merge
from provisioner.policy.conditions import TEAM_LABELS
from provisioner.policy.hardening import claude_code_flaws, claude_desktop_flaws
from provisioner.policy.merge import Leaf, Stamped
from provisioner.policy.profile import BudgetRule, Profile, RateRule, complete_flaws
from provisioner.policy.routing import Cache, Condition, Retry, Strategy, Target

NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=3),
    lambda inner: st.dictionaries(NAMES, LEAVES | inner, max_size=3),
    max_leaves=12,
)
# Every name is always a table or always a value, as the schema of profiles sees to.
LEVELLED = st.dictionaries(
    st.sampled_from(["v", "w"]) | st.sampled_from(["T", "U"]), st.none(), max_size=4
).flatmap(
    lambda names: st.fixed_dictionaries(
        {n: LEAVES if n.islower() else st.dictionaries(st.sampled_from(["x", "y"]), LEAVES) for n in names}
    )
)


def over(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    return merge.plain(merge.merge(merge.stamped(parent, "parent"), merge.stamped(child, "child")))


@given(TREES)
def test_a_profile_over_itself_is_itself(tree: dict[str, Any]) -> None:
    assert over(tree, tree) == tree == over({}, tree) == over(tree, {})


@given(LEVELLED, LEVELLED, LEVELLED)
def test_it_never_matters_where_a_chain_is_cut(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    assert over(over(a, b), c) == over(a, over(b, c))


@given(TREES, TREES)
def test_every_value_is_the_childs_or_else_the_parents(parent: dict[str, Any], child: dict[str, Any]) -> None:
    merged = merge.merge(merge.stamped(parent, "parent"), merge.stamped(child, "child"))
    theirs = dict(merge.leaves(merge.stamped(parent, "parent")))
    ours = dict(merge.leaves(merge.stamped(child, "child")))
    for path, leaf in merge.leaves(merged):
        assert leaf == (ours if leaf.origin == "child" else theirs)[path]
    assert ours.items() <= dict(merge.leaves(merged)).items()


@given(TREES)
def test_what_is_unset_is_gone_and_nothing_else(tree: dict[str, Any]) -> None:
    stamped: Stamped = merge.stamped(tree, "p")
    for path, _ in merge.leaves(stamped):
        smaller = merge.without(stamped, path)
        assert smaller is not None
        assert dict(merge.leaves(smaller)) == {p: leaf for p, leaf in merge.leaves(stamped) if p != path}
    assert merge.without(stamped, ("nowhere",)) is None


def test_a_table_replaces_a_value_and_back() -> None:
    assert over({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
    assert over({"a": {"b": 2}}, {"a": 1}) == {"a": 1}
    assert dict(merge.leaves(merge.stamped({"a": {"b": 2}}, "p"))) == {("a", "b"): Leaf(2, "p")}


TABLES = (Profile, Target, Strategy, Condition, Cache, Retry, BudgetRule, RateRule)
WORDS = st.sampled_from(sorted({"env", "permissions", "opus", *(n for t in TABLES for n in t.model_fields)}))
VALUES = st.sampled_from(["", "@p", "fallback", "simple", "a b", 0, 1, -1, 0.5, True, float("nan")])
ANYTHING = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(WORDS, ANYTHING, max_size=8))
def test_what_pruning_leaves_is_sound_and_checks_to_the_end(tree: dict[str, Any]) -> None:
    value, flaws = strict.check(Profile, tree)
    assert (value is None) == bool(flaws)
    rest = Profile.model_validate(strict.pruned(tree, flaws))
    assert all(flaw.path and flaw.fix for flaw in [*flaws, *complete_flaws(rest, TEAM_LABELS)])


@given(st.dictionaries(WORDS, ANYTHING, max_size=4))
def test_hardening_takes_any_tree(tree: dict[str, Any]) -> None:
    for flaw in [*claude_code_flaws(tree), *claude_desktop_flaws(tree)]:
        assert flaw.path[0] in ("claude_code", "claude_desktop")

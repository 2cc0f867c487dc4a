"""From profile files to policies: each chain of `extends` is merged, checked whole, and explained. Pure.

The caller brings the files' texts, by profile name: those that ship with the tool, and over them
those of the user's own folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner import digest, naming, strict
from provisioner.errors import InputError, Problem, UsageError
from provisioner.policy import hardening, merge, profile
from provisioner.policy.conditions import TEAM_LABELS, Labels
from provisioner.policy.model import Hardening, Policy
from provisioner.policy.profile import Profile, complete_flaws
from provisioner.strict import Flaw, Source
from provisioner.toml_lines import key_path

CHAIN_MAX = 8
"""Profiles in one chain of `extends`; more than that nobody can follow."""
_OF_THE_FILE = ("description", "extends", "unset")
"""Keys that speak of the file itself and are not inherited."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A profile with its parents merged in, and where each value comes from."""

    policy: Policy
    description: str
    chain: tuple[str, ...]
    """The profile, its parent, and so on up."""
    values: Mapping[str, Any]
    """Each value by its dotted key; a list is one value."""
    origins: Mapping[str, str]
    """The profile that each of the values comes from, by the same keys."""


@dataclass(frozen=True, slots=True)
class _Link:
    """One file of a chain: what is wrong in it, and its tree without that."""

    name: str
    source: Source
    flaws: list[Flaw]
    tree: dict[str, Any]
    profile: Profile


def resolve(name: str, sources: Mapping[str, str], labels: Labels = TEAM_LABELS) -> Resolved:
    """Return a profile with its parents merged in; `sources` are the texts of all profile files.

    Raises `UsageError` where no such profile is, and `InputError` with every problem of the chain.
    """
    return resolve_all([name], sources, labels)[name]


def resolve_all(
    names: Iterable[str], sources: Mapping[str, str], labels: Labels = TEAM_LABELS
) -> dict[str, Resolved]:
    """Return several profiles by name, as `resolve` does; all their problems come together."""
    resolved: dict[str, Resolved] = {}
    problems: dict[Problem, None] = {}  # a parent's problems are told once
    for name in names:
        if name not in sources:
            hint = strict.suggestion(name, sorted(sources))
            raise UsageError(f"no such policy profile: {naming.shown(name)}", hint)
        outcome = _resolve(name, sources, labels)
        if isinstance(outcome, Resolved):
            resolved[name] = outcome
        else:
            problems.update(dict.fromkeys(outcome))
    if problems:
        raise InputError(problems)
    return resolved


def policy_digest(policy: Policy) -> str:
    """Return the SHA-256 of all that a policy says."""
    return digest.of(dataclasses.asdict(policy))


def _resolve(name: str, sources: Mapping[str, str], labels: Labels) -> Resolved | list[Problem]:
    links, unreadable = _chain(name, sources)
    # A chain that breaks off has its files checked, but not the whole that they would make.
    complete = not unreadable and not any(f.path[0] == "extends" for link in links for f in link.flaws)
    tree: merge.Stamped = {}
    blamed: dict[Flaw, _Link] = {}
    for link in reversed(links) if complete else ():
        tree = _merged(tree, link)
        whole = Profile.model_validate(merge.plain(tree))
        # A flaw of the whole is told in the file that brought it in, not in each one below.
        blamed = {flaw: blamed.get(flaw, link) for flaw in complete_flaws(whole, labels)}
    flawed = [flaw for link in links for flaw in link.flaws]
    for flaw in strict.unrelated(blamed, flawed):
        blamed[flaw].flaws.append(flaw)
    problems = [problem for link in links for problem in link.source.problems(link.flaws)] + unreadable
    return problems or _result(links, tree)


def _chain(name: str, sources: Mapping[str, str]) -> tuple[list[_Link], list[Problem]]:
    """Return the files from the profile up, as far as they can be read, and what stopped it."""
    links: list[_Link] = []
    following: str | None = name
    while following is not None:
        try:
            link = _link(following, sources[following])
        except InputError as error:
            return links, list(error.problems)
        links.append(link)
        following = link.profile.extends
        dead_end = _dead_end(following, [link.name for link in links], sources) if following else None
        if dead_end is not None:
            link.flaws.append(dead_end)
            break
    return links, []


def _dead_end(parent: str, chain: list[str], sources: Mapping[str, str]) -> Flaw | None:
    if parent not in sources:
        fix = strict.suggestion(parent, sorted(set(sources) - set(chain)))
        return Flaw(("extends",), "UNKNOWN_PROFILE", "is no policy profile", fix, parent)
    if parent in chain:
        circle = " > ".join([*chain[chain.index(parent) :], parent])
        return Flaw(("extends",), "CYCLE", f"goes round in a circle: {circle}", "take one of them out")
    if len(chain) == CHAIN_MAX:
        message = f"makes a chain of more than {CHAIN_MAX}"
        return Flaw(("extends",), "TOO_DEEP", message, "extend one higher up", parent)
    return None


def _link(name: str, text: str) -> _Link:
    source = strict.read(text, f"{name}.toml")
    value, flaws = strict.check(Profile, source.tree, _hardening_flaws)
    tree = strict.pruned(source.tree, flaws)
    return _Link(name, source, flaws, tree, value or Profile.model_validate(tree))


def _hardening_flaws(own: Profile) -> Iterator[Flaw]:
    yield from hardening.claude_code_flaws(own.claude_code)
    yield from hardening.claude_desktop_flaws(own.claude_desktop)


def _merged(parents: merge.Stamped, link: _Link) -> merge.Stamped:
    """Return the parents' tree with one file merged in; appends to its flaws what can't be unset."""
    kept = parents
    for position, text in enumerate(link.profile.unset):
        path = key_path(text)
        smaller = merge.without(kept, path) if path else None
        if smaller is None:
            known = {
                strict.dotted(at[:end]) for at, _ in merge.leaves(parents) for end in range(1, len(at) + 1)
            }
            fix = strict.suggestion(text, sorted(known))
            link.flaws.append(Flaw(("unset", position), "NOT_SET", "is set by no parent", fix, text))
        else:
            kept = smaller
    own = {name: value for name, value in link.tree.items() if name not in _OF_THE_FILE}
    return merge.merge(kept, merge.stamped(own, link.name))


def _result(links: list[_Link], tree: merge.Stamped) -> Resolved:
    whole = Profile.model_validate(merge.plain(tree))
    values = {strict.dotted(path): leaf for path, leaf in merge.leaves(tree)}
    policy = Policy(
        name=links[0].name,
        models=profile.models(whole.models),
        config=merge.plain(tree)["routing"],
        budget=profile.budget(whole.budget),
        rate_limits=profile.rate_limits(whole.rate_limits),
        hardening=Hardening(claude_code=whole.claude_code, claude_desktop=whole.claude_desktop),
        per_user=whole.budget is not None and whole.budget.per == "user",
    )
    return Resolved(
        policy=policy,
        description=links[0].profile.description,
        chain=tuple(link.name for link in links),
        values={path: leaf.value for path, leaf in values.items()},
        origins={path: leaf.origin for path, leaf in values.items()},
    )

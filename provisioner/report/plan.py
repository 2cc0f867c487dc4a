"""A plan as a person reads it before saying yes, and as JSON. Pure.

What takes something away is always listed whole; long lists of anything else are cut and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

from gateway_client.contract import RateLimit
from provisioner.plan import paper
from provisioner.plan.counts import SecondMatch
from provisioner.plan.model import (
    Action,
    AdoptConfig,
    AdoptKey,
    AdoptRotation,
    Blocked,
    CloseIntent,
    CreateConfig,
    DiscardKey,
    ForgetKey,
    KeepConfig,
    KeepKey,
    Leaver,
    MintKey,
    Plan,
    RevokeKey,
    RotateKey,
    UpdateConfig,
    UpdateKey,
    WantedKey,
)
from provisioner.report import counts
from provisioner.report.columns import counted, cut, hanging, joined, plain, table

PEOPLE_MAX = 20
ADDED_MAX = 40
"""Rows of one kind of action that adds or mends."""

HEADINGS: Mapping[str, tuple[str, str, str]] = {
    "close-intent": ("settle", "step", " of a run that broke off"),
    "discard-key": ("discard", "key", " of a run that broke off, its secret was never kept"),
    "adopt-config": ("take up", "config", " of a run that broke off"),
    "adopt-key": ("take up", "key", " of a run that broke off"),
    "adopt-rotation": ("take up", "new secret", " of a run that broke off"),
    "create-config": ("create", "config", ""),
    "update-config": ("update", "config", ""),
    "mint-key": ("mint", "key", ""),
    "update-key": ("update", "key", ""),
    "rotate-key": ("rotate", "key", ""),
    "forget-key": ("forget", "key", " that is gone at the gateway already"),
    "revoke-key": ("revoke", "key", ""),
}
"""Verb, noun and addition by kind of change, in the order of the text; what takes away comes last."""
TAKING = frozenset({"discard-key", "rotate-key", "revoke-key"})
UNITS = {"rps": "second", "rpm": "minute", "rph": "hour", "rpd": "day", "rpw": "week"}


def text(plan: Plan, width: int) -> str:
    """Return the plan for a terminal of `width` characters; the last line sums it up."""
    parts = [
        [f"plan for {plain(plan.roster_file)} at {plain(plan.gateway)}", *_who(plan, width, whole=False)],
        list(_who(plan, width, whole=True)),
        list(_consoles(plan, width)),
        [*_changes(plan, width), *_kept(plan)],
        list(_blocked(plan, width)),
        [remarks(plan, width)],
        list(hanging("", _summary(plan), width)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if any(part))


def remarks(plan: Plan, width: int) -> str:
    """Return what a person should know of the roster besides the changes; empty when there is nothing."""
    parts = [
        list(_second_rows(plan, width)),
        list(_second_rules(plan, width)),
        list(_expired(plan)),
        list(_leavers(plan, width)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as in `plan.json`, how many actions of each kind, and whether any is a change."""
    return {
        "version": 1,
        "kind": "plan",
        "nothing_to_do": not plan.changes,
        "counts": dict(sorted(Counter(a.kind for a in plan.actions).items())),
        "plan": paper.as_json(plan),
    }


def _who(plan: Plan, width: int, *, whole: bool) -> Iterator[str]:
    """Yield who gets what, either as the one line that does or as a block of its own."""
    if plan.counts is not None and plan.counts.simple is not whole:
        yield from counts.who(plan.counts, width)


def _consoles(plan: Plan, width: int) -> Iterator[str]:
    if plan.consoles is not None:
        yield from counts.consoles(
            plan.consoles, width, whole=plan.counts is not None and not plan.counts.simple
        )


def _changes(plan: Plan, width: int) -> Iterator[str]:
    for kind in HEADINGS:
        group = [a for a in plan.changes if a.kind == kind]
        if not group:
            continue
        verb, noun, more = HEADINGS[kind]
        live = f" of {plan.live_keys:,} live ones" if kind == "revoke-key" and plan.live_keys else ""
        yield f"{verb} {counted(len(group), noun)}{live}{more}"
        shown = group if kind in TAKING else group[:ADDED_MAX]
        yield from table(((a.name, _told(a)) for a in shown), width)
        if len(shown) < len(group):
            yield f"  ... and {len(group) - len(shown):,} more; all of them: --format json"


def _told(action: Action) -> str:
    """Return what a line says of an action besides its name."""
    match action:
        case MintKey():
            return "; ".join((action.why, *_limits(action.key)))
        case UpdateConfig() | UpdateKey() | RotateKey() | RevokeKey() | CloseIntent() | Blocked():
            return action.why
        case AdoptConfig():
            return action.slug
        case AdoptKey() | AdoptRotation() | DiscardKey() | ForgetKey():
            return action.id
        case CreateConfig() | KeepConfig() | KeepKey():
            return ""
        case _:
            assert_never(action)


def _limits(key: WantedKey) -> Iterator[str]:
    """Yield what a new key may do: its config, its budget, its rates, its end."""
    yield f"config {key.config}"
    if key.budget is None:
        yield "no budget"
    else:
        period = "in all" if key.budget.reset is None else key.budget.reset
        yield f"{key.budget.usd:,} USD {period}"
    yield from (_rate(limit) for limit in key.rate_limits)
    if key.expires_at is not None:
        yield f"expires {key.expires_at:%Y-%m-%d}"


def _rate(limit: RateLimit) -> str:
    return f"{limit.value:,} {limit.kind} a {UNITS[limit.unit]}"


def _kept(plan: Plan) -> Iterator[str]:
    if told := _kept_counts(plan):
        yield f"keep {told} as they are"


def _kept_counts(plan: Plan) -> str:
    kinds = Counter(a.kind for a in plan.actions)
    kept = ((kinds["keep-config"], "config"), (kinds["keep-key"], "key"))
    return joined([counted(count, noun) for count, noun in kept if count])


def _blocked(plan: Plan, width: int) -> Iterator[str]:
    if not plan.blocked:
        return
    yield f"blocked: {len(plan.blocked):,}"
    for block in plan.blocked:
        yield from hanging(f"  {plain(block.name)}: ", plain(block.why), width)
        yield from hanging("    fix: ", plain(block.fix), width)


def _second_rows(plan: Plan, width: int) -> Iterator[str]:
    rows = [m for m in plan.second_matches if not m.ruled]
    if not rows:
        return
    those, their = ("person stands", "the") if len(rows) == 1 else ("people stand", "their")
    told = f"{len(rows):,} {those} in several rows; {their} device gets the first row's assignment:"
    yield from hanging("", told, width)
    yield from _matches(rows, width)


def _second_rules(plan: Plan, width: int) -> Iterator[str]:
    """Yield whom a second rule matches, those first who get a key by it."""
    ruled = sorted((m for m in plan.second_matches if m.ruled), key=lambda m: not m.key_only)
    if not ruled:
        return
    people = sum(m.kind == "person" for m in ruled)
    told = [(people, "person", "people"), (len(ruled) - people, "device", "devices")]
    many = joined([counted(*kind) for kind in told if kind[0]])
    match = "matches" if len(ruled) == 1 else "match"
    yield from hanging("", f"{many} {match} a second rule; the first one counts:", width)
    yield from _matches(ruled, width)


def _matches(matches: Sequence[SecondMatch], width: int) -> Iterator[str]:
    rows = ((m.id, m.won or "nothing", _second_told(m)) for m in matches[:PEOPLE_MAX])
    yield from table(rows, width)
    if len(matches) > PEOPLE_MAX:
        yield f"  ... and {len(matches) - PEOPLE_MAX:,} more; all of them: --format json"


def _second_told(match: SecondMatch) -> str:
    told = (("keys only", match.key_only), ("skipped", match.skipped))
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in told if names)


def _expired(plan: Plan) -> Iterator[str]:
    if plan.expired:
        yield f"{counted(len(plan.expired), 'row', 'rows')} left out, the date under expires has come:"
        yield from cut([f"  {plain(email)}" for email in plan.expired], PEOPLE_MAX, "  ... and {} more")


def _leavers(plan: Plan, width: int) -> Iterator[str]:
    if plan.leavers:
        many = len(plan.leavers) > 1
        told = (
            f"{counted(len(plan.leavers), 'live key')} that no row asks for any more: listed, not revoked;"
            f" --prune revokes {'them' if many else 'it'}:"
        )
        yield from hanging("", told, width)
        yield from table(((x.name, _same_person(x)) for x in plan.leavers[:PEOPLE_MAX]), width)
        if len(plan.leavers) > PEOPLE_MAX:
            yield f"  ... and {len(plan.leavers) - PEOPLE_MAX:,} more"


def _same_person(leaver: Leaver) -> str:
    return f"the same person as {leaver.same_person_as}" if leaver.same_person_as else ""


def _summary(plan: Plan) -> str:
    """Return the line that an admin reads last, right above the question."""
    blocked = f"; {len(plan.blocked):,} blocked" if plan.blocked else ""
    if not plan.changes:
        kept = _kept_counts(plan)
        return f"nothing to do{blocked}" + (f": {kept} stand as they should" if kept and not blocked else "")
    done = Counter((HEADINGS[a.kind][0], HEADINGS[a.kind][1]) for a in plan.changes)
    order = dict.fromkeys((verb, noun) for verb, noun, _more in HEADINGS.values())
    told = ", ".join(f"{counted(done[k], k[1])} to {k[0]}" for k in order if done[k])
    return f"{told}{blocked}"

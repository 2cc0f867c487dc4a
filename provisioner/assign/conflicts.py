"""What stops a run: decisions that contradict each other, seen on the finished result. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from provisioner import digest, naming
from provisioner.assign.devices import two_assignments
from provisioner.assign.gather import Gathered, Order
from provisioner.assign.model import Assignment, Choice, RulesAt, Verdict
from provisioner.errors import Problem
from provisioner.fleet import Fleet
from provisioner.naming import shown
from provisioner.policy.model import Policy


class Origin(NamedTuple):
    """Where a choice stands, for problems."""

    file: str
    row: int | None
    told: str


def origin(choice: Choice, rules_at: RulesAt) -> Origin:
    """Return where a choice stands: its row, or its rule."""
    if choice.row is not None:
        return Origin(choice.row.file, choice.row.row, str(choice.row.place))
    at = choice.rule or 0
    line = rules_at.lines[at] if at < len(rules_at.lines) else 0
    told = f"rule {at + 1} ({rules_at.file}:{line})" if line else f"rule {at + 1} of {rules_at.file}"
    return Origin(rules_at.file, line or None, told)


def meeting_names(gathered: Iterable[Gathered], order: Order, rules_at: RulesAt) -> Iterator[Problem]:
    """Yield a problem for each name that two assignments, configs or keys would have."""
    first: dict[tuple[str, str], tuple[str, Origin]] = {}
    told: set[tuple[str, str]] = set()
    for one in sorted(gathered, key=lambda g: (min(map(order, g.choices)), g.unit)):
        unit = one.unit
        pair = f"{unit.team} + {unit.env}"
        whose = unit.person or unit.service or unit.label or ""
        whole = f"{pair} of {whose}" if whose else pair
        # Labelled devices share their team's key; each pool has its own.
        keyed = whole if unit.person or unit.service or unit.pool else pair
        names = (("assignment", unit.name, whole), ("config", one.config, pair), ("key", unit.key, keyed))
        here = origin(min(one.choices, key=order), rules_at)
        for what, name, meaning in names:
            other, there = first.setdefault((what, name), (meaning, here))
            if other != meaning and (other, meaning) not in told:
                told.add((other, meaning))
                message = f"{meaning} by {here.told} and {other} by {there.told} become one {what}"
                fix = "rename one of the teams, envs or pools"
                yield Problem(here.file, here.row, None, "ASSIGNMENT_COLLISION", message, fix, shown(name))


def profiles(
    gathered: Iterable[Gathered], policies: Mapping[str, Policy], order: Order, rules_at: RulesAt
) -> Iterator[Problem]:
    """Yield a problem for each key that would follow two policy profiles, or config two routings.

    Keys of one team in one env may have profiles of their own, such as people's on their own devices:
    as long as these route alike, the one config serves them all.
    """
    routing = {name: digest.of(policy.config) for name, policy in policies.items()}
    chosen: dict[str, dict[str, Choice]] = {}
    for one in gathered:
        for choice in one.choices:
            profile = choice.profile
            for name, follows in ((naming.key_name(one.unit.key), profile), (one.config, routing[profile])):
                of_name = chosen.setdefault(name, {})
                best = of_name.get(follows)
                if best is None or order(choice) < order(best):
                    of_name[follows] = choice
    told: set[tuple[str, str]] = set()
    for name, of_name in sorted(chosen.items(), key=lambda item: not item[0].startswith(naming.KEY_PREFIX)):
        first, *others = sorted(of_name.values(), key=lambda choice: (order(choice), choice.profile))
        there = origin(first, rules_at)
        for second in others:
            if (first.profile, second.profile) in told:
                continue
            told.add((first.profile, second.profile))
            here = origin(second, rules_at)
            message = f"gives profile {second.profile} by {here.told}, {there.told} gives {first.profile}"
            fix = "name one profile for this team and env, or give one of them another team or env"
            yield Problem(here.file, here.row, None, "PROFILE_CONFLICT", message, fix, shown(name))


def devices_twice(assignments: Iterable[Assignment]) -> Iterator[Problem]:
    """Yield a problem for each device that two assignments would reach.

    Each assignment brings both products, so what holds per device holds per device and product.
    """
    reached: dict[str, Verdict] = {}
    for assignment in assignments:
        for member in assignment.members:
            device = member.device.id if member.device is not None else member.serial.upper()
            first = reached.setdefault(device, member)
            if first is member or not device:
                continue
            if first.assignment == assignment.name:
                reached[device] = min(first, member, key=_place)
            else:
                against = f"{_place(first)} gives {first.assignment}"
                yield two_assignments(device, member.place, assignment.name, against)


def _place(verdict: Verdict) -> str:
    row = verdict.choice.row if verdict.choice else None
    return str(row.place if row else verdict.place)


def per_user_budgets(assignments: Iterable[Assignment], file: str) -> Iterator[Problem]:
    """Yield a problem for each assignment with a budget per person where not every person can be told.

    Whoever sends no `user` shares one bucket with all others who don't: they are cut off together
    (rollout 1). A key of one's own tells the person; a label tells one device, but not one of a pool.
    """
    for assignment in assignments:
        own = assignment.person is not None or assignment.service is not None
        if not assignment.policy.per_user or own:
            continue
        causes = Counter(cause for member in assignment.members if (cause := _untold(member)))
        if causes:
            counted = ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items()))
            message = f"the budget of profile {assignment.policy.name} is per person, and who can't be told: "
            fix = (
                'give persons\' keys (key = "person"), take per = "user" out of the profile\'s budget, or let'
                " rules give these devices another team"
            )
            yield Problem(file, None, None, "PER_USER_BUDGET", message + counted, fix, shown(assignment.name))


def _untold(member: Verdict) -> str:
    """Return why a member's requests name no user, for people; empty where they do."""
    match member.attribution:
        case "variable" | "script":
            return "" if member.expected else f"on {member.platform or 'devices'} without an e-mail address"
        case "key":
            return ""
        case "device":
            return "in a pool" if member.choice is not None and member.choice.pool else ""
        case "none":
            pass
    if member.choice is not None and member.choice.rule is not None and member.choice.attribution == "none":
        return 'by a rule with attribution = "none"'
    if member.platform == "windows":
        return "on Windows without a script (intune.remediation_key)"
    return f"on {member.platform or 'devices'}, where nothing fills in the person"


def nobody(verdicts: Sequence[Verdict], fleet: Fleet, rules_at: RulesAt) -> Iterator[Problem]:
    """Yield a problem where nothing comes of the whole roster: as if everybody had left (T11)."""
    if not verdicts or any(v.status in ("assigned", "key-only") for v in verdicts):
        return
    message = f"nobody and nothing of {len(verdicts)} in the roster gets anything"
    fix = "look at the reasons: provision roster check"
    if not fleet.assign and not any(v.choice for v in verdicts):
        message = "the sources name people and devices, and no [[assign]] says who gets what"
        fix = 'add one: when = { department = "*" }, team = { from = "department" }, env = "prod"'
        yield Problem(rules_at.file, None, "assign", "RULES_MISSING", message, fix)
        return
    reasons = Counter(v.reason or v.status for v in verdicts)
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items(), key=_frequent))
    yield Problem(rules_at.file, None, None, "NOBODY_ASSIGNED", f"{message}: {listed}", fix)


def _frequent(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]

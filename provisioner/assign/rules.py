"""`[[assign]]`, compiled once: which rules match a person, device or service, and what they give. Pure.

A condition answers each distinct text with the set of rules that it lets pass: a number whose bit n
stands for rule n. The rules that match are what all conditions let pass, and subjects with equal
answers to what the rules ask are decided once. So 200 rules over 220,000 subjects cost a few
look-ups for each subject, not 44 million comparisons.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, assert_never

from provisioner.assign.conditions import Condition
from provisioner.assign.model import Attribution, Choice
from provisioner.assign.teams import Named, Teams
from provisioner.fleet import Column, Fleet, From, Pool, Rule
from provisioner.fleet.rules import OWN_CONDITIONS, Scope
from provisioner.roster.model import Device, Facts, Person
from provisioner.roster.titles import normal
from provisioner.roster.words import read_day

_OF_DEVICES = ("name", "platform", "mdm", "enrolment")


class Unmapped(NamedTuple):
    """A text of which no team or env comes, at a rule that would have decided."""

    fact: str
    text: str
    wanted: str
    """`team` or `env`."""


class Match(NamedTuple):
    """All rules that match, in order; the first one wins."""

    choices: tuple[Choice, ...]
    """The end is left open where a column tells it."""
    unmapped: tuple[Unmapped, ...]
    alike: bool
    """Whether everybody with this match gets the very same: no person's key, no date of one's own."""


class Rules:
    """The rules of a fleet file, ready to be asked."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._rules = rules = fleet.assign
        self._teams = Teams(fleet.roster)
        self._team_facts = tuple(_fact(rule.team) for rule in rules)
        self._env_facts = tuple(_fact(rule.env) for rule in rules)
        self.scopes = tuple(_scope(rule, fleet) for rule in rules)
        self.ends = tuple(normal(r.expires.fact) if isinstance(r.expires, Column) else None for r in rules)
        """By rule, the fact that tells when it ends for somebody."""
        self._own = {name: Condition(name, rules) for name in OWN_CONDITIONS}
        asked = dict.fromkeys(name for rule in rules for name in rule.when if name not in OWN_CONDITIONS)
        self._facts = tuple((normal(name), Condition(name, rules)) for name in asked)
        derived = (fact for fact in (*self._team_facts, *self._env_facts) if fact not in (None, "group"))
        self._sources = tuple(dict.fromkeys(fact for fact in derived if fact is not None))
        self._from_device = frozenset((*(fact for fact, _ in self._facts), *self._sources))
        self.unmanaged = frozenset(
            at for at in range(len(rules)) if self._own["managed"].takes_only("false", "true", at)
        )
        """Rules that ask for people whose devices nobody manages."""
        self.giving_keys = frozenset(at for at, r in enumerate(rules) if "key-only" in (r.second, r.gives))
        """Rules that give a key where an earlier one has decided."""
        self.of_devices = frozenset(
            at for at, r in enumerate(rules) if "name" in r.when or r.when.get("kind") == ("device",)
        )
        """Rules that name devices, whosever they are."""
        self._by_groups: dict[tuple[str, ...], int] = {}
        self._by_class: dict[tuple[object, ...], int] = {}
        self._choices: dict[tuple[object, ...], Choice | Unmapped | None] = {}
        self._known: dict[tuple[object, ...], Match] = {}

    def match(self, person: Person | None, device: Device | None) -> Match:
        """Return what matches a person's device, somebody without a device, or a device of nobody.

        Whoever has no device counts as unmanaged. Facts are the person's, and where the person has
        none the device's.
        """
        if not self._rules:
            return _NOTHING
        facts = _NO_FACTS if person is None else person.facts
        if device is None:
            passing = self._of_class(person is not None, None)
        else:
            passing = self._of_class(person is not None, device)
            if device.name:
                passing &= self._own["name"].fresh(device.name)
            if device.facts and not self._from_device.isdisjoint(device.facts):
                facts = {**device.facts, **{fact: text for fact, text in facts.items() if text}}
        groups = () if person is None else person.groups
        by_groups = self._by_groups.get(groups)
        if by_groups is None:
            by_groups = self._by_groups[groups] = self._own["group"].any_of(groups)
        passing &= by_groups
        get = facts.get
        for fact, condition in self._facts:
            text = get(fact)
            bits = condition.seen.get(text)
            passing &= condition.of(text) if bits is None else bits
        key = (passing, groups, *map(get, self._sources))
        match = self._known.get(key)
        if match is None:
            match = self._known[key] = self._matched(passing, groups, facts)
        return match

    def match_service(self) -> Match:
        """Return what matches a service: it has no facts, groups or device."""
        passing = self._own["kind"].of("service") & self._own["managed"].of("false")
        for condition in (*(self._own[name] for name in _OF_DEVICES), *(c for _, c in self._facts)):
            passing &= condition.of(None)
        return self._matched(passing & self._own["group"].of(None), (), _NO_FACTS)

    def ended(self, choice: Choice, person: Person | None, device: Device | None) -> tuple[date | None, str]:
        """Return when a choice ends for somebody, and the text where it tells no certain day."""
        fact = None if choice.rule is None else self.ends[choice.rule]
        if fact is None:
            return choice.expires, ""
        text = ((person and person.facts.get(fact)) or (device and device.facts.get(fact)) or "").strip()
        day = read_day(text) if text else None
        return day, "" if day else text

    def _of_class(self, somebody: bool, device: Device | None) -> int:
        """Return the rules that pass by what many devices have in common; by their names, those that pass
        without one, where there is none."""
        if device is None:
            key: tuple[object, ...] = (somebody,)
        else:
            named = bool(device.name)
            key = (somebody, named, device.platform, device.managed, device.mdm, device.enrolment)
        passing = self._by_class.get(key)
        if passing is None:
            own = self._own
            kinds = (*(("person",) if somebody else ()), *(("device",) if device is not None else ()))
            passing = own["kind"].any_of(kinds)
            passing &= own["managed"].of("true" if device is not None and device.managed else "false")
            for name in _OF_DEVICES:
                if name != "name" or device is None or not device.name:
                    passing &= own[name].of(getattr(device, name, None))
            self._by_class[key] = passing
        return passing

    def _matched(self, passing: int, groups: tuple[str, ...], facts: Facts) -> Match:
        choices: list[Choice] = []
        unmapped: list[Unmapped] = []
        while passing:
            lowest = passing & -passing
            passing ^= lowest
            at = lowest.bit_length() - 1
            rule = self._rules[at]
            by = self._own["group"].matched(rule, groups) if groups else ()
            decided = bool(choices)
            each = by if "group" in (self._team_facts[at], self._env_facts[at]) else by[:1]
            for group in each or ("",):
                choice = self._choice(at, group, facts)
                if isinstance(choice, Choice):
                    choices.append(choice)
                elif choice is not None and not decided:
                    unmapped.append(choice)
        alike = all(c.rule is not None and c.scope == "team" and self.ends[c.rule] is None for c in choices)
        return Match(tuple(choices), tuple(dict.fromkeys(unmapped)), alike)

    def _choice(self, at: int, group: str, facts: Facts) -> Choice | Unmapped | None:
        """Return what a rule that matches gives; text that maps to nothing leaves it to the next one."""
        of_team, of_env = self._team_facts[at], self._env_facts[at]
        team = None if of_team is None else group if of_team == "group" else facts.get(of_team)
        env = None if of_env is None else group if of_env == "group" else facts.get(of_env)
        key = (at, group, team, env)
        if key not in self._choices:
            self._choices[key] = self._made(self._rules[at], at, group, team or "", env or "")
        return self._choices[key]

    def _made(
        self, rule: Rule, at: int, group: str, team_text: str, env_text: str
    ) -> Choice | Unmapped | None:
        skips = rule.gives == "skip"
        if isinstance(rule.team, From) and not skips:
            team = self._teams.team(team_text) if team_text else None
            if team is None:
                return Unmapped(rule.team.fact, team_text, "team") if team_text else None
        else:
            team = Named(rule.team, rule.team) if isinstance(rule.team, str) else Named("", "")
        env: str | None = rule.env if isinstance(rule.env, str) else ""
        if isinstance(rule.env, From) and not skips:
            env = self._teams.env(env_text) if env_text else None
            if env is None:
                return Unmapped(rule.env.fact, env_text, "env") if env_text else None
        attribution, pool = _attribution(rule)
        return Choice(
            team=team.slug,
            team_display=team.display,
            env=env or "",
            profile=rule.profile or self._fleet.profile_for(team.slug, env or ""),
            ring=rule.ring,
            scope=self.scopes[at],
            attribution=attribution,
            pool=pool,
            expires=rule.expires if isinstance(rule.expires, date) else None,
            gives=rule.gives,
            rule=at,
            via=_via(rule, group),
        )


_NOTHING = Match((), (), True)
_NO_FACTS: dict[str, str] = {}


def _fact(source: str | From | None) -> str | None:
    """Return the fact that a team or env comes from, as facts are called, or `group`."""
    if not isinstance(source, From):
        return None
    return source.fact if source.fact == "group" else normal(source.fact)


def _attribution(rule: Rule) -> tuple[Attribution, str | None]:
    match rule.attribution:
        case Pool(name):
            return "device", name
        case "variable" | "device" | "none":
            return rule.attribution, None
        case _:
            assert_never(rule.attribution)


def _scope(rule: Rule, fleet: Fleet) -> Scope:
    """Return whose key a rule gives; what is labelled by its device is shared by whoever sits at it."""
    return "team" if rule.shared(fleet.keys.scope) else "person"


def _via(rule: Rule, group: str) -> str:
    """Return the conditions as they held; the group is the one that the rule matched by."""
    parts = []
    for name, wanted in rule.when.items():
        texts = (w if isinstance(w, str) else str(w).lower() for w in wanted)
        parts.append(f"{name} {group if name == 'group' else ' or '.join(texts)}")
    return ", ".join(parts)

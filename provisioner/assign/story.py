"""Why each rule matches one person, device or service, or does not. Pure; for explanations only.

`assign.build` decides for everybody at once; this tells the same for one subject, condition by
condition, with the texts that were compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from provisioner.assign.teams import Teams
from provisioner.fleet import Fleet
from provisioner.fleet.patterns import Wanted, pattern, spelled
from provisioner.fleet.rules import From, Rule
from provisioner.roster.model import Device, Person, Service
from provisioner.roster.titles import normal


class Subject(NamedTuple):
    """Whom or what rules are asked about: a person, a device with its person or without, a service."""

    person: Person | None
    device: Device | None
    service: Service | None = None


class Asked(NamedTuple):
    """One condition of a rule, or a fact that the rule takes its team or env from."""

    name: str
    wanted: tuple[str, ...]
    """Texts as the rule has them; empty where a team or env is taken from a fact."""
    has: tuple[str, ...]
    """What the subject has."""
    by: str | None
    """The one of those that fits; None: none does."""
    becomes: str | None = None
    """What comes out, where the rule takes its team or env from it: `team eng`, `no team`."""


class Tried(NamedTuple):
    """One rule, held against one subject."""

    at: int
    """Index in `[[assign]]`."""
    rule: Rule
    asked: tuple[Asked, ...]

    @property
    def matches(self) -> bool:
        """Whether every condition holds, and a team and env come out."""
        return all(asked.by is not None for asked in self.asked)


def tried(fleet: Fleet, subject: Subject) -> tuple[Tried, ...]:
    """Return every rule with what it asked and found, in order."""
    teams = Teams(fleet.roster)
    return tuple(Tried(at, rule, tuple(_asked(rule, subject, teams))) for at, rule in enumerate(fleet.assign))


def _asked(rule: Rule, subject: Subject, teams: Teams) -> Iterator[Asked]:
    groups: tuple[str, ...] = ()
    for name, wanted in rule.when.items():
        fitting = _fitting(wanted, _has(name, subject))
        groups = fitting if name == "group" else groups
        shown = tuple(w if isinstance(w, str) else str(w).lower() for w in wanted)
        yield Asked(name, shown, _has(name, subject), fitting[0] if fitting else None)
    for takes, source in (("team", rule.team), ("env", rule.env)):
        if isinstance(source, From) and rule.gives != "skip":
            has = groups if source.fact == "group" else _has(source.fact, subject)
            yield _taken(takes, source.fact, has, teams)


def _fitting(wanted: tuple[Wanted, ...], has: tuple[str, ...]) -> tuple[str, ...]:
    """Return what fits, in the order of the rule's texts."""
    folded = {text: text.strip().casefold() for text in has if text.strip()}
    fits = [pattern([text]) for text in spelled(wanted)]
    return tuple(dict.fromkeys(text for fit in fits for text in folded if fit.match(folded[text])))


def _taken(takes: str, fact: str, has: tuple[str, ...], teams: Teams) -> Asked:
    """Return how a team or env comes out of a fact's text; a text without one leaves it to the next rule."""
    for text in has:
        named = teams.team(text) if takes == "team" else None
        if becomes := named.slug if named else teams.env(text) if takes == "env" else None:
            return Asked(fact, (), has, text, f"{takes} {becomes}")
    return Asked(fact, (), has, None, f"no {takes}")


def _has(name: str, subject: Subject) -> tuple[str, ...]:
    person, device, service = subject
    match name:
        case "kind":
            kinds = (("person", person), ("device", device), ("service", service))
            return tuple(kind for kind, one in kinds if one is not None)
        case "group":
            return person.groups if person else ()
        case "name" | "platform" | "mdm" | "enrolment":
            value = getattr(device, name) if device else None
            return (value,) if value else ()
        case "managed":
            return ("true" if device is not None and device.managed else "false",)
        case _:
            facts = (one.facts.get(normal(name)) for one in (person, device) if one is not None)
            return tuple(fact for fact in facts if fact)[:1]

"""The tables of a profile file, and what a complete profile must have. Pure.

A file may be partial, for its parents give the rest; so nearly every key may be absent, and
`complete_flaws` asks of the resolved whole what single files can't be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from gateway_client.contract import Budget, RateKind, RateLimit, RateUnit
from provisioner.policy.conditions import Labels
from provisioner.policy.model import Models
from provisioner.policy.routing import Route, route_flaws
from provisioner.spelling import Slug
from provisioner.strict import Flaw, Many, Refused, Strict, wrong

_MODEL = re.compile(r"[!-~]{1,200}")


def _model(text: str) -> str:
    if not _MODEL.fullmatch(text):
        fix = "write the id that the gateway knows, without spaces"
        raise wrong("BAD_VALUE", "is not a model's name", fix, text)
    return text


Pin = Annotated[str, AfterValidator(_model)]
Positive = Annotated[int, Field(ge=1)]


class Pins(Strict):
    """What the client's four model aliases mean."""

    opus: Pin | None = None
    sonnet: Pin | None = None
    haiku: Pin | None = None
    fable: Pin | None = None


class BudgetRule(Strict):
    """What one key, or one person, may spend."""

    usd: Positive | None = None
    """Whole US dollars per period; Portkey takes no fractions (facts/portkey.md 4.1)."""
    reset: Literal["weekly", "monthly", "never"] = "monthly"
    alert_at_usd: Positive | None = None
    per: Literal["key", "user"] = "key"
    """`user`: the amount is each person's; a key of several people can't hold that (facts/portkey.md 6.5)."""


class RateRule(Strict):
    """What one key may ask for in a unit of time."""

    kind: RateKind
    unit: RateUnit
    value: Positive


class Profile(Strict):
    """One profile file, or what a chain of them comes to."""

    REFUSED: ClassVar[Refused] = {
        "name": ("is not written inside", "the file's name is the profile's name"),
        "rate_limit": ("is written in the plural", "write each one as [[rate_limits]]"),
    }

    description: str = ""
    """One line for people; never inherited."""
    extends: Slug | None = None
    """The parent: its tables are merged with these, its other values replaced by these."""
    unset: Many[str] = ()
    """Dotted keys of the parent to leave out before these are merged in."""
    models: Pins = Field(default_factory=Pins)
    routing: Route = Field(default_factory=Route)
    budget: BudgetRule | None = None
    rate_limits: Many[RateRule] = ()
    claude_code: dict[str, Any] = Field(default_factory=dict)
    claude_desktop: dict[str, Any] = Field(default_factory=dict)


def complete_flaws(profile: Profile, labels: Labels) -> Iterator[Flaw]:
    """Yield what a resolved profile lacks, and what in it does not go together."""
    for alias in Pins.model_fields:
        if getattr(profile.models, alias) is None:
            # An unpinned alias moves with client upgrades (facts/claude-code.md 5.4).
            yield Flaw(("models", alias), "MISSING_KEY", "is not pinned", f'add {alias} = "claude-..."')
    yield from route_flaws(profile.routing, ("routing",), labels)
    if profile.budget is not None:
        usd, alert = profile.budget.usd, profile.budget.alert_at_usd
        if usd is None:
            yield Flaw(("budget", "usd"), "MISSING_KEY", "is missing", "add whole dollars, usd = 500")
        elif alert is not None and alert >= usd:
            fix = f"write less than {usd}"
            yield Flaw(("budget", "alert_at_usd"), "BAD_VALUE", "is not below the budget", fix, alert)
    seen = set()
    for at, rule in enumerate(profile.rate_limits):
        if (rule.kind, rule.unit) in seen:
            message = f"limits {rule.kind} per {rule.unit} a second time"
            yield Flaw(("rate_limits", at), "DUPLICATE", message, "keep one of the two")
        seen.add((rule.kind, rule.unit))


def models(pins: Pins) -> Models:
    """Return the pins of a complete profile."""
    return Models(pins.opus or "", pins.sonnet or "", pins.haiku or "", pins.fable or "")


def budget(rule: BudgetRule | None) -> Budget | None:
    """Return the budget of a complete profile; no reset is None."""
    if rule is None or rule.usd is None:
        return None
    reset = None if rule.reset == "never" else rule.reset
    return Budget(usd=rule.usd, reset=reset, alert_at_usd=rule.alert_at_usd)


def rate_limits(rules: tuple[RateRule, ...]) -> tuple[RateLimit, ...]:
    """Return the rate limits, sorted, so that their order in the file never counts as a change."""
    return tuple(sorted(RateLimit(rule.kind, rule.unit, rule.value) for rule in rules))

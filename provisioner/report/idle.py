"""Rules that match nobody, as text and JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.assign.idle import idle_rules
from provisioner.assign.model import Coverage, RulesAt
from provisioner.fleet import Fleet, From, Rule
from provisioner.report.columns import counted, cut, hanging, plain
from provisioner.report.roster import ALL_OF_THEM, LINES_MAX, numbered


def text(coverage: Coverage, fleet: Fleet, rules_at: RulesAt, width: int) -> str:
    """Return a line for each; empty where there is none."""
    found = idle_rules(coverage, fleet)
    if not found:
        return ""
    told = [f"{numbered(at, rules_at)}, matches nobody: {plain(_asks(fleet.assign[at]))}" for at in found]
    lines = [line for one in cut(told, LINES_MAX, ALL_OF_THEM.strip()) for line in hanging("  ", one, width)]
    return "\n".join((f"{counted(len(found), 'rule')} that matched nobody:", *lines))


def as_json(coverage: Coverage, fleet: Fleet, rules_at: RulesAt) -> list[dict[str, Any]]:
    """Return all of them: what people call each, and what it asks."""
    return [
        {"rule": numbered(at, rules_at), "asks": _asks(fleet.assign[at])}
        for at in idle_rules(coverage, fleet)
    ]


def _asks(rule: Rule) -> str:
    return ", ".join(_conditions(rule)) or "nothing"


def _conditions(rule: Rule) -> Iterator[str]:
    """Yield the conditions; a fact that the team or env comes from is one, too: its text must map to some."""
    for name, wanted in rule.when.items():
        yield f"{name} {' or '.join(w if isinstance(w, str) else str(w).lower() for w in wanted)}"
    for takes, source in (("team", rule.team), ("env", rule.env)):
        if isinstance(source, From) and rule.gives != "skip":
            yield f"{takes} from {source.fact}"

"""Budgets and rates as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_client.bundled.governance.gates import budget_gauge, credit
from gateway_client.bundled.pages.text import dollars, number

UNITS = {"rps": "a second", "rpm": "a minute", "rph": "an hour", "rpd": "a day", "rpw": "a week"}
PERIODS = {"monthly": "a month", "weekly": "a week"}


@dataclass(frozen=True, slots=True)
class Budget:
    """What one budget has counted: `used` and `limit` in the same unit, and both in words."""

    used: int
    limit: int
    said: str


def budgets(limits: Sequence[Mapping[str, Any]], used: Mapping[str, int]) -> list[Budget]:
    """Return budgets as the store keeps them, with what `Governor.used` says of their subject."""
    found = []
    for limit in limits:
        if limit.get("credit_limit") is None:  # Portkey's own rows can be without (facts/portkey.md 4.2)
            continue
        cost = limit.get("type", "cost") == "cost"
        most = credit(limit)
        amount = used.get(budget_gauge(limit), 0)
        said = (
            f"{dollars(amount)} of {dollars(most).removesuffix('.00')}"
            if cost
            else f"{number(amount)} of {number(most)} tokens"
        )
        found.append(Budget(amount, most, " ".join(filter(None, (said, _period(limit))))))
    return found


def rates(limits: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rate limits as `60 requests a minute`."""
    return [f"{number(limit['value'])} {limit['type']} {UNITS[limit['unit']]}" for limit in limits]


def _period(limit: Mapping[str, Any]) -> str:
    days = limit.get("periodic_reset_days")
    return f"in {days} days" if days else PERIODS.get(limit.get("periodic_reset") or "", "")

"""Gates: one limit each, over the meter that counts against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.governance import answers
from gateway_client.bundled.governance.periods import UNITS, FromFirst, Schedule, period_of
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.meters import MeterRow

Measure = Literal["requests", "tokens", "cost"]
NANO = 1_000_000_000
MOST = 2**62
"""What a meter counts at most: an upstream may claim any usage, and the store holds 64 bits."""


class Meter:
    """What was counted in one window. Its owner locks.

    A clock that steps back by less than a window's length does not end the window.
    """

    __slots__ = ("amount", "begin", "end", "gauge", "since", "subject")

    def __init__(self, subject: str, gauge: str, begin: int = 0, end: int = 0, amount: int = 0) -> None:
        self.subject = subject
        self.gauge = gauge
        self.amount = amount
        self.span(begin, end)

    def span(self, begin: int, end: int) -> None:
        """Set the window that the amount belongs to."""
        self.begin, self.end, self.since = begin, end, begin - (end - begin)

    def at(self, now: int) -> int:
        """Return what was counted in the window that holds now."""
        return self.amount if self.since <= now < self.end else 0

    def row(self) -> MeterRow:
        """Return the meter as the store keeps it."""
        return MeterRow(self.subject, self.gauge, f"{self.begin}/{self.end}", self.amount)


def restored(row: MeterRow) -> Meter:
    """Return the meter of a row."""
    begin, _, end = row.window.partition("/")
    return Meter(row.subject, row.gauge, int(begin), int(end), row.amount)


MeterOf = Callable[[str, str], Meter]
"""Finds or makes the meter of a subject and a gauge."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests start until its meter reaches `limit`: requests, tokens, or billionths of a dollar."""

    meter: Meter
    limit: int
    measure: Measure
    schedule: Schedule
    refuse: Callable[[], Refusal]

    def count(self, amount: int, now: int) -> None:
        """Add to the meter, in a new window where the last one has ended."""
        meter = self.meter
        if not meter.since <= now < meter.end:
            meter.span(*self.schedule.window(now))
            meter.amount = 0
        meter.amount = min(meter.amount + amount, MOST)


def budget_gauge(limits: Mapping[str, Any]) -> str:
    """Return the gauge of a budget: budgets of one subject with different periods count apart."""
    days = limits.get("periodic_reset_days")
    period = limits.get("periodic_reset") or (f"{days} days" if days else "ever")
    return f"budget {limits.get('type', 'cost')} {period}"


def rate_gauge(limit: Mapping[str, Any]) -> str:
    """Return the gauge of a rate limit."""
    return f"rate {limit['type']} {limit['unit']}"


def credit(limits: Mapping[str, Any]) -> int:
    """Return a budget's limit in what its meter counts."""
    number: int | float = limits["credit_limit"]
    return round(number * NANO) if limits.get("type", "cost") == "cost" else math.ceil(number)


def of_caller(caller: Caller, meter_of: MeterOf) -> tuple[Gate, ...]:
    """Return the gates of a key and its workspace, in the order in which they refuse."""
    key, workspace = caller.key_id, caller.workspace_id
    budgets = (caller.usage_limits,) if caller.usage_limits else ()
    gates = [
        *_budgets(key, budgets, caller.created_at, answers.key_budget, meter_of),
        *_rates(key, caller.rate_limits, lambda: answers.key_rate(key), meter_of),
    ]
    if workspace is not None:
        limits, since = caller.workspace_usage_limits, caller.workspace_created_at or caller.created_at
        gates += [
            *_budgets(workspace, limits, since, answers.workspace_budget, meter_of),
            *_rates(
                workspace, caller.workspace_rate_limits, lambda: answers.workspace_rate(workspace), meter_of
            ),
        ]
    return tuple(gates)


def _budgets(
    subject: str,
    budgets: Sequence[Mapping[str, Any]],
    since: str,
    refuse: Callable[[], Refusal],
    meter_of: MeterOf,
) -> list[Gate]:
    # Of two budgets that one meter would count, only the smaller can ever refuse.
    chosen = {budget_gauge(limits): limits for limits in sorted(budgets, key=credit, reverse=True)}
    gates = []
    for gauge, limits in chosen.items():
        measure: Measure = "cost" if limits.get("type", "cost") == "cost" else "tokens"
        gates.append(
            gate(meter_of(subject, gauge), credit(limits), measure, period_of(limits, since), refuse)
        )
    return gates


def _rates(
    subject: str, rates: Sequence[Mapping[str, Any]], refuse: Callable[[], Refusal], meter_of: MeterOf
) -> list[Gate]:
    chosen = {rate_gauge(rate): rate for rate in sorted(rates, key=lambda rate: -rate["value"])}
    return [
        gate(meter_of(subject, gauge), rate["value"], rate["type"], FromFirst(UNITS[rate["unit"]]), refuse)
        for gauge, rate in chosen.items()
    ]


def gate(
    meter: Meter, limit: int, measure: Measure, schedule: Schedule, refuse: Callable[[], Refusal]
) -> Gate:
    """Put a gate over a meter; the window that the meter is in ends as this schedule has it."""
    if meter.end:
        meter.span(meter.begin, schedule.end(meter.begin))
    return Gate(meter, limit, measure, schedule, refuse)

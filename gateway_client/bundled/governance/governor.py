"""Who may start: one decision per request, under any concurrency."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from gateway_client.bundled.governance import gates, grouping
from gateway_client.bundled.governance.gates import Gate, Meter
from gateway_client.bundled.governance.grouping import Grouped, Subject
from gateway_client.bundled.governance.periods import millis, moment_of
from gateway_client.bundled.store import meters, policies
from gateway_client.bundled.store.database import Store
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.meters import MeterRow

__all__ = ["Admission", "Governor", "Subject"]

MOST = 10_000
"""Callers whose gates are kept at most between two changes that an admin makes."""

MOST_GROUPS = 100_000
_OTHERS = "(others)"
"""A client can make up names for its group: past so many of one policy, new ones count as one, until
windows end."""
SWEEP = 1000
"""Milliseconds between two searches for ended windows among so many; one takes some 13 (measured)."""

_RESET = "reset"
"""The gauge that holds when an admin last reset a subject."""


class Admission(NamedTuple):  # one is made for each request, and this is the quickest to make
    """A request that was let through; `settle` wants it back.

    `gates` are those of the target that it goes to now, `passed` all that it has passed so far.
    """

    gates: Sequence[Gate]
    passed: Sequence[Gate]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The gates of a caller, whom it keeps alive: an object's identity is no key otherwise."""

    caller: Caller
    gates: tuple[Gate, ...]
    policies: tuple[Grouped, ...]


class Governor:
    """Counts what starts and what is used. One per gateway; safe to call from any thread.

    A rate's window begins with the first request that it counts, a budget's period as the calendar or
    the budget has it (`periods`). Usage is counted in the window in which it becomes known.
    """

    def __init__(self, store: Store, now: datetime | None = None) -> None:
        """Go on from what the store has; groups of policies whose window ended before `now` are forgotten."""
        self._store = store
        self._lock = threading.Lock()
        self._generation = -1
        self._compiled: dict[int, _Compiled] = {}
        self._policies: dict[str, tuple[Grouped, ...]] = {}
        self._dirty: set[Meter] = set()
        self._meters: dict[str, dict[str, Meter]] = {}
        self._swept: dict[str, int] = {}
        with store.logging() as db:
            for row in meters.load(db, 0 if now is None else millis(now)):
                self._meters.setdefault(row.subject, {})[row.gauge] = gates.restored(row)

    def admit(self, subject: Subject, now: datetime, after: Admission | None = None) -> Admission:
        """Count a request against every limit that holds for it, or raise the `Refusal` of the first.

        Nothing is counted for a request that is refused. The order is: key, workspace, policies; of
        each the budgets before the rates.

        `after` is what the request got for another target. Only limits that it has not met yet are
        asked then, and usage will count against the limits of this target. Where it is refused, the
        earlier admission goes on to hold.
        """
        instant = millis(now)
        if self._generation != self._store.generation:
            self._read_policies()
        with self._lock:
            held = met = self._gates(subject, instant)
            if after is not None:
                passed = {gate.meter for gate in after.passed}
                met = [gate for gate in held if gate.meter not in passed]
            for gate in met:
                if gate.meter.at(instant) >= gate.limit:
                    raise gate.refuse()
            for gate in met:
                if gate.measure == "requests":
                    gate.count(1, instant)
                    self._dirty.add(gate.meter)
        return Admission(held, met if after is None else (*after.passed, *met))

    def settle(self, admission: Admission, tokens: int, cost_nano_usd: int, now: datetime) -> None:
        """Record what an admitted request used; to be called once, however it ended."""
        instant = millis(now)
        with self._lock:
            for gate in admission.gates:
                if gate.measure == "requests":
                    continue
                amount = tokens if gate.measure == "tokens" else cost_nano_usd
                if amount > 0:
                    gate.count(amount, instant)
                    self._dirty.add(gate.meter)

    def changed(self) -> list[MeterRow]:
        """Return what was counted since the last call, for `store.meters.write`. For the logbook's thread.

        To be written in the transaction of the log entries, at the latest every flush interval, and
        once more after the last request has settled. The rows count as written from now on: if that
        fails, hand them to `put_back`.
        """
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            return [meter.row() for meter in dirty if self._known(meter)]

    def put_back(self, rows: Sequence[MeterRow]) -> None:
        """Take rows that could not be written: the next `changed` returns their meters as they then stand."""
        with self._lock:
            for row in rows:
                meter = self._meters.get(row.subject, {}).get(row.gauge)
                if meter is not None:
                    self._dirty.add(meter)

    def used(self, subject: str, now: datetime) -> Mapping[str, int]:
        """Return what the budgets of a key or workspace (by its UUID) have counted in their present period.

        By gauge, e.g. `{"budget cost monthly": 1_500_000_000}`: billionths of a dollar, or tokens. Of a
        policy (by its UUID) what each group has counted, e.g. `{"metadata._user:alice": 120}`.
        """
        instant = millis(now)
        with self._lock:
            return {gauge: meter.at(instant) for gauge, meter in self._budgets(subject).items()}

    def exhausted(self, subject: str, usage_limits: Sequence[Mapping[str, Any]], now: datetime) -> bool:
        """Tell whether a key or workspace (by its UUID) has reached one of its budgets.

        `usage_limits` are those as the store keeps them.
        """
        used = self.used(subject, now)
        return any(used.get(gates.budget_gauge(limits), 0) >= gates.credit(limits) for limits in usage_limits)

    def reset(self, subject: str, now: datetime, gauge: str | None = None) -> None:
        """Set the budgets of a key or workspace (by its UUID) back to nothing used; rates go on.

        Of a policy its groups, or the one of them that `gauge` names.
        """
        instant = millis(now)
        with self._lock:
            for name, meter in self._budgets(subject).items():
                if gauge in (None, name):
                    meter.amount = 0
                    self._dirty.add(meter)
            mark = self._meter(subject, _RESET)
            mark.span(instant, instant)
            self._dirty.add(mark)

    def last_reset(self, subject: str) -> datetime | None:
        """Return when `reset` was last called for a subject."""
        with self._lock:
            mark = self._meters.get(subject, {}).get(_RESET)
            return None if mark is None else moment_of(mark.begin)

    def forget(self, subject: str) -> None:
        """Drop all meters of a key, workspace or policy that was deleted."""
        with self._lock:
            self._meters.pop(subject, None)
            self._swept.pop(subject, None)

    def _gates(self, subject: Subject, now: int) -> Sequence[Gate]:
        caller = subject.caller
        compiled = self._compiled.get(id(caller))
        if compiled is None:
            if len(self._compiled) >= MOST:
                self._compiled.clear()
            of_workspace = self._policies.get(caller.workspace_id or "", ())
            compiled = _Compiled(caller, gates.of_caller(caller, self._meter), of_workspace)
            self._compiled[id(caller)] = compiled
        if not compiled.policies:
            return compiled.gates
        meter_of = partial(self._meter_of_group, now)
        found = [policy.gate(subject, meter_of) for policy in compiled.policies]
        return [*compiled.gates, *(gate for gate in found if gate is not None)]

    def _read_policies(self) -> None:
        # The generation is read before the policies, so that a change in between is not missed.
        generation = self._store.generation
        with self._store.reading() as db:
            found = policies.in_force(db)
        with self._lock:
            self._generation = generation
            self._compiled.clear()
            self._policies = {}
            for policy in found:
                before = self._policies.get(policy.workspace_id, ())
                self._policies[policy.workspace_id] = (*before, grouping.ready(policy))

    def _meter(self, subject: str, gauge: str) -> Meter:
        gauges = self._meters.setdefault(subject, {})
        found = gauges.get(gauge)
        if found is None:
            found = gauges[gauge] = Meter(subject, gauge)
        return found

    def _meter_of_group(self, now: int, policy: str, group: str) -> Meter:
        groups = self._meters.get(policy, {})
        full = len(groups) >= MOST_GROUPS and group not in groups
        if full and now - self._swept.get(policy, 0) >= SWEEP:
            self._swept[policy] = now
            self._sweep(policy, groups, now)
            full = len(groups) >= MOST_GROUPS
        return self._meter(policy, _OTHERS if full else group)

    def _sweep(self, policy: str, groups: dict[str, Meter], now: int) -> None:
        """Forget the groups whose window has ended, and what requests under way will use in them."""
        ended = [name for name, meter in groups.items() if meter.end <= now and name != _RESET]
        for name in ended:
            del groups[name]
        for in_force in self._policies.values():
            for one in in_force:
                if one.policy.id == policy:
                    one.forget(ended)

    def _budgets(self, subject: str) -> dict[str, Meter]:
        gauges = self._meters.get(subject, {})
        return {
            name: meter for name, meter in gauges.items() if name != _RESET and not name.startswith("rate ")
        }

    def _known(self, meter: Meter) -> bool:
        return self._meters.get(meter.subject, {}).get(meter.gauge) is meter

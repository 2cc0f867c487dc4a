"""Policies: limits that hold for the requests that meet their conditions, and count each group apart.

A value that a condition or a group asks for is that of the merged metadata, so that what a key or a
workspace says can't be claimed otherwise by a request (T22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway_client.bundled.data_plane import metadata
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.governance import answers
from gateway_client.bundled.governance.answers import TargetClosed
from gateway_client.bundled.governance.gates import Gate, Measure, MeterOf, credit, gate
from gateway_client.bundled.governance.periods import MONDAY, UNITS, FromFirst, Schedule, period_of
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.policies import RATE, Policy

OF_TARGET = frozenset({"provider", "virtual_key", "model"})
"""What may be another with each target that a request is tried at."""
LONGEST = 256
"""Characters of a model's name that count; a client can ask for anything."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A request as limits see it: policies are conditioned on these, and group by them.

    `metadata` is the merged one, `config` a slug, and `provider` a slug without `@`. `model` is the one
    that the provider is sent, after the config's overrides: it is what is paid for, and a client can't
    get around a limit by another name for it. Where a request moves on to another target, it is a new
    subject. A call of an MCP tool has the provider `mcp`, and for its model the tool's name here.
    """

    caller: Caller
    metadata: Mapping[str, Any]
    config: str | None
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Grouped:
    """A policy ready for use, with the gate of each group that came by."""

    policy: Policy
    limit: int
    measure: Measure
    schedule: Schedule
    refuse: Callable[[str, str], Refusal]
    gates: dict[str, Gate] = field(default_factory=dict)

    def gate(self, subject: Subject, meter_of: MeterOf) -> Gate | None:
        """Return the gate that a request must pass, or None where the policy is not about it.

        `meter_of` may answer with the meter of another group, which then stands for this one too.
        """
        policy = self.policy
        for key, wanted in policy.conditions:
            if not _meets(subject, key, wanted):
                return None
        group = value_key(policy.group_by, subject)
        found = self.gates.get(group)
        if found is None:
            meter = meter_of(policy.id, group)
            found = self.gates.get(meter.gauge)
            if found is None:
                refuse = partial(self.refuse, policy.id, meter.gauge)
                found = gate(meter, self.limit, self.measure, self.schedule, refuse)
                self.gates[meter.gauge] = found
        return found

    def forget(self, groups: Iterable[str]) -> None:
        """Drop the gates of groups whose meters are gone."""
        for group in groups:
            self.gates.pop(group, None)


def ready(policy: Policy) -> Grouped:
    """Return a policy ready for use."""
    body = policy.body
    named = {*(key for key, _ in policy.conditions), *policy.group_by}
    kind = Refusal if named.isdisjoint(OF_TARGET) else TargetClosed
    if policy.kind == RATE:
        schedule: Schedule = FromFirst(UNITS[body["unit"]])
        return Grouped(policy, body["value"], body["type"], schedule, partial(answers.policy_rate, kind))
    schedule = period_of(body, policy.created_at, MONDAY)
    return Grouped(policy, credit(body), body["type"], schedule, partial(answers.policy_budget, kind))


def value_key(group_by: tuple[str, ...], subject: Subject) -> str:
    """Return who a request counts as, e.g. `metadata._user:alice`.

    Requests without the value count together, as `metadata._user:`: who leaves their name out does not
    get away with it.
    """
    return "-".join(f"{key}:{_value(subject, key) or ''}" for key in group_by)


def _meets(subject: Subject, key: str, wanted: str) -> bool:
    if key == "model":
        return wanted in (subject.model, f"@{subject.provider}/{subject.model}")
    return _value(subject, key) == wanted


def _value(subject: Subject, key: str) -> str | None:
    match key:
        case "api_key":
            return subject.caller.key_id
        case "workspace_id":
            return subject.caller.workspace_id
        case "provider" | "virtual_key":
            return subject.provider
        case "config":
            return subject.config
        case "model":
            return subject.model[:LONGEST].encode(errors="replace").decode()  # JSON can hold half a character
        case _:
            name = key.removeprefix("metadata.")
            return metadata.logged({name: subject.metadata.get(name)})[name[: metadata.MAX_LENGTH]]

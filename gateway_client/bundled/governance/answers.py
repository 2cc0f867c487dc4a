"""What a client is told of a limit that was reached (facts/portkey.md 9.5). None carries `retry-after`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_client.bundled.data_plane.refusals import Refusal, coded


class TargetClosed(Refusal):
    """A limit that holds for some providers or models only was reached: another target may be open."""


def key_budget() -> Refusal:
    """Refuse for the budget of the key."""
    return _coded(412, "Portkey API Key Usage Limit Exceeded", "04")


def workspace_budget() -> Refusal:
    """Refuse for a budget of the workspace."""
    return _coded(412, "Portkey Workspace Usage Limit Exceeded", "04")


def key_rate(key_id: str) -> Refusal:
    """Refuse for a rate of the key; the spelling is Portkey's."""
    return _coded(429, f"apikey {key_id} rate limit exceded", "05")


def workspace_rate(workspace_id: str) -> Refusal:
    """Refuse for a rate of the workspace."""
    return _coded(429, f"workspace {workspace_id} rate limit exceeded", "05")


def policy_budget(kind: type[Refusal], policy_id: str, value_key: str) -> Refusal:
    """Refuse for a usage policy, and for whom it counts."""
    message = f"Portkey Usage Limits Policy {policy_id} Exceeded for value key {value_key}"
    return kind(412, _typed(message, "usage_limits_policy_exhaust_error", "06"))


def policy_rate(kind: type[Refusal], policy_id: str, value_key: str) -> Refusal:
    """Refuse for a rate policy, and for whom it counts."""
    message = f"Portkey Rate Limit Policy {policy_id} exceeded for value key {value_key}"
    return kind(429, _typed(message, "rate_limits_policy_exhaust_error", None))


def _coded(status: int, message: str, code: str) -> Refusal:
    return coded(status, f"Portkey Error: {message}. Error Code: {code}", code)


def _typed(message: str, kind: str, code: str | None) -> Mapping[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}

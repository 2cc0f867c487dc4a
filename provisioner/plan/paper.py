"""The plan as a file: JSON with an HMAC under the vault key, so that an edited plan is refused. Pure.

The MAC covers everything, the digests of the inputs included: recomputing those after an edit
does not help, and a plan from another vault does not apply here.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from provisioner import digest
from provisioner.errors import PlanRefused
from provisioner.plan.model import PLAN, PLAN_VERSION, Plan


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON values; it holds no secret."""
    value: dict[str, Any] = PLAN.dump_python(plan, mode="json")
    return value


def written(plan: Plan, mac: Callable[[bytes], str]) -> bytes:
    """Return the bytes of `plan.json`: indented, sorted, with the MAC over the canonical rest."""
    value = as_json(plan)
    signed = {"plan": value, "mac": mac(_covered(value))}
    return json.dumps(signed, indent=2, sort_keys=True, ensure_ascii=True).encode() + b"\n"


def read(data: bytes, mac: Callable[[bytes], str]) -> Plan:
    """Return the plan of a `plan.json`.

    Raises:
        PlanRefused: not a plan, of another version, edited, or made under another vault key.
    """
    try:
        signed = json.loads(data)
        value, tag = signed["plan"], signed["mac"]
        version = value["version"]
    except (ValueError, KeyError, TypeError) as exc:
        raise PlanRefused(
            "this is not a plan file", hint="make one: provision plan --roster FILE -o plan.json"
        ) from exc
    if not isinstance(tag, str) or not hmac.compare_digest(tag.encode(), mac(_covered(value)).encode()):
        raise PlanRefused(
            "the plan was edited, or made under another vault key; nothing was changed",
            hint="make a new plan: provision plan --roster FILE -o plan.json",
        )
    if version != PLAN_VERSION:
        raise PlanRefused(
            f"the plan has version {version}, this provision reads {PLAN_VERSION}; nothing was changed",
            hint="make a new plan: provision plan --roster FILE -o plan.json",
        )
    try:
        return PLAN.validate_python(value)
    except ValidationError as exc:
        raise PlanRefused(
            "the plan was written by another version of provision", hint="make a new plan"
        ) from exc


def _covered(value: Any) -> bytes:
    return b"provision plan\n" + digest.canonical(value)

"""What a client is told of guardrails that failed (facts/portkey.md 9.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.guardrails.screen import Verdict

MESSAGE = (
    "The guardrail checks defined in the config failed. "
    "You can find more information in the `hook_results` object."
)


def denial(before: Sequence[Verdict], after: Sequence[Verdict] = ()) -> Refusal:
    """Return the answer 446 for verdicts of which one denies."""
    error = {"message": MESSAGE, "type": "hooks_failed", "param": None, "code": None}
    return Refusal(446, {"error": error, "hook_results": hook_results(before, after)})


def hook_results(before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Any]:
    """Return verdicts as Portkey shows them."""
    return {
        "before_request_hooks": [_shown(verdict) for verdict in before],
        "after_request_hooks": [_shown(verdict) for verdict in after],
    }


def _shown(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": verdict.passed, "id": verdict.guardrail, "checks": [], "deny": verdict.deny}

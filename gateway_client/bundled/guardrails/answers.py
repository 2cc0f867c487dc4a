"""What a client is told of guardrails that failed (facts/portkey.md 9.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """Return verdicts as Portkey shows them: by guardrail, each with its checks."""
    return {"before_request_hooks": list(_shown(before)), "after_request_hooks": list(_shown(after))}


def _shown(verdicts: Sequence[Verdict]) -> Iterator[dict[str, Any]]:
    for slug in dict.fromkeys(verdict.guardrail for verdict in verdicts):
        checks = [verdict for verdict in verdicts if verdict.guardrail == slug]
        yield {
            "verdict": all(check.passed for check in checks),
            "id": slug,
            "transformed": False,
            "checks": [_check(check) for check in checks],
            "type": "guardrail",
            "async": any(check.quiet for check in checks),
            "deny": any(check.deny for check in checks),
        }


def _check(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.check,
        **({"name": verdict.name} if verdict.name else {}),
        "verdict": verdict.passed,
        "data": {"explanation": verdict.detail},
        "transformed": False,
    }

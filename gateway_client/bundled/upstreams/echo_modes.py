"""Faults of a provider, asked for in a message's text: `[[echo:529]]`. Pure.

=============================  ===========================================================================
`[[echo:429]]`                 that status instead of an answer: 400 to 599; 429 and 529 as Anthropic words
                               them; with seconds, as in `[[echo:429 2]]`, also `retry-after`
`[[echo:slow 2]]`              the answer begins after so many seconds, 30 at most
`[[echo:drop]]`                the answer breaks off half-way
`[[echo:empty-arguments]]`     a tool call comes without its input (OpenRouter's fault, S77)
`[[echo:wrong-model]]`         the answer says that another model gave it
=============================  ===========================================================================

`@slug` at the end, as in `[[echo:529 @anthropic-prod]]`, holds for that provider only: so a fallback
can be seen to work. Several markers add up. Whoever can ask can write them; they harm nobody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

MARKER = re.compile(
    r"\[\[echo:(?P<mode>[a-z]{1,16}(?:-[a-z]{1,16})?|[45]\d\d)"
    r"(?: (?P<seconds>\d{1,5}(?:\.\d{1,3})?))?(?: @(?P<slug>[A-Za-z0-9_-]{1,128}))?\]\]"
)
SLOWEST = 30.0
WRONG_MODEL = "claude-echo-another"

KINDS = {
    400: ("invalid_request_error", "the echo was told to refuse"),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "the echo was told to forbid"),
    404: ("not_found_error", "the echo was told not to find it"),
    413: ("request_too_large", "the echo was told that it is too large"),
    429: ("rate_limit_error", "This request would exceed your rate limit"),
    529: ("overloaded_error", "Overloaded"),
}


@dataclass(frozen=True, slots=True)
class Modes:
    """What a message's text asks of the echo. `slow` and `retry_after` are in seconds."""

    status: int | None = None
    retry_after: str | None = None
    slow: float = 0.0
    drop: bool = False
    empty_arguments: bool = False
    wrong_model: bool = False


def read(text: str, provider: str) -> Modes:
    """Return what a text asks of the echo behind a provider; what is no known mode is plain text."""
    modes = Modes()
    for found in MARKER.finditer(text):
        if found["slug"] not in (None, provider):
            continue
        match found["mode"], found["seconds"]:
            case "slow", str(seconds):
                modes = replace(modes, slow=min(float(seconds), SLOWEST))
            case "drop", None:
                modes = replace(modes, drop=True)
            case "empty-arguments", None:
                modes = replace(modes, empty_arguments=True)
            case "wrong-model", None:
                modes = replace(modes, wrong_model=True)
            case mode, seconds if mode.isdecimal():
                modes = replace(modes, status=int(mode), retry_after=seconds)
    return modes


def refusal(status: int) -> tuple[str, str]:
    """Return error type and message of a status, as Anthropic's API has them."""
    return KINDS.get(status, ("api_error", "Internal server error"))

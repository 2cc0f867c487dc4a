"""The guardrails that hold for one request, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check of one guardrail found; `deny`: the request ends with it (facts/portkey.md 9.8)."""

    guardrail: str
    check: str
    passed: bool
    deny: bool
    detail: str


class Screen:
    """The guardrails of a request: those of its config and those of its workspace."""

    def request(self, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Verdict]:
        """Look at what is asked."""
        return []

    def withholds(self) -> bool:
        """Tell whether an answer must be seen whole before any of it is passed on."""
        return False

    def response(self, body: bytes, *, stream: bool) -> list[Verdict]:
        """Look at a whole answer, a message or its events."""
        return []

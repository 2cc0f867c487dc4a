"""What every check has: what it is told, and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a check passed, and why in words that never quote what was looked at."""

    passed: bool
    detail: str


class Parameters(BaseModel):
    """What a check is told; unknown names are refused, so that none is dropped in silence."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

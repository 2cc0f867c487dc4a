"""What a guardrail says: checks and what follows from them, checked whole when it is saved. Pure.

Parameters and ids are Portkey's (facts/portkey.md 7), so that a guardrail can be carried over; `default.pii`
is ours. Checks that Portkey or its partners host are not known here and refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from gateway_client.bundled.guardrails.request_checks import (
    AllowedRequestTypes,
    ModelRules,
    ModelWhitelist,
    RequestCheck,
    RequiredMetadataKeyPairs,
    RequiredMetadataKeys,
)
from gateway_client.bundled.guardrails.text_checks import Contains, Pii, RegexMatch, TextCheck

KINDS: Mapping[str, type[TextCheck | RequestCheck]] = {
    "default.regexMatch": RegexMatch,
    "default.contains": Contains,
    "default.pii": Pii,
    "default.requiredMetadataKeys": RequiredMetadataKeys,
    "default.requiredMetadataKeyPairs": RequiredMetadataKeyPairs,
    "default.modelRules": ModelRules,
    "default.modelwhitelist": ModelWhitelist,
    "default.modelWhitelist": ModelWhitelist,
    "default.allowedRequestTypes": AllowedRequestTypes,
}
"""Portkey writes the whitelist in both ways: its specification large, its own code small."""


def _known(identity: str) -> str:
    if identity not in KINDS:
        raise ValueError(f"is no check of this gateway, which has {', '.join(KINDS)}")
    return identity


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CheckBody(_Part):
    """One check as it is saved. A check that is not enabled is kept without effect."""

    id: Annotated[str, AfterValidator(_known)]
    parameters: dict[str, JsonValue] = Field(default_factory=dict, validate_default=True)
    name: Annotated[str, Field(max_length=255)] | None = None
    is_enabled: bool = True

    @field_validator("parameters")
    @classmethod
    def _fit(cls, given: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        kind = KINDS.get(info.data.get("id", ""))
        if kind is not None:
            kind.model_validate(given)  # its problems join those of the whole, with their paths
        return given


class Feedback(_Part):
    """Kept without effect: this gateway has no feedback."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    weight: Annotated[float, Field(allow_inf_nan=False)] = 1
    metadata: str = ""


class Reaction(_Part):
    """What is written down of a verdict."""

    feedback: Feedback | None = None


class Actions(_Part):
    """What follows from the checks.

    `deny` ends a request that fails one; without it the failure is noted. An `async` guardrail never
    changes an answer: what it finds is logged. The checks of a guardrail don't change what they look
    at, so `sequential` makes no difference.
    """

    deny: bool = False
    asynchronous: bool = Field(default=False, alias="async")
    sequential: bool = False
    on_success: Reaction = Reaction(feedback=Feedback(value=5))
    on_fail: Reaction = Reaction(feedback=Feedback(value=-5))


Checks = Annotated[list[CheckBody], Field(min_length=1, max_length=50)]


@dataclass(frozen=True, slots=True)
class Check:
    """One enabled check, ready for use."""

    id: str
    name: str | None
    rule: TextCheck | RequestCheck


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A saved guardrail, ready for use. `quiet`: what it finds is only logged."""

    slug: str
    checks: tuple[Check, ...]
    deny: bool
    quiet: bool


def read(slug: str, checks: Sequence[Any], actions: Mapping[str, Any]) -> Guardrail:
    """Make a guardrail ready from what was saved, which has been checked."""
    found = tuple(
        Check(body.id, body.name, KINDS[body.id].model_validate(body.parameters))
        for body in _CHECKS.validate_python(checks)
        if body.is_enabled
    )
    acting = Actions.model_validate(actions)
    return Guardrail(slug, found, acting.deny and not acting.asynchronous, acting.asynchronous)


_CHECKS: TypeAdapter[list[CheckBody]] = TypeAdapter(Checks)

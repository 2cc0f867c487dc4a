"""What the bodies of admin calls may hold. Redundant fields that the SDK sends are accepted by name
(facts/portkey.md 11.2); a field nobody documents is refused, so that nothing is dropped in silence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from gateway_client.bundled.admin.door import invalid

Name = Annotated[str, Field(min_length=1, max_length=255)]
TRANSITION_MIN_MS, TRANSITION_MAX_MS = 1_800_000, 365 * 86_400_000


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the calendar in UTC") from exc


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Transition = Annotated[int, Field(ge=TRANSITION_MIN_MS, le=TRANSITION_MAX_MS)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self) -> dict[str, Any]:
        """Return the fields that were sent, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


class RateLimit(_Body):
    """At most `value` requests or tokens per unit."""

    type: Literal["requests", "tokens"]
    unit: Literal["rpd", "rph", "rpm", "rps", "rpw"]
    value: Annotated[int, Field(ge=0)]


class UsageLimits(_Body):
    """A budget in whole dollars or tokens."""

    credit_limit: Annotated[int, Field(ge=1)]
    type: Literal["cost", "tokens"] = "cost"
    alert_threshold: Annotated[int, Field(ge=1)] | None = None
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: Annotated[int, Field(ge=1, le=365)] | None = None
    next_usage_reset_at: Moment | None = None

    @model_validator(mode="after")
    def _one_reset(self) -> UsageLimits:
        if self.periodic_reset is not None and self.periodic_reset_days is not None:
            raise ValueError("periodic_reset and periodic_reset_days exclude one another")
        return self


class RotationPolicy(_Body):
    """A schedule; stored, but this gateway never rotates by itself."""

    rotation_period: Literal["weekly", "monthly"] | None = None
    rotation_period_days: Annotated[int, Field(ge=1, le=365)] | None = None
    next_rotation_at: Moment | None = None
    key_transition_period_ms: Transition | None = None


class KeyDefaults(_Body):
    """What every request of a key carries, and the config that it runs under."""

    metadata: dict[str, str] | None = None
    config_id: Name | None = None
    allow_config_override: bool | None = None


class KeyUpdate(_Body):
    """Any subset of a key's fields; null clears. `reset_usage` is accepted, nothing is counted yet."""

    id: str | None = None
    name: Name = Field(default="")
    description: str | None = None
    scopes: Annotated[list[Name], Field(min_length=1)] = Field(default_factory=list)
    rate_limits: list[RateLimit] | None = None
    usage_limits: UsageLimits | None = None
    defaults: KeyDefaults | None = None
    alert_emails: list[str] | None = None
    expires_at: Moment | None = None
    rotation_policy: RotationPolicy | None = None
    reset_usage: bool | int | None = None


class KeyCreate(KeyUpdate):
    """A new key. `type` and `sub-type` repeat the path."""

    name: Name
    scopes: Annotated[list[Name], Field(min_length=1)]
    type: str | None = None
    sub_type: str | None = Field(default=None, alias="sub-type")
    organisation_id: str | None = None
    workspace_id: str | None = None
    user_id: str | None = None


class KeyRotate(_Body):
    """How long the old secret goes on working, in milliseconds."""

    key_transition_period_ms: Transition = TRANSITION_MIN_MS


class ConfigCreate(_Body):
    """A new config; `config` is checked by `routing.language`."""

    name: Name
    config: dict[str, JsonValue]
    is_default: int | bool | None = None
    isDefault: int | bool | None = None
    workspace_id: str | None = None
    organisation_id: str | None = None


class ConfigUpdate(_Body):
    """A new version of a config, or a new name. Only `active` configs exist here."""

    slug: str | None = None
    name: Name | None = None
    config: dict[str, JsonValue] | None = None
    status: Literal["active"] | None = None


class WorkspaceDefaults(_Body):
    """Metadata that beats the key's and the request's."""

    metadata: dict[str, str] | None = None


class WorkspaceUpdate(_Body):
    """Any subset of a workspace's fields; limits are stored without effect."""

    name: Name = Field(default="")
    description: str | None = None
    defaults: WorkspaceDefaults | None = None
    usage_limits: list[UsageLimits] | None = None
    rate_limits: list[RateLimit] | None = None


class WorkspaceCreate(WorkspaceUpdate):
    """A new workspace. `users` is accepted; members are not kept yet."""

    name: Name
    users: list[str] | None = None


class WorkspaceDelete(_Body):
    """The exact name, as a check that this one is meant."""

    name: str
    workspace_id: str | None = None
    force_delete: bool = False


Model = TypeVar("Model", bound=_Body)


def read(model: type[Model], body: bytes) -> Model:
    """Read a body, or raise the refusal that names every problem; values are never repeated."""
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        raise invalid(*(_problem(error) for error in exc.errors())) from exc


def _problem(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])[:200] or "body"
    text = "unknown field" if error["type"] == "extra_forbidden" else error["msg"]
    text = text.removeprefix("Value error, ")
    return f"{path}: {text[0].lower()}{text[1:]}"

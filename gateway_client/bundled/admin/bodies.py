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
from gateway_client.bundled.guardrails.language import Actions, Checks

Name = Annotated[str, Field(min_length=1, max_length=255)]
PlaceRole = Literal["admin", "manager", "member"]
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


def _policy_key(key: str) -> str:
    if key in ("organisation_id", "prompt"):
        raise ValueError(f"{key} tells nothing apart here: there is one organisation, and no prompts")
    if key not in POLICY_KEYS and not (key.startswith("metadata.") and key != "metadata."):
        raise ValueError(f"must be one of {', '.join(POLICY_KEYS)} or metadata.<name>")
    return key


def _single(value: str) -> str:
    if value == "*":
        raise ValueError("must be one value; leave the condition out where any will do")
    return value


POLICY_KEYS = ("api_key", "workspace_id", "provider", "virtual_key", "config", "model")
PolicyKey = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_policy_key)]
Dollars = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class PolicyCondition(_Body):
    """What a request must have for a policy to hold for it."""

    key: PolicyKey
    value: Annotated[Name, AfterValidator(_single)]


class PolicyGroup(_Body):
    """What requests are told apart by; each value is counted for itself."""

    key: PolicyKey


class PolicyScope(_Body):
    """Which requests a policy is about."""

    conditions: Annotated[list[PolicyCondition], Field(min_length=1, max_length=100)]
    group_by: Annotated[list[PolicyGroup], Field(min_length=1, max_length=10)]


class UsagePolicy(PolicyScope):
    """A budget of each group: dollars, fractions too, or tokens."""

    type: Literal["cost", "tokens"]
    credit_limit: Dollars
    alert_threshold: Dollars | None = None
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: Annotated[int, Field(ge=1, le=365)] | None = None
    next_usage_reset_at: Moment | None = None

    @model_validator(mode="after")
    def _consistent(self) -> UsagePolicy:
        if self.periodic_reset is not None and self.periodic_reset_days is not None:
            raise ValueError("periodic_reset and periodic_reset_days exclude one another")
        if self.alert_threshold is not None and self.alert_threshold >= self.credit_limit:
            raise ValueError("alert_threshold must be less than credit_limit")
        return self


class RatePolicy(PolicyScope):
    """A rate limit of each group."""

    type: Literal["requests", "tokens"]
    unit: Literal["rpd", "rph", "rpm", "rps", "rpw"]
    value: Annotated[int, Field(ge=0)]


class _PolicyPlace(_Body):
    name: Name | None = None
    workspace_id: str | None = None
    organisation_id: str | None = None


class UsagePolicyCreate(_PolicyPlace, UsagePolicy):
    """A new budget for groups."""


class RatePolicyCreate(_PolicyPlace, RatePolicy):
    """A new rate limit for groups."""


class UsagePolicyUpdate(_Body):
    """Any subset of a usage policy's fields that can change; null clears."""

    name: Name | None = None
    credit_limit: Dollars = 0
    alert_threshold: Dollars | None = None
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: Annotated[int, Field(ge=1, le=365)] | None = None
    next_usage_reset_at: Moment | None = None
    reset_usage_for_value: Name | None = None


class RatePolicyUpdate(_Body):
    """Any subset of a rate policy's fields that can change."""

    name: Name | None = None
    unit: Literal["rpd", "rph", "rpm", "rps", "rpw"] = "rpm"
    value: Annotated[int, Field(ge=0)] = 0


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
    """Any subset of a key's fields; null clears. `reset_usage` sets what its budget counted to nothing."""

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
    """Metadata that beats the key's and the request's, and guardrails that hold for every request.

    `user_api_key_config` is the config of users' keys that name none.
    """

    metadata: dict[str, str] | None = None
    input_guardrails: list[Name] | None = None
    output_guardrails: list[Name] | None = None
    user_api_key_config: Name | None = None


class WorkspaceUpdate(_Body):
    """Any subset of a workspace's fields. `reset_usage` sets what its budgets counted back to nothing."""

    workspace_id: str | None = None
    name: Name = Field(default="")
    description: str | None = None
    defaults: WorkspaceDefaults | None = None
    usage_limits: list[UsageLimits] | None = None
    rate_limits: list[RateLimit] | None = None
    reset_usage: bool | int | None = None


class WorkspaceCreate(WorkspaceUpdate):
    """A new workspace; `users` become its members."""

    name: Name
    users: list[str] | None = None


class WorkspaceDelete(_Body):
    """The exact name, as a check that this one is meant."""

    name: str
    workspace_id: str | None = None
    force_delete: bool = False


class Place(_Body):
    """A member to be: a user, or (in an invite) a workspace, with the role there."""

    id: Name
    role: PlaceRole


class MembersAdd(_Body):
    """Users of the organisation who become members of a workspace."""

    workspace_id: str | None = None
    users: Annotated[list[Place], Field(min_length=1, max_length=1000)]


class MemberUpdate(_Body):
    """What a member is from now on."""

    workspace_id: str | None = None
    user_id: str | None = None
    role: PlaceRole


class UserUpdate(_Body):
    """What a user is in the organisation."""

    user_id: str | None = None
    role: Literal["admin", "member"]


class InviteKeys(_Body):
    """Scopes of a key that Portkey makes for who accepts; no key is made here (`admin.invites`)."""

    scopes: list[Name]


class InviteCreate(_Body):
    """Somebody to be let in, with a role in the organisation and one in each workspace."""

    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
    role: Literal["admin", "member"]
    workspaces: Annotated[list[Place], Field(max_length=1000)]
    workspace_api_key_details: InviteKeys | None = None


class GuardrailCreate(_Body):
    """A new guardrail of a workspace, or of the organisation: then every workspace may use it."""

    name: Name
    checks: Checks
    actions: Actions
    workspace_id: str | None = None
    organisation_id: str | None = None


class GuardrailUpdate(_Body):
    """Any subset of a guardrail's fields; what is given takes the place of what was there."""

    name: Name = Field(default="")
    checks: Checks | None = None
    actions: Actions | None = None
    workspace_id: str | None = None
    organisation_id: str | None = None


class ModelUpdate(_Body):
    """Whether one model of an integration may be used. What describes the model is kept out of it."""

    slug: Name
    enabled: bool
    is_custom: bool | None = None
    is_finetune: bool | None = None
    base_model_slug: str | None = None


class ModelsUpdate(_Body):
    """Changes of a model allow-list; `allow_all_models` decides on every model that is not named."""

    slug: str | None = None
    models: Annotated[list[ModelUpdate], Field(max_length=1000)]
    allow_all_models: bool | None = None


class WorkspaceAccess(_Body):
    """Every workspace has every provider here; so this can only be confirmed."""

    id: Name = Field(default="")
    enabled: Literal[True]


class AccessUpdate(_Body):
    """Which workspaces may use an integration: all of them, and nothing else can be set."""

    slug: str | None = None
    workspaces: Annotated[list[WorkspaceAccess], Field(max_length=1000)] = Field(default_factory=list)
    global_workspace_access: WorkspaceAccess | None = None
    override_existing_workspace_access: bool | None = None


Model = TypeVar("Model", bound=BaseModel)


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

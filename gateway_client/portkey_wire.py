"""Portkey's admin wire: our values into request bodies, its replies into our values. Pure.

Replies come in more shapes than the specification has: each function here takes all that are known
(facts/portkey.md 3.2, 3.3, 4.2, 5.1) and raises `BadReply` for the rest. Nothing of a reply that
could hold a secret gets into an error or into `raw`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from gateway_client.contract import (
    Budget,
    KeySpec,
    Minted,
    RateKind,
    RateLimit,
    RateUnit,
    RemoteConfig,
    RemoteKey,
    Reset,
)
from gateway_client.errors import BadReply

# Ids become parts of paths, so that a hostile reply must not choose what we call.
Id = Annotated[str, StringConstraints(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,127}\z")]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Page(_Reply):
    data: list[dict[str, Any]]
    total: int | None = None


class _RateLimit(_Reply):
    type: str
    unit: str
    value: int


class _UsageLimits(_Reply):
    credit_limit: float | None = None
    type: str | None = None
    alert_threshold: float | None = None
    periodic_reset: str | None = None
    periodic_reset_days: int | None = None


class _Defaults(_Reply):
    metadata: dict[str, Any] | None = None
    config_id: str | None = None
    allow_config_override: bool | None = None


class _Key(_Reply):
    id: Id
    name: str | None = None
    description: str | None = None
    status: str | None = None
    defaults: _Defaults | None = None
    usage_limits: _UsageLimits | None = None
    rate_limits: list[_RateLimit] | None = None
    expires_at: datetime | None = None
    allow_config_override: bool | None = None
    scopes: list[str] | None = None
    rotation_policy: dict[str, Any] | None = None


class _Config(_Reply):
    id: Id
    slug: Id
    name: str
    version_id: str | None = None
    config: dict[str, Any] | str | None = None


class _CreatedConfig(_Reply):
    id: Id
    slug: Id | None = None
    version_id: str | None = None


class _Minted(_Reply):
    id: Id
    key: Annotated[SecretStr, Field(min_length=8)]


class _Named(_Reply):
    id: Id


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, with the total over all pages where the gateway tells it."""

    items: tuple[Mapping[str, Any], ...]
    total: int | None


@dataclass(frozen=True, slots=True)
class CreatedConfig:
    """What a create tells of a config; the slug is missing in the shape of the specification."""

    id: str
    slug: str | None
    version: str | None


def key_body(spec: KeySpec, workspace: str | None) -> dict[str, Any]:
    """Return the body that mints a key. Never a `rotation_policy`: the secret that automatic
    rotation makes is told to nobody (facts/portkey.md 4.4)."""
    body = {field: value for field, value in key_update_body(spec).items() if value is not None}
    return body | ({} if workspace is None else {"workspace_id": workspace})


def key_update_body(spec: KeySpec) -> dict[str, Any]:
    """Return the body that brings a key to its spec; null clears a limit (facts/portkey.md 4.3)."""
    return {
        "name": spec.name,
        "description": spec.description,
        "scopes": list(spec.scopes),
        "defaults": {
            "metadata": dict(spec.metadata),
            "config_id": spec.config,
            "allow_config_override": spec.allow_config_override,
        },
        "usage_limits": None if spec.budget is None else _usage_limits(spec.budget),
        "rate_limits": [
            {"type": limit.kind, "unit": limit.unit, "value": limit.value}
            for limit in sorted(spec.rate_limits)
        ]
        or None,
        "expires_at": None if spec.expires_at is None else instant(spec.expires_at),
    }


def config_body(name: str, body: Mapping[str, Any], workspace: str | None) -> dict[str, Any]:
    """Return the body that creates a config, not as the workspace's default."""
    created = {"name": name, "config": dict(body), "isDefault": 0}
    return created | ({} if workspace is None else {"workspace_id": workspace})


def instant(moment: datetime) -> str:
    """Return an aware time as Portkey writes it: `2027-01-01T00:00:00.000Z`."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def page(reply: object) -> Page:
    """Read one page: `{object, total, data: […]}`, `{success, data: […]}`, or the first inside `data`."""
    inner = reply.get("data") if isinstance(reply, Mapping) else None
    told = _read(_Page, inner if isinstance(inner, Mapping) else reply, "a list")
    return Page(tuple(told.data), told.total)


def item_id(item: Mapping[str, Any]) -> str:
    """Return a list item's id."""
    return _read(_Named, item, "a list item").id


def key(item: Mapping[str, Any]) -> RemoteKey:
    """Read a key as `GET /api-keys` and `GET /api-keys/{id}` give it."""
    told = _read(_Key, item, "a key")
    defaults = told.defaults or _Defaults()
    budget, budget_note = _budget(told.usage_limits or _UsageLimits())
    limits, limits_note = _rate_limits(told.rate_limits or [])
    rotation = told.rotation_policy and f"automatic, {_plain_json(told.rotation_policy)}"
    notes = {"budget": budget_note, "rate_limits": limits_note, "rotation": rotation}
    return RemoteKey(
        id=told.id,
        name=told.name or "",
        description=told.description or "",
        status=told.status or "unknown",
        config=defaults.config_id or None,
        metadata={name: _text(value) for name, value in (defaults.metadata or {}).items()},
        budget=budget,
        rate_limits=limits,
        expires_at=told.expires_at and _utc(told.expires_at),
        allow_config_override=_override(told),
        scopes=tuple(told.scopes or ()),
        unmapped={field: note for field, note in notes.items() if note},
        raw={field: value for field, value in item.items() if field != "key"},
    )


def config(item: Mapping[str, Any]) -> RemoteConfig:
    """Read a config as a listing or `GET /configs/{slug}` gives it: the body absent, an object, or
    an object written into a string."""
    told = _read(_Config, item, "a config")
    body = told.config
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise BadReply(f"a config whose body is not JSON - {told.slug}") from None
        if not isinstance(body, dict):
            raise BadReply(f"a config whose body is no JSON object - {told.slug}")
    return RemoteConfig(told.id, told.slug, told.name, body, told.version_id, raw=item)


def created_config(reply: object) -> CreatedConfig:
    """Read `POST /configs`, flat or wrapped, with a slug or without."""
    told = _read(_CreatedConfig, unwrapped(reply), "a new config")
    return CreatedConfig(told.id, told.slug, told.version_id)


def minted(reply: object) -> Minted:
    """Read the one answer that tells a key's secret: create, or rotate."""
    told = _read(_Minted, unwrapped(reply), "a new key")
    return Minted(told.id, told.key)


def workspace_id(reply: object) -> str:
    """Read a workspace's UUID out of `GET /admin/workspaces/{slug}`."""
    return _read(_Named, unwrapped(reply), "a workspace").id


def unwrapped(reply: object) -> Mapping[str, Any]:
    """Return the object of a reply, out of `{success, data: {…}}` where it is wrapped."""
    if isinstance(reply, Mapping) and "success" in reply and isinstance(reply.get("data"), Mapping):
        reply = reply["data"]
    if not isinstance(reply, Mapping):
        raise BadReply("an answer that is no JSON object")
    return reply


Model = TypeVar("Model", bound=_Reply)


def _read(model: type[Model], reply: object, what: str) -> Model:
    try:
        return model.model_validate(reply)
    except ValidationError as exc:
        faults = [
            f"{'.'.join(map(str, e['loc']))} {e['msg'].lower()}" for e in exc.errors(include_input=False)
        ]
    # Outside of the handler: pydantic's error holds the reply, and with it perhaps a secret.
    raise BadReply(f"an answer that is not {what} - {'; '.join(faults[:3])}")


def _usage_limits(budget: Budget) -> dict[str, Any]:
    limits = {"type": "cost", "credit_limit": budget.usd, "periodic_reset": budget.reset}
    return limits | ({} if budget.alert_at_usd is None else {"alert_threshold": budget.alert_at_usd})


def _budget(limits: _UsageLimits) -> tuple[Budget | None, str | None]:
    """Return the budget, or in words what a budget of ours can't express.

    `{"is_expired_alerts_sent": true}` without a limit means none (facts/portkey.md 4.2).
    """
    if limits.credit_limit is None:
        return None, None
    usd, alert = int(limits.credit_limit), limits.alert_threshold
    resets: dict[str | None, Reset | None] = {None: None} | {reset: reset for reset in get_args(Reset)}
    if (
        limits.type in {None, "cost"}
        and usd == limits.credit_limit
        and (alert is None or alert.is_integer())
        and limits.periodic_reset in resets
        and not limits.periodic_reset_days
    ):
        return Budget(usd, resets[limits.periodic_reset], None if alert is None else int(alert)), None
    return None, _plain_json(limits.model_dump(exclude_none=True))


def _rate_limits(limits: Sequence[_RateLimit]) -> tuple[tuple[RateLimit, ...], str | None]:
    kinds: Mapping[str, RateKind] = {kind: kind for kind in get_args(RateKind)}
    units: Mapping[str, RateUnit] = {unit: unit for unit in get_args(RateUnit)}
    known = [limit for limit in limits if limit.type in kinds and limit.unit in units]
    other = [f"{limit.value} {limit.type} {limit.unit}" for limit in limits if limit not in known]
    mapped = sorted(RateLimit(kinds[limit.type], units[limit.unit], limit.value) for limit in known)
    return tuple(mapped), ", ".join(other) or None


def _override(told: _Key) -> bool | None:
    """Return what is certain: the field on top when it is set; inside `defaults` only a true one,
    since false stands there even when nobody set it (facts/portkey.md 4.2)."""
    if told.allow_config_override is not None:
        return told.allow_config_override
    return True if told.defaults and told.defaults.allow_config_override else None


def _utc(moment: datetime) -> datetime:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)


def _text(value: object) -> str:
    return value if isinstance(value, str) else _plain_json(value)


def _plain_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

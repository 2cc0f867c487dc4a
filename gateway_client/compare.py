"""How a key or config at the gateway differs from what it should be, field by field. Pure.

For the plan (is an update due?) and for drift (what did somebody change?). The texts are for people
and hold no secret. What the gateway does not tell is no difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway_client.contract import Budget, KeySpec, RateLimit, RemoteConfig, RemoteKey

ABSENT = "(none)"
_SECRET_MEMBER = re.compile(r"(?i)(?!virtual_key\Z).*(key|secret|token|password|authorization)\Z")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be."""

    field: str
    expected: str
    seen: str


def key_differences(spec: KeySpec, remote: RemoteKey) -> tuple[Difference, ...]:
    """Return how a key differs from its spec, in a fixed order of fields.

    Metadata that the key has beyond the spec's is no difference: an organisation's defaults are
    filled in by the gateway (facts/portkey.md 10.2). `allow_config_override` and `scopes` count only
    where the gateway tells them; what it has and our form can't express always counts.
    """
    fields: dict[str, tuple[str | None, str | None]] = {
        "name": (spec.name, remote.name),
        "description": (spec.description, remote.description),
        "config": (spec.config, remote.config),
        "budget": (_budget(spec.budget), _budget(remote.budget)),
        "rate_limits": (_rate_limits(spec.rate_limits), _rate_limits(remote.rate_limits)),
        "expires_at": (_instant(spec.expires_at), _instant(remote.expires_at)),
    }
    for name, value in sorted(spec.metadata.items()):
        fields[f"metadata.{name}"] = (value, remote.metadata.get(name))
    if remote.allow_config_override is not None:
        fields["allow_config_override"] = (
            _json(spec.allow_config_override),
            _json(remote.allow_config_override),
        )
    if remote.scopes:
        fields["scopes"] = (_names(spec.scopes), _names(remote.scopes))
    for name, words in sorted(remote.unmapped.items()):
        fields[name] = (fields.get(name, (None, None))[0], words)
    return tuple(
        Difference(name, expected or ABSENT, seen or ABSENT)
        for name, (expected, seen) in fields.items()
        if expected != seen
    )


def config_differences(name: str, body: Mapping[str, Any], remote: RemoteConfig) -> tuple[Difference, ...]:
    """Return how a config differs from its name and body; needs one that was read with its body.

    Bodies are compared as JSON values (S157): order of members, and 1 against 1.0, make no difference.
    """
    if remote.body is None:
        raise ValueError(f"config {remote.slug} was read without its body")
    named = () if name == remote.name else (Difference("name", name, remote.name),)
    return (*named, *_json_differences("config", body, remote.body))


def _json_differences(path: str, expected: object, seen: object, name: str = "") -> Iterator[Difference]:
    """Yield the innermost places where two JSON values differ; `name` is that of the nearest member."""
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        for member in sorted(expected.keys() | seen.keys()):
            inner = f"{path}.{member}"
            if member not in seen:
                yield Difference(inner, _json(_masked(member, expected[member])), ABSENT)
            elif member not in expected:
                yield Difference(inner, ABSENT, _json(_masked(member, seen[member])))
            else:
                yield from _json_differences(inner, expected[member], seen[member], member)
    elif isinstance(expected, list | tuple) and isinstance(seen, list | tuple) and len(expected) == len(seen):
        for index, (one, other) in enumerate(zip(expected, seen, strict=True)):
            yield from _json_differences(f"{path}[{index}]", one, other, name)
    elif isinstance(expected, bool) is not isinstance(seen, bool) or expected != seen:
        yield Difference(path, _json(_masked(name, expected)), _json(_masked(name, seen)))


def _masked(name: str, value: object) -> object:
    """Return a JSON value without what its member's name says to be secret."""
    if isinstance(value, Mapping):
        return {member: _masked(member, inner) for member, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, inner) for inner in value]
    return "(hidden)" if isinstance(value, str) and _SECRET_MEMBER.match(name) else value


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _budget(budget: Budget | None) -> str | None:
    if budget is None:
        return None
    alert = "" if budget.alert_at_usd is None else f", alert at {budget.alert_at_usd} USD"
    return f"{budget.usd} USD {budget.reset or 'in all'}{alert}"


def _rate_limits(limits: Iterable[RateLimit]) -> str | None:
    return ", ".join(f"{limit.value} {limit.kind} {limit.unit}" for limit in sorted(limits)) or None


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

"""The config language: one recursive node, checked whole when a config is saved. Pure.

Accepted: `strategy` (single, fallback, loadbalance, conditional), `targets` (nested), `provider` as
`@slug`, `weight`, `name`, `override_params`, `default_params`, `drop_params`, `forward_headers`,
`request_timeout`, `retry`, `cache` (simple); at the root also `input_guardrails` and
`output_guardrails`, ids or slugs of saved ones. Everything else of Portkey's language (keys in
configs, custom hosts, circuit breakers, inline guardrails, hooks, the semantic cache, ...) is refused
rather than ignored.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from gateway_client.bundled.routing import conditions

LONGEST_TIMEOUT = 86_400_000
"""A day, in milliseconds."""
MAX_ROOT_TARGETS, MAX_CONDITIONAL_TARGETS, MAX_NESTED_TARGETS = 100, 1000, 50
PROVIDER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*\Z")
PROVIDER_MODEL = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*/.+\Z")
KEPT_BACK = frozenset(
    {
        "accept",
        "accept-encoding",
        "api-key",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-api-key",
    }
)
"""Headers that no config may forward: credentials of this gateway, those that frame the message, and
those that the gateway sends of its own. An answer that came compressed could be neither metered nor
looked at.
"""

NEEDED = frozenset({"model", "messages", "max_tokens"})
"""Parameters that every request must keep."""

StatusCode = Annotated[int, Field(ge=100, le=599)]


class BadConfig(ValueError):
    """A config that can't be carried out; `problems` tells all of them, each with its path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Condition(_Part):
    """One branch of a conditional route: a query, and the name of the target it leads to."""

    query: dict[str, JsonValue]
    then: str


class Strategy(_Part):
    """How one of the targets is chosen."""

    mode: Literal["single", "fallback", "loadbalance", "conditional"]
    on_status_codes: tuple[StatusCode, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    default: str | None = None


class Retry(_Part):
    """How often a failed call is tried again; see `retries` for when and how long after."""

    attempts: Annotated[int, Field(ge=0, le=5)]
    on_status_codes: tuple[StatusCode, ...] | None = None
    use_retry_after_headers: bool | None = None


class Cache(_Part):
    """Answers are kept for `max_age` seconds, seven days unless told otherwise (our choice)."""

    mode: Literal["simple", "semantic"]
    max_age: Annotated[int, Field(ge=60, le=7_776_000)] = 604_800


class Node(_Part):
    """A config, or one target of it. `request_timeout` is in milliseconds until the first byte.

    `default_params` hold where a request does not have them, `override_params` in any case;
    `drop_params` names what is taken out of a request, for providers that don't know it.
    """

    name: str | None = None
    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1.0
    provider: str | None = None
    override_params: dict[str, JsonValue] = Field(default_factory=dict)
    default_params: dict[str, JsonValue] = Field(default_factory=dict)
    drop_params: tuple[str, ...] = ()
    forward_headers: tuple[str, ...] = ()
    request_timeout: Annotated[int, Field(gt=0, le=LONGEST_TIMEOUT)] | None = None
    retry: Retry | None = None
    cache: Cache | None = None
    input_guardrails: tuple[str, ...] = ()
    output_guardrails: tuple[str, ...] = ()
    strategy: Strategy | None = None
    targets: tuple[Node, ...] = ()


@functools.lru_cache(maxsize=512)
def read(text: str) -> Node:
    """Read and check a config's JSON text. Raises `BadConfig` with every problem found."""
    try:
        node = Node.model_validate_json(text)
    except ValidationError as exc:
        raise BadConfig(tuple(f"{_path(e['loc'])}: {_message(e)}" for e in exc.errors())) from exc
    found = tuple(_problems(node, "", has_provider=False))
    if not node.model_fields_set:
        found = ("config: is empty",)
    if found:
        raise BadConfig(found)
    return node


def _path(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "config"


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "is not known to this gateway"
    if error["type"] == "string_type" and {"input_guardrails", "output_guardrails"} & set(error["loc"]):
        return "must be the id or slug of a saved guardrail; inline checks are not possible here"
    text = str(error["msg"])
    return text[0].lower() + text[1:]


def _problems(node: Node, at: str, *, has_provider: bool) -> Iterator[str]:
    """Yield what the shapes alone can't tell. `at` is the node's path; `has_provider`: inherited."""
    yield from _setting_problems(node, at)
    model = node.override_params.get("model")
    has_provider = has_provider or (isinstance(model, str) and model.startswith("@"))
    if node.targets or node.strategy:
        yield from _route_problems(node, at)
        for index, target in enumerate(node.targets):
            yield from _problems(target, f"{at}targets[{index}].", has_provider=has_provider)
    elif at and node.provider is None and not has_provider:
        yield f'{at}provider: is missing; give "@slug", or targets of its own'


def _setting_problems(node: Node, at: str) -> Iterator[str]:
    if node.provider is not None and not PROVIDER.match(node.provider):
        yield f'{at}provider: must be a saved provider\'s slug in the form "@slug"'
    model = node.override_params.get("model", "")
    if not isinstance(model, str):
        yield f"{at}override_params.model: must be text"
    elif model.startswith("@"):
        if not PROVIDER_MODEL.match(model):
            yield f'{at}override_params.model: must be "@slug/model"'
        elif node.provider is not None and model.partition("/")[0] != node.provider:
            yield f"{at}override_params.model: names another provider than provider does"
    for name in ("override_params", "default_params"):
        try:
            json.dumps(getattr(node, name), allow_nan=False)
        except ValueError:
            yield f"{at}{name}: holds a number that JSON does not have"
    if "model" in node.default_params:
        yield f"{at}default_params.model: every request names a model; use override_params"
    for index, param in enumerate(node.drop_params):
        if param in NEEDED:
            yield f"{at}drop_params[{index}]: no request can do without {param}"
    if node.cache is not None and node.cache.mode == "semantic":
        yield f"{at}cache.mode: semantic needs a store of vectors, which this gateway lacks; use simple"
    for name in ("input_guardrails", "output_guardrails"):
        if at and getattr(node, name):
            yield f"{at}{name}: stand at the config's root only, and hold for every target"
    for index, header in enumerate(node.forward_headers):
        if header.lower() in KEPT_BACK or header.lower().startswith("x-portkey-"):
            yield f"{at}forward_headers[{index}]: {header.lower()} is never forwarded"


def _route_problems(node: Node, at: str) -> Iterator[str]:
    strategy = node.strategy or Strategy(mode="single")
    if node.provider is not None:
        yield f"{at}provider: stands beside targets; give each target its own"
    if not node.targets:
        yield f"{at}targets: is missing; {strategy.mode} needs them"
    limit = MAX_CONDITIONAL_TARGETS if strategy.mode == "conditional" else MAX_ROOT_TARGETS
    limit = MAX_NESTED_TARGETS if at else limit
    if len(node.targets) > limit:
        yield f"{at}targets: has {len(node.targets)} entries, at most {limit} are possible"
    if strategy.mode == "single" and len(node.targets) > 1:
        yield f"{at}targets: single takes one target; several need another strategy.mode"
    if strategy.mode != "fallback" and strategy.on_status_codes is not None:
        yield f"{at}strategy.on_status_codes: belongs to fallback"
    if strategy.mode == "conditional":
        yield from _condition_problems(strategy, node.targets, at)
    elif strategy.conditions or strategy.default is not None:
        yield f"{at}strategy: conditions and default belong to conditional"


def _condition_problems(strategy: Strategy, targets: tuple[Node, ...], at: str) -> Iterator[str]:
    names = [target.name for target in targets if target.name is not None]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{at}targets: two are named {name}"
    if not strategy.conditions:
        yield f"{at}strategy.conditions: is missing"
    for index, condition in enumerate(strategy.conditions):
        here = f"{at}strategy.conditions[{index}]"
        yield from conditions.problems(condition.query, f"{here}.query")
        if condition.then not in names:
            yield f"{here}.then: no target is named {condition.then}"
    if strategy.default is not None and strategy.default not in names:
        yield f"{at}strategy.default: no target is named {strategy.default}"

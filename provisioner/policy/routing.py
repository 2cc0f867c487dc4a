"""The routing part of a profile: Portkey's config language in TOML, checked before a gateway sees it. Pure.

Names and nesting are those of the config JSON (facts/portkey.md 5.2), so that the profile's table
*is* the config's body. What a gateway would take and then not do is refused here: a config that
leaves the provider to the client, a weight that nothing weighs, a target that nothing reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from provisioner import strict
from provisioner.policy.conditions import Labels, query_flaws
from provisioner.strict import Flaw, Many, Refused, Strict, wrong
from provisioner.toml_lines import KeyPath

_SLUG = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*")
_SLUG_MODEL = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*/\S+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Forwarded to a provider, these would hand it the gateway's key.
_CREDENTIAL_HEADERS = ("authorization", "x-api-key", "api-key", "cookie", "proxy-authorization", "x-portkey-")


def _provider(text: str) -> str:
    if not _SLUG.fullmatch(text):
        # Raw names are refused by organisations in saved-only mode (facts/portkey.md 9.6).
        fix = 'write the slug of a provider of your workspace, "@anthropic-prod"'
        raise wrong("BAD_PROVIDER", "is not a provider's slug", fix, text)
    return text


def _header_name(text: str) -> str:
    if not _HEADER_NAME.fullmatch(text):
        raise wrong("BAD_VALUE", "is not a header's name", 'write "anthropic-beta"', text)
    if text.lower().startswith(_CREDENTIAL_HEADERS):
        message = "would hand the gateway's key to the provider"
        raise wrong("CREDENTIAL_HEADER", message, "take it off the list", text)
    return text


Provider = Annotated[str, AfterValidator(_provider)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
Status = Annotated[int, Field(ge=100, le=599)]

_ELSEWHERE: Refused = {
    "api_key": ("a provider's key never stands in a profile", 'name the provider, "@anthropic-prod"'),
    "virtual_key": ("is Portkey's old name for a provider", "use provider"),
    "custom_host": ("leads requests past the named providers", "take it out"),
    "model": ("stands outside its table", "use override_params.model, or [models] for pins"),
}


class Cache(Strict):
    """Answer repeated requests from memory. On Portkey the metadata is part of the cache's key."""

    mode: Literal["simple", "semantic"] | None = None
    max_age: Annotated[int, Field(ge=60, le=7_776_000)] | None = None
    """Seconds."""


class Retry(Strict):
    """Ask the same target again; 0 attempts switches it off."""

    attempts: Annotated[int, Field(ge=0, le=5)] | None = None
    on_status_codes: Many[Status] = ()
    use_retry_after_headers: bool | None = None


class Condition(Strict):
    """One line of conditional routing; the first that matches decides."""

    query: dict[str, Any]
    then: str
    """Name of a target beside it."""


class Strategy(Strict):
    """How one of several targets is chosen."""

    mode: Literal["fallback", "loadbalance", "conditional"] | None = None
    on_status_codes: Many[Status] = ()
    """Fallback only: move on for these and no others; without it, for any that is not 2xx."""
    conditions: Many[Condition] = ()
    default: str | None = None
    """Conditional only: name of the target where no condition matches."""


class Route(Strict):
    """A provider, or a strategy over targets; the root of a config, and each target in it."""

    REFUSED: ClassVar[Refused] = _ELSEWHERE

    provider: Provider | None = None
    override_params: dict[str, Any] | None = None
    forward_headers: Many[HeaderName] = ()
    strategy: Strategy | None = None
    targets: Many[Target] = ()
    cache: Cache | None = None
    retry: Retry | None = None
    request_timeout: Annotated[int, Field(ge=1)] | None = None
    """Milliseconds."""

    @property
    def names_provider(self) -> bool:
        """Tell whether the gateway's choice of provider is made here, and not by the client.

        A model `@slug/name` in the override decides it as well (facts/portkey.md 9.4b).
        """
        model = (self.override_params or {}).get("model")
        return self.provider is not None or (isinstance(model, str) and bool(_SLUG_MODEL.fullmatch(model)))


class Target(Route):
    """One target of a strategy; it may have a strategy and targets of its own."""

    name: str | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def route_flaws(route: Route, path: KeyPath, labels: Labels) -> Iterator[Flaw]:
    """Yield what is wrong with a route as a whole, and with the targets in it."""
    yield from strict.unfit(route.override_params or {}, (*path, "override_params"), floats=True)
    model = (route.override_params or {}).get("model", "unset")
    if not (isinstance(model, str) and model):
        yield Flaw(
            (*path, "override_params", "model"), "WRONG_TYPE", "is not a model's name", "write its name"
        )
    if route.cache and route.cache.mode is None:
        fix = 'write mode = "simple" or mode = "semantic"'
        yield Flaw((*path, "cache", "mode"), "MISSING_KEY", "is missing", fix)
    if route.retry and route.retry.attempts is None:
        yield Flaw((*path, "retry", "attempts"), "MISSING_KEY", "is missing", "write 1 to 5")
    if route.strategy is None and not route.targets:
        if not route.names_provider:
            message = "names no provider, so each client could choose its own"
            fix = 'add provider = "@anthropic-prod", or a strategy with targets'
            yield Flaw(path, "NO_PROVIDER", message, fix)
        return
    if route.provider is not None and route.targets:
        message = "stands beside targets, which decide"
        yield Flaw((*path, "provider"), "TWO_ROUTES", message, _drop(path, "provider"))
    if route.strategy is None:
        fix = 'add strategy.mode = "fallback", "loadbalance" or "conditional"'
        yield Flaw((*path, "targets"), "NO_STRATEGY", "have no strategy", fix)
    else:
        yield from _strategy_flaws(route.strategy, route.targets, path, labels)
    for position, target in enumerate(route.targets):
        yield from route_flaws(target, (*path, "targets", position), labels)


def _strategy_flaws(
    strategy: Strategy, targets: tuple[Target, ...], path: KeyPath, labels: Labels
) -> Iterator[Flaw]:
    here = (*path, "strategy")
    mode = strategy.mode
    for position, condition in enumerate(strategy.conditions):
        yield from query_flaws(condition.query, (*here, "conditions", position, "query"), labels)
    if mode is None:
        fix = 'write mode = "fallback", "loadbalance" or "conditional"'
        yield Flaw((*here, "mode"), "MISSING_KEY", "is missing", fix)
        return
    if not targets:
        yield Flaw((*path, "targets"), "NO_TARGETS", f"are missing for {mode}", f"add [[{_place(path)}]]")
        return
    if strategy.on_status_codes and mode != "fallback":
        yield _idle((*here, "on_status_codes"), mode)
    for name in ("conditions", "default"):
        if getattr(strategy, name) and mode != "conditional":
            yield _idle((*here, name), mode)
    weighted = [target.weight is not None for target in targets]
    for position, target in enumerate(targets):
        place = (*path, "targets", position, "weight")
        if mode != "loadbalance" and target.weight is not None:
            yield _idle(place, mode)
        elif mode == "loadbalance" and any(weighted) and target.weight is None:
            # The gateway would take 1, which beside fractions is most of the traffic.
            yield Flaw(place, "MISSING_KEY", "is missing, though other targets have one", "add it")
    if mode == "conditional":
        yield from _conditional_flaws(strategy, targets, path)


def _conditional_flaws(strategy: Strategy, targets: tuple[Target, ...], path: KeyPath) -> Iterator[Flaw]:
    here = (*path, "strategy")
    names: list[str] = []
    for position, target in enumerate(targets):
        place = (*path, "targets", position, "name")
        if not target.name:
            yield Flaw(place, "MISSING_KEY", "is missing, so nothing can reach the target", "name it")
        elif target.name in names:
            yield Flaw(place, "DUPLICATE", "names two targets", "name each apart", target.name)
        else:
            names.append(target.name)
    if not strategy.conditions:
        yield Flaw(
            (*here, "conditions"), "MISSING_KEY", "are missing for conditional", "add one, or use fallback"
        )
    if not strategy.default:
        # Without one, what no condition matches is answered with 400 (facts/portkey.md 12.3).
        fix = f"add it: {', '.join(names)}" if names else "name a target"
        yield Flaw((*here, "default"), "MISSING_KEY", "is missing for conditional", fix)
    chosen: list[tuple[KeyPath, str | None]] = [((*here, "default"), strategy.default or None)]
    for position, condition in enumerate(strategy.conditions):
        chosen.append(((*here, "conditions", position, "then"), condition.then))
    for place, name in chosen:
        if name is not None and name not in names:
            yield Flaw(place, "UNKNOWN_TARGET", "is no target here", strict.suggestion(name, names), name)


def _idle(path: KeyPath, mode: str) -> Flaw:
    return Flaw(path, "NO_EFFECT", f"does nothing under {mode}", "take it out, or change the mode")


def _drop(path: KeyPath, key: str) -> str:
    place = strict.dotted((*path, key))
    return f'take it out; where a parent profile set it, write unset = ["{place}"]'


def _place(path: KeyPath) -> str:
    return strict.dotted(tuple(part for part in (*path, "targets") if isinstance(part, str)))

"""From a target and a request to what leaves for a provider. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.routing import model_names
from gateway_client.bundled.routing.attempts import Target
from gateway_client.bundled.routing.language import KEPT_BACK
from gateway_client.bundled.upstreams.port import Outgoing

_ESCAPED_NAME = re.compile(rb'"[a-z_]*+\\u00[5-7][0-9a-fA-F](?:[a-z_]|\\u00[5-7][0-9a-fA-F])*+"\s*:').search


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came: `params` is its `body` read, `path` lacks our prefix, `metadata` is merged.

    `judged`: guardrails looked at the params, so it is these that must leave.
    """

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Which provider gets what, under which model name."""

    provider: str
    model: str
    outgoing: Outgoing


def dispatch(
    target: Target, request: Incoming, asked_provider: str | None, providers: Mapping[str, str]
) -> Dispatch:
    """Choose the provider and write the request for it. Raises a refusal with status 400.

    The config decides first, by provider or by `@slug/` in its model; then the request's header; then
    the request's model (facts/portkey.md 9.4b). The prefix never reaches the provider.
    """
    kept = {name: value for name, value in request.params.items() if name not in target.drop_params}
    params = {**target.default_params, **kept, **target.override_params}
    if not isinstance(params.get("model"), str) or not params["model"]:
        raise refusals.plain("model: Field required")
    name = model_names.read(params["model"], providers)
    pinned = name.provider if "model" in target.override_params else None
    slug = target.provider or pinned or asked_provider or name.provider
    if slug is None:
        raise refusals.plain("Either x-portkey-config or x-portkey-provider header is required")
    if slug not in providers:
        raise refusals.plain(f"Following keys are not valid: {slug[:64]}")
    if not name.model:
        raise refusals.plain("model: is missing after the provider's slug")
    params["model"] = name.model
    unchanged = params == request.params  # cheap: values that are the same object are not looked into
    exact = unchanged and not request.judged and not _ambiguous(request.body)
    body = request.body if exact else json.dumps(params).encode()
    path = request.path + (f"?{request.query}" if request.query else "")
    return Dispatch(slug, name.model, Outgoing(path, _headers(request.headers, target.forward_headers), body))


def _ambiguous(body: bytes) -> bool:
    """Tell whether a request may name its model twice, so that another reader could see another one.

    That a name stands twice somewhere within (a tool's schema, say) is enough: to write such a request
    anew does no harm. A letter of a name can be an escape.

    Looked for from the end: over 60 kB that takes 10 microseconds, from the beginning 30 (measured).
    """
    twice = body.find(b'"model"') != body.rfind(b'"model"')
    return twice or (body.rfind(b"\\u00") >= 0 and _ESCAPED_NAME(body) is not None)


def _headers(headers: Mapping[str, str], forwarded: Iterable[str]) -> dict[str, str]:
    """Return what passes on: `anthropic-*` as an open list, what the config forwards, nothing else."""
    wanted = {name.lower() for name in forwarded} - KEPT_BACK
    passed = {
        name: value
        for name, value in ((n.lower(), v) for n, v in headers.items())
        if name.startswith("anthropic-") or name in wanted
    }
    return {"anthropic-version": "2023-06-01", **passed, "content-type": "application/json"}

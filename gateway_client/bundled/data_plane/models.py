"""`GET /v1/models`: what a key can really use, in Anthropic's shape.

A model is listed when a request for it would reach a provider under the key's config, that provider's
allow-list has it, and no model rule denies it for the key's metadata. Tried out model by model with
the very rules that requests go by; parameters other than the model count as not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway_client.bundled.data_plane import binding, metadata
from gateway_client.bundled.data_plane.admission import admit
from gateway_client.bundled.data_plane.binding import Binding
from gateway_client.bundled.data_plane.prices import PRICES
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.guardrails import reachable
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store.keys import Caller

SCOPES = ("completions.write", "virtual_keys.list")


async def models(request: Request) -> Response:
    """List the models, all on one page.

    Where nothing names a provider they are `@slug/model`, which does (facts/portkey.md 7).
    """
    gateway: Gateway = request.app.state.gateway
    caller = admit(gateway, request.headers, request.scope["path"], request.state.trace_id, SCOPES)
    bound = binding.bind(gateway, caller, request.headers)
    claimed = metadata.of_header(request.headers.get("x-portkey-metadata"))
    merged = metadata.merged(claimed, caller.metadata, caller.workspace_metadata)
    names = list(dict.fromkeys(_usable(gateway, caller, bound, merged)))
    listed = [
        # An epoch stands for an unknown release date, as in Anthropic's own listing.
        {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
        for name in names
    ]
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    # `object` is what Portkey's SDK looks for; Anthropic's does not mind.
    return JSONResponse({"data": listed, **ends, "has_more": False, "object": "list"})


def _usable(gateway: Gateway, caller: Caller, bound: Binding, merged: Mapping[str, Any]) -> Iterator[str]:
    families, lists = gateway.providers, gateway.model_lists
    screen = gateway.screens.of(caller, bound.node)
    for model in _candidates(gateway, bound.node, families):
        if screen is not None and not screen.admits(model, merged):
            continue
        facts = {"metadata": merged, "params": {"model": model}, "url": {"pathname": "/v1/messages"}}
        for reached in reachable.reached(bound.node, facts, bound.provider, families):
            if reached.provider is None:
                yield from (f"@{slug}/{model}" for slug in families if lists.allows(slug, model))
            elif (
                reached.model == model
                and reached.provider in families
                and lists.allows(reached.provider, model)
            ):
                yield model


def _candidates(gateway: Gateway, node: Node, families: Mapping[str, str]) -> dict[str, None]:
    """Return every model that is known by name: by its price, from an allow-list, from the config."""
    found = dict.fromkeys(PRICES)
    for slug in families:
        models = gateway.model_lists.of(slug)
        found.update(dict.fromkeys(models.enabled if models else ()))
    return found | dict.fromkeys(reachable.pinned(node, families))

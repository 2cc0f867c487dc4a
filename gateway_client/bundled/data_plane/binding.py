"""Which config a request runs under, and what its headers may say about it (facts/portkey.md 9.4b, 9.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_client.bundled.data_plane import refusals
from gateway_client.bundled.gateway import Gateway
from gateway_client.bundled.routing import language, model_names
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.store.keys import Caller

INLINE = {
    "x-portkey-config": "inline_config_blocked",
    "x-portkey-provider": "inline_provider_blocked",
    "x-portkey-custom-host": "inline_custom_host_blocked",
    "x-portkey-forward-headers": "inline_forward_headers_blocked",
}
NEVER = frozenset({"x-portkey-custom-host", "x-portkey-forward-headers"})
"""Refused in any mode: a host of the client's choosing would receive the provider's key."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The config of a request: its tree, and its slug when it is a saved one.

    `provider` and `request_timeout` are what the request's headers ask for; a config that sets them
    beats it.
    """

    node: Node
    slug: str | None
    provider: str | None
    request_timeout: int | None = None


def bind(gateway: Gateway, caller: Caller, headers: Mapping[str, str]) -> Binding:
    """Return the config that holds for a request. Raises a refusal with status 400."""
    _refuse_inline(headers, saved_only=gateway.settings.saved_only)
    node, slug = _config(gateway, caller, headers.get("x-portkey-config"))
    return Binding(node, slug, _provider(gateway, headers), _timeout(headers))


def _refuse_inline(headers: Mapping[str, str], *, saved_only: bool) -> None:
    for name, code in INLINE.items():
        value = headers.get(name, "").strip()
        saved = (name == "x-portkey-config" and not value.startswith("{")) or (
            name == "x-portkey-provider" and value.startswith("@")
        )
        if value and not saved and (saved_only or name in NEVER):
            raise refusals.blocked(code, name, f"{name}: only saved configs and providers can be used here")


def _config(gateway: Gateway, caller: Caller, asked: str | None) -> tuple[Node, str | None]:
    if asked and caller.config and not caller.allow_config_override:
        raise refusals.plain("Cannot override default config set for this API key.")
    if asked and asked.strip().startswith("{"):
        return _read(asked), None
    reference = asked or caller.config
    if reference is None:
        return Node(), None
    try:
        route = gateway.directory.route(caller.workspace_id, reference)
    except language.BadConfig as exc:
        raise _bad(exc) from exc
    if route is None:
        raise refusals.plain("Invalid config id passed")
    return route.node, route.slug


def _read(text: str) -> Node:
    try:
        return language.read(text)
    except language.BadConfig as exc:
        raise _bad(exc) from exc


def _bad(config: language.BadConfig) -> refusals.Refusal:
    body = {"status": "failure", "message": "Invalid config passed", "errors": list(config.problems)}
    return refusals.Refusal(400, body)


def _provider(gateway: Gateway, headers: Mapping[str, str]) -> str | None:
    asked = headers.get("x-portkey-provider", "").strip()
    if asked.startswith("@"):
        return asked[1:]
    if asked:
        return model_names.slug_of(asked, gateway.providers) or asked
    return headers.get("x-portkey-virtual-key", "").strip() or None


def _timeout(headers: Mapping[str, str]) -> int | None:
    """Return the milliseconds that a client wants to wait; what is no number, or too big, asks nothing."""
    asked = headers.get("x-portkey-request-timeout")
    if asked is None or not asked.isdecimal() or len(asked) > 8:
        return None
    return int(asked) if 0 < int(asked) <= language.LONGEST_TIMEOUT else None

"""Claude Desktop's managed configuration: third-party inference through the gateway. Pure.

`settings` gives native types, as Linux reads them. macOS and Windows get `encoded`: every value a
string, which all versions take (facts/claude-desktop.md 2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from provisioner.errors import ArtifactError
from provisioner.render import floor, metadata
from provisioner.render.model import Delivery, Settings, Tree
from provisioner.secret import SecretRef

DOMAIN = "com.anthropic.claudefordesktop"
"""Preference domain on macOS."""
CUSTOM_HEADERS_SINCE = "1.8089.0"
"""First version with `inferenceCustomHeaders`; no fleet's floor may lie below (C8)."""

# Inference settings that limit or describe, and so are a profile's to give; the rest of
# `inference*` says where requests go and with what.
PROFILES_INFERENCE = (
    "inferenceMaxTokensPerWindow",
    "inferenceTokenWindowHours",
    "inferenceModelPricing",
    "inferenceSessionLifetimeSec",
    "inferenceStreamIdleTimeoutSec",
)
# A bootstrap server replaces all of this; the login keys are of the claude.ai mode (T36); the
# model list is ours; the last ones are dead names (facts/claude-desktop.md 0).
REFUSED = (
    "inference",
    "bootstrap",
    "trustBootstrap",
    "forceLogin",
    "modelDiscoveryEnabled",
    "deploymentOrganizationUuid",
    "isDxt",
    "enduserAttribution",
)


def settings(delivery: Delivery, user: str | None) -> dict[str, Tree]:
    """Return the configuration of one assignment in native types, the key as a reference.

    `user` as in `metadata.header_value`. The list of models is complete and discovery is off, so
    any gateway will do, with `GET /v1/models` or without; the first model is the default, the
    same one as in Claude Code. Raises `ArtifactError` for a floor below 1.8089.0 and for
    hardening that would reach into the routing.
    """
    lowest = delivery.claude_desktop_floor
    if lowest is not None and not floor.reaches(lowest, CUSTOM_HEADERS_SINCE):
        raise ArtifactError(
            f"claude desktop floor {lowest} is below {CUSTOM_HEADERS_SINCE}, which first sends custom headers"
        )
    tree: dict[str, Tree] = {
        "inferenceProvider": "gateway",
        "inferenceCredentialKind": "static",
        "inferenceGatewayBaseUrl": delivery.base_url,
        "inferenceGatewayApiKey": delivery.key,
        "inferenceGatewayAuthScheme": "bearer",
        "inferenceCustomHeaders": {metadata.HEADER: metadata.header_value(delivery, user)},
        "inferenceModels": _models(delivery),
        "modelDiscoveryEnabled": False,
        "deploymentOrganizationUuid": delivery.organization_uuid,
    }
    for name, value in delivery.hardening.claude_desktop.items():
        ours = name.startswith(REFUSED) and not name.startswith(PROFILES_INFERENCE)
        if ours or not name.isalnum():  # a dotted name is never read (facts/claude-desktop.md 2)
            raise ArtifactError(
                f"profile {delivery.profile} sets {name}, which a gateway rollout can't carry"
            )
        tree[name] = value
    return tree


def encoded(settings: Mapping[str, Tree]) -> Settings:
    """Return every value as a string: `true`, digits, compact ASCII JSON. Secrets stay leaves."""
    return {
        name: value if isinstance(value, str | SecretRef) else _json(value)
        for name, value in settings.items()
    }


def _models(delivery: Delivery) -> list[Tree]:
    """Return each pinned model once, as the default of the first family that it is pinned for."""
    pins = delivery.models
    families = {"opus": pins.opus, "sonnet": pins.sonnet, "haiku": pins.haiku, "fable": pins.fable}
    first: dict[str, str] = {}
    for family, model in families.items():
        first.setdefault(model, family)
    return [
        {"name": model, "anthropicFamilyTier": family, "isFamilyDefault": True}
        for model, family in first.items()
    ]


def _json(tree: Tree) -> str:
    """Return compact ASCII JSON, keys sorted, in which no two braces touch outside of strings.

    Intune reads `{{` and `}}` anywhere in a profile as its own (facts/mdm.md 2); a space between
    closing braces is the same JSON.
    """
    match tree:
        case SecretRef():
            raise ArtifactError("a secret inside a list or table can't be encoded as text")
        case str() | int():
            return json.dumps(tree, ensure_ascii=True)
        case Mapping():
            inside = ",".join(f"{json.dumps(name)}:{_json(value)}" for name, value in sorted(tree.items()))
            return "{" + inside + (" }" if inside.endswith("}") else "}")
        case _:
            return "[" + ",".join(_json(value) for value in tree) + "]"

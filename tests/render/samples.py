"""Deliveries and a fake key for the tests of render; and headers, read as the clients read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.policy.model import Hardening, Models, PlainTree
from provisioner.render.model import Artifact, Delivery, Tree
from provisioner.secret import SecretRef, fingerprint

FAKE_KEY = "pk-test-" + "0" * 40
PERSON = "alice@acme.com"

TEAM = Delivery(
    assignment="engineering-prod",
    tenant="acme",
    team="engineering",
    env="prod",
    base_url="https://gw.acme.com",
    key=SecretRef("secret-1", fingerprint(FAKE_KEY)),
    models=Models("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"),
    hardening=Hardening(
        claude_code={
            "permissions": {"deny": ["WebFetch"]},
            "companyAnnouncements": ["Ask #ai-help & <support>"],
            "env": {"DISABLE_UPDATES": "1"},
        },
        claude_desktop={
            "autoModeEnabled": False,
            "coworkEgressAllowedHosts": ["acme.com", "*.acme.com"],
            "disableDeploymentModeChooser": True,
            "relaunchEnforcementHours": 4,
        },
    ),
    revision=3,
    organization_uuid="6F1F2B6E-8B0B-5D4E-9C57-0A0D6C0F8A11",
    profile="standard",
)


def delivery(**changes: Any) -> Delivery:
    """Return the team's delivery with something else in it."""
    return replace(TEAM, **changes)


def hardened(
    claude_code: Mapping[str, Any] | None = None, claude_desktop: Mapping[str, Any] | None = None
) -> Delivery:
    """Return the team's delivery under other hardening."""
    return delivery(hardening=Hardening(claude_code or {}, claude_desktop or {}))


def unmask(tree: Tree, value: str = FAKE_KEY) -> PlainTree:
    """Put a value where secrets stand, as sealing does."""
    match tree:
        case SecretRef():
            return value
        case str() | int():
            return tree
        case Mapping():
            return {name: unmask(inner, value) for name, inner in tree.items()}
        case _:
            return [unmask(inner, value) for inner in tree]


def written(artifact: Artifact) -> bytes:
    """Return an artifact's file with the fake key in it."""
    return artifact.write(unmask(artifact.content))


def sent_headers(lines: str) -> list[tuple[str, str]]:
    """Read ANTHROPIC_CUSTOM_HEADERS as Claude Code does (facts/claude-code.md 5.2)."""
    pairs = [line.split(":", 1) for line in lines.replace("\r", "\n").split("\n") if ":" in line]
    return [(name.strip(), value.strip()) for name, value in pairs]


def code_headers(settings: Any) -> list[tuple[str, str]]:
    """Return the headers that Claude Code sends under these settings."""
    return sent_headers(settings["env"]["ANTHROPIC_CUSTOM_HEADERS"])


def desktop_headers(settings: Any) -> list[tuple[str, str]]:
    """Return the headers that Claude Desktop sends, by way of such lines (facts/claude-desktop.md 3)."""
    headers = settings["inferenceCustomHeaders"]
    if isinstance(headers, str):
        headers = json.loads(headers)
    return sent_headers("\n".join(f"{name}: {value}" for name, value in headers.items()))


def forced(profile: Any) -> dict[str, Any]:
    """Return what a Mac holds after a profile: the settings by preference domain."""
    return {
        domain: preferences["Forced"][0]["mcx_preference_settings"]
        for payload in profile["PayloadContent"]
        for domain, preferences in payload["PayloadContent"].items()
    }

"""Hardening in profiles: what belongs to the routing, would lock people out, or reads as nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.policy.hardening import claude_code_flaws, claude_desktop_flaws
from provisioner.policy.load import resolve
from provisioner.render import claude_code, claude_desktop
from provisioner.render.model import Delivery
from provisioner.secret import SecretRef


@pytest.mark.covers("T8", "T21", "T23", "T36", "S48")
@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({"permissions": {"deny": ["Read(~/.ssh/**)"], "disableBypassPermissionsMode": "disable"}}, []),
        ({"env": {"DISABLE_TELEMETRY": "1", "HTTPS_PROXY": "http://proxy.example.com:3128"}}, []),
        ({"forceLoginMethod": "claudeai"}, ["OWNED_KEY"]),
        ({"forceLoginOrgUUID": ["x"]}, ["OWNED_KEY"]),
        ({"ForceLoginOrgUuid": "x"}, ["OWNED_KEY"]),
        ({"apiKeyHelper": "/bin/k"}, ["OWNED_KEY"]),
        ({"allowedProviders": []}, ["OWNED_KEY"]),
        ({"model": "opus"}, ["OWNED_KEY"]),
        ({"modelOverrides": {"a": "b"}}, ["OWNED_KEY"]),
        ({"policyHelper": {"path": "/x"}}, ["OWNED_KEY"]),
        ({"parentSettingsBehavior": "first-wins"}, ["OWNED_KEY"]),
        ({"requiredMinimumVersion": "2.1.285"}, ["OWNED_KEY"]),
        ({"env": {"ANTHROPIC_BASE_URL": "https://evil.example"}}, ["OWNED_KEY"]),
        ({"env": {"Anthropic_Custom_Headers": "x: y"}}, ["OWNED_KEY"]),
        ({"env": {"CLAUDE_CODE_USE_VERTEX": "1"}}, ["OWNED_KEY"]),
        ({"env": {"CLAUDE_CODE_SKIP_VERTEX_AUTH": "1"}}, ["OWNED_KEY"]),
        ({"env": {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"}}, ["OWNED_KEY"]),
        ({"env": {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}}, ["OWNED_KEY"]),
        ({"env": {"X": 1, "Y": True}}, ["WRONG_TYPE", "WRONG_TYPE"]),
        ({"env": ["X=1"]}, ["WRONG_TYPE"]),
        ({"permissions": "x"}, ["WRONG_TYPE"]),
        ({"permissions": {"disableBypassPermissionsMode": True}}, ["BAD_VALUE"]),
        ({"disableAutoMode": "yes"}, ["BAD_VALUE"]),
        ({"permissions.deny": []}, ["BAD_NAME"]),
        ({"feedbackSurveyRate": 0.5}, ["WRONG_TYPE"]),
        ({"env": {"X": 0.5}}, ["WRONG_TYPE"]),
        ({"claudeMd": "a\0b"}, ["BAD_CHARACTER"]),
    ],
)
def test_claude_code(settings: dict[str, Any], codes: list[str]) -> None:
    assert [flaw.code for flaw in claude_code_flaws(settings)] == codes


@pytest.mark.covers("C8", "T21", "T36")
@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({"disableAutoUpdates": True, "banner": {"enabled": True, "text": "Managed"}}, []),
        ({"inferenceMaxTokensPerWindow": 1000, "inferenceTokenWindowHours": 24}, []),
        ({"inferenceModelPricing": [], "inferenceModelPricingEnabled": True}, []),
        ({"inferenceProvider": "bedrock"}, ["OWNED_KEY"]),
        ({"inferenceGatewayHeaders": []}, ["OWNED_KEY"]),
        ({"inferenceCustomHeaders": {}}, ["OWNED_KEY"]),
        ({"InferenceGatewayBaseUrl": "https://evil.example"}, ["OWNED_KEY"]),
        ({"inferenceModels": []}, ["OWNED_KEY"]),
        ({"modelDiscoveryEnabled": True}, ["OWNED_KEY"]),
        ({"bootstrapUrl": "https://evil.example"}, ["OWNED_KEY"]),
        ({"trustBootstrapDelivery": True}, ["OWNED_KEY"]),
        ({"deploymentOrganizationUuid": "x"}, ["OWNED_KEY"]),
        ({"forceLoginOrgUUID": "x"}, ["OWNED_KEY"]),
        ({"isDxtEnabled": True}, ["OWNED_KEY"]),
        ({"enduserAttribution": True}, ["OWNED_KEY"]),
        ({"endUserAttribution": True}, []),
        ({"bootstrap.url": "x"}, ["OWNED_KEY"]),
        ({"banner.text": "x"}, ["BAD_NAME"]),
        ({"inferenceModelPricingMultiplier": 0.5}, ["WRONG_TYPE"]),
    ],
)
def test_claude_desktop(settings: dict[str, Any], codes: list[str]) -> None:
    assert [flaw.code for flaw in claude_desktop_flaws(settings)] == codes


@pytest.mark.covers("T23")
@pytest.mark.parametrize("name", ["standard", "restricted"])
def test_shipped_hardening_uses_keys_that_exist(name: str, shipped: dict[str, str], shared: Path) -> None:
    hardening = resolve(name, shipped).policy.hardening
    contracts = shared / "contracts"
    desktop = {k["name"] for k in json.loads((contracts / "claude-desktop-keys.json").read_text())["keys"]}
    schema = json.loads((contracts / "claude-code-settings.schema.json").read_text())["properties"]
    assert set(hardening.claude_desktop) <= desktop
    assert set(hardening.claude_code) <= set(schema)
    permissions = hardening.claude_code["permissions"]
    assert isinstance(permissions, dict)
    assert set(permissions) <= set(schema["permissions"]["properties"])
    assert set(hardening.claude_code.get("env", {})) <= set(schema["env"]["properties"])  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize("name", ["standard", "restricted"])
def test_shipped_hardening_breaks_no_roll_out(name: str, shipped: dict[str, str]) -> None:
    hardening = resolve(name, shipped).policy.hardening
    # Claude Code does not start with it on Linux without bubblewrap (facts/claude-code.md 0.11).
    assert "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB" not in hardening.claude_code.get("env", {})  # type: ignore[operator]  # a table
    # Unset, new Code sessions start in auto mode since 2.9939.2 (facts/claude-desktop.md 0.8).
    assert hardening.claude_desktop["autoModeEnabled"] is False
    assert hardening.claude_desktop["disableDeploymentModeChooser"] is True


@pytest.mark.parametrize("name", ["standard", "restricted"])
def test_the_renderers_take_shipped_hardening(name: str, shipped: dict[str, str]) -> None:
    policy = resolve(name, shipped).policy
    delivery = Delivery(
        assignment="eng-prod",
        tenant="acme",
        team="eng",
        env="prod",
        base_url="https://gw.example.com",
        key=SecretRef("k", "0" * 12),
        models=policy.models,
        hardening=policy.hardening,
        revision=1,
        organization_uuid="00000000-0000-4000-8000-000000000000",
        profile=name,
    )
    code, desktop = claude_code.settings(delivery, None), claude_desktop.settings(delivery, None)
    assert code.items() >= {k: v for k, v in policy.hardening.claude_code.items() if k != "env"}.items()
    assert desktop.items() >= policy.hardening.claude_desktop.items()


@pytest.mark.parametrize("name", sorted(claude_code.REFUSED))
def test_what_the_claude_code_renderer_refuses_never_gets_there(name: str) -> None:
    assert [flaw.code for flaw in claude_code_flaws({name: "x"})] == ["OWNED_KEY"]


@pytest.mark.parametrize("prefix", [*claude_code.REFUSED_ENV])
def test_what_the_claude_code_renderer_refuses_in_env_never_gets_there(prefix: str) -> None:
    assert [flaw.code for flaw in claude_code_flaws({"env": {f"{prefix}X": "x"}})] == ["OWNED_KEY"]


@pytest.mark.parametrize("prefix", [*claude_desktop.REFUSED])
def test_what_the_claude_desktop_renderer_refuses_never_gets_there(prefix: str) -> None:
    assert [flaw.code for flaw in claude_desktop_flaws({f"{prefix}X": "x"})] == ["OWNED_KEY"]

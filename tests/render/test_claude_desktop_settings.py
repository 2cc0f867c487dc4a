"""Claude Desktop's managed configuration: native and encoded, against the documented keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ArtifactError
from provisioner.policy.model import Models
from provisioner.render import claude_code, claude_desktop
from tests.render.samples import PERSON, TEAM, code_headers, delivery, desktop_headers, hardened, unmask


@pytest.mark.covers("S115", "S116", "S117", "S118", "S119", "S183", "S184", "S185", "S186", "C8")
def test_native_settings_are_whole() -> None:
    header = (
        '{"tenant":"acme","user":"alice@acme.com","team":"engineering","env":"prod"'
        ',"_user":"alice@acme.com","rev":"3"}'
    )
    assert unmask(claude_desktop.settings(hardened(), PERSON), "the key") == {
        "inferenceProvider": "gateway",
        "inferenceCredentialKind": "static",
        "inferenceGatewayBaseUrl": "https://gw.acme.com",
        "inferenceGatewayApiKey": "the key",
        "inferenceGatewayAuthScheme": "bearer",
        "inferenceCustomHeaders": {"x-portkey-metadata": header},
        "inferenceModels": [
            {"name": "claude-opus-5-5", "anthropicFamilyTier": "opus", "isFamilyDefault": True},
            {"name": "claude-sonnet-5-5", "anthropicFamilyTier": "sonnet", "isFamilyDefault": True},
            {"name": "claude-haiku-5-5", "anthropicFamilyTier": "haiku", "isFamilyDefault": True},
            {"name": "claude-fable-5-2", "anthropicFamilyTier": "fable", "isFamilyDefault": True},
        ],
        "modelDiscoveryEnabled": False,
        "deploymentOrganizationUuid": "6F1F2B6E-8B0B-5D4E-9C57-0A0D6C0F8A11",
    }


@pytest.mark.covers("C1", "C5")
def test_both_products_get_the_same_address_key_and_header() -> None:
    code: Any = claude_code.settings(TEAM, PERSON)
    desktop: Any = claude_desktop.settings(TEAM, PERSON)
    assert desktop["inferenceGatewayBaseUrl"] == code["env"]["ANTHROPIC_BASE_URL"]
    assert desktop["inferenceGatewayApiKey"] == code["env"]["ANTHROPIC_AUTH_TOKEN"]
    assert desktop_headers(desktop) == code_headers(code)


def test_a_model_pinned_for_two_families_is_listed_once() -> None:
    tree: Any = claude_desktop.settings(delivery(models=Models("big", "big", "small", "big")), None)
    assert [(m["name"], m["anthropicFamilyTier"]) for m in tree["inferenceModels"]] == [
        ("big", "opus"),
        ("small", "haiku"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (3600, "3600"),
        ("as it is\n", "as it is\n"),
        ("", ""),
        ([], "[]"),
        ({}, "{}"),
        (["a", 1, False], '["a",1,false]'),
        ({"b": "é", "a": {"c": 1}}, '{"a":{"c":1},"b":"\\u00e9"}'),
        ({"b": {"c": 1}}, '{"b":{"c":1} }'),
    ],
)
@pytest.mark.covers("T23")
def test_encoding_makes_a_string_of_everything(value: Any, text: str) -> None:
    assert claude_desktop.encoded({"x": value}) == {"x": text}


def test_a_secret_stays_a_reference_at_the_top_and_is_refused_inside_text() -> None:
    assert claude_desktop.encoded({"x": TEAM.key}) == {"x": TEAM.key}
    with pytest.raises(ArtifactError, match="secret inside"):
        claude_desktop.encoded({"x": {"y": [TEAM.key]}})


def test_hardening_comes_along_in_native_types() -> None:
    tree = claude_desktop.settings(TEAM, None)
    assert tree["autoModeEnabled"] is False
    assert tree["relaunchEnforcementHours"] == 4


@pytest.mark.parametrize("floor", ["1.8089.0", "2.9939.2", None])
def test_floors_that_know_custom_headers_pass(floor: str | None) -> None:
    expected = claude_desktop.settings(TEAM, None)
    assert claude_desktop.settings(delivery(claude_desktop_floor=floor), None) == expected


@pytest.mark.parametrize("floor", ["1.8088.9", "1.2581.0"])
@pytest.mark.covers("C8")
def test_a_floor_below_custom_headers_is_refused(floor: str) -> None:
    with pytest.raises(ArtifactError, match=r"below 1\.8089\.0"):
        claude_desktop.settings(delivery(claude_desktop_floor=floor), None)


@pytest.mark.parametrize(
    "name",
    [
        "inferenceProvider",
        "inferenceGatewayBaseUrl",
        "inferenceGatewayApiKey",
        "inferenceGatewayHeaders",
        "inferenceCustomHeaders",
        "inferenceCredentialHelper",
        "inferenceModels",
        "modelDiscoveryEnabled",
        "deploymentOrganizationUuid",
        "bootstrapUrl",
        "trustBootstrapDelivery",
        "forceLoginOrgUUID",
        "isDxtEnabled",
        "enduserAttribution",
        "inferenceModelPricing.name",
        "banner.text",
        "",
    ],
)
@pytest.mark.covers("C8", "T21", "T36")
def test_hardening_can_not_touch_the_routing(name: str) -> None:
    with pytest.raises(ArtifactError, match="a gateway rollout can't carry"):
        claude_desktop.settings(hardened(claude_desktop={name: "x"}), None)


@pytest.mark.parametrize(
    "name", ["inferenceMaxTokensPerWindow", "inferenceModelPricingEnabled", "inferenceStreamIdleTimeoutSec"]
)
def test_hardening_may_limit_inference(name: str) -> None:
    assert claude_desktop.settings(hardened(claude_desktop={name: 7}), None)[name] == 7


# The documented keys (facts/claude-desktop.md 2): a stray one can void the whole file on Linux.

NATIVE = {
    "string": str,
    "string(url)": str,
    "string(uuid)": str,
    "enum": str,
    "boolean": bool,
    "integer": int,
    "object": dict,
    "string[]": list,
    "enum[]": list,
    "object[]": list,
    "object[] (entries may be plain strings)": list,
    "object[] (strings accepted)": list,
}


def problems(tree: dict[str, Any], shared: Path) -> list[str]:
    document = json.loads((shared / "contracts/claude-desktop-keys.json").read_text())
    keys = {key["name"]: key for key in document["keys"] if key["availability"] != "admin console only"}
    found = []
    for name, value in tree.items():
        if name not in keys:
            found.append(f"{name}: unknown")
        elif type(value) is not NATIVE[keys[name]["type"]]:
            found.append(f"{name}: type")
        elif keys[name]["type"] == "enum" and value not in keys[name]["allowed"].split()[0].split("|"):
            found.append(f"{name}: enum")
    return found


@pytest.fixture
def native() -> Any:
    return unmask(claude_desktop.settings(TEAM, PERSON))


@pytest.mark.covers("T23")
def test_only_documented_keys_with_their_types_are_written(native: Any, shared: Path) -> None:
    assert problems(native, shared) == []


@pytest.mark.covers("T23")
def test_encoded_values_decode_to_the_documented_types(native: Any, shared: Path) -> None:
    encoded = claude_desktop.encoded(native)
    assert all(isinstance(value, str) for value in encoded.values())
    texts = {name for name, value in native.items() if isinstance(value, str)}
    decoded = {
        name: value if name in texts else json.loads(value)
        for name, value in encoded.items()
        if isinstance(value, str)
    }
    assert decoded == native
    assert problems(decoded, shared) == []


@pytest.mark.covers("T23")
def test_the_check_sees_every_misspelling_and_every_wrong_type(native: Any, shared: Path) -> None:
    for name, value in native.items():
        assert problems({f"{name}x": value}, shared) == [f"{name}x: unknown"]
        wrong = str(value).lower() if not isinstance(value, str) else [value]
        assert problems({name: wrong}, shared) == [f"{name}: type"]
    assert problems({"inferenceProvider": "portkey"}, shared) == ["inferenceProvider: enum"]

"""Claude Code's managed settings: the skeleton, what hardening may add, and the vendor's schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ArtifactError
from provisioner.render import claude_code
from tests.render.samples import PERSON, TEAM, code_headers, delivery, hardened, unmask


def settings(**changes: Any) -> Any:
    return unmask(claude_code.settings(delivery(**changes), None), "the key")


@pytest.mark.covers("C1", "C2", "S11", "S44", "S119")
def test_the_skeleton_is_whole() -> None:
    bare = unmask(claude_code.settings(hardened(), PERSON), "the key")
    header = (
        'x-portkey-metadata: {"tenant":"acme","user":"alice@acme.com","team":"engineering","env":"prod"'
        ',"_user":"alice@acme.com","rev":"3"}'
    )
    assert bare == {
        "env": {
            "ANTHROPIC_BASE_URL": "https://gw.acme.com",
            "ANTHROPIC_AUTH_TOKEN": "the key",
            "ANTHROPIC_API_KEY": "",
            "ANTHROPIC_CUSTOM_HEADERS": header,
            "CLAUDE_CODE_USE_BEDROCK": "",
            "CLAUDE_CODE_USE_VERTEX": "",
            "CLAUDE_CODE_USE_FOUNDRY": "",
            "CLAUDE_CODE_USE_MANTLE": "",
            "CLAUDE_CODE_USE_ANTHROPIC_AWS": "",
            "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "",
            "CLAUDE_CODE_USE_GATEWAY": "",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "claude-opus-5-5",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "claude-sonnet-5-5",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-5-5",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "claude-fable-5-2",
        },
        "apiKeyHelper": "",
        "allowedProviders": ["customEndpoint"],
        "permissions": {"disableBypassPermissionsMode": "disable"},
        "parentSettingsBehavior": "merge",
    }


def test_the_key_is_a_reference_until_it_is_sealed() -> None:
    env = claude_code.settings(TEAM, None)["env"]
    assert isinstance(env, dict)
    assert env["ANTHROPIC_AUTH_TOKEN"] == TEAM.key


@pytest.mark.parametrize(
    ("url", "spared"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("http://localhost:8080/anthropic", "localhost"),
        ("http://[::1]:8080", "::1"),
        ("https://gw.acme.com", None),
    ],
)
def test_no_proxy_gets_the_key_of_a_gateway_on_loopback(url: str, spared: str | None) -> None:
    assert settings(base_url=url)["env"].get("NO_PROXY") == spared


@pytest.mark.parametrize(
    ("floor", "hints"), [(None, None), ("2.1.282", None), ("2.1.283", "1"), ("2.2.0", "1")]
)
@pytest.mark.covers("C12", "S40")
def test_the_floor_decides_about_hints_and_the_required_version(floor: str | None, hints: str | None) -> None:
    tree = settings(claude_code_floor=floor)
    assert tree["env"].get("CLAUDE_CODE_GATEWAY_HINT_HEADERS") == hints
    assert tree.get("requiredMinimumVersion") == floor


@pytest.mark.covers("S36")
def test_hardening_adds_beside_the_skeleton() -> None:
    tree = settings()
    assert tree["permissions"] == {"disableBypassPermissionsMode": "disable", "deny": ["WebFetch"]}
    assert tree["env"]["DISABLE_UPDATES"] == "1"
    assert tree["env"]["ANTHROPIC_BASE_URL"] == "https://gw.acme.com"
    assert tree["companyAnnouncements"] == ["Ask #ai-help & <support>"]


def test_hardening_may_repeat_the_skeleton() -> None:
    same = hardened({"permissions": {"disableBypassPermissionsMode": "disable"}, "apiKeyHelper": ""})
    assert claude_code.settings(same, None) == claude_code.settings(hardened(), None)


@pytest.mark.parametrize(
    "extra",
    [
        {"apiKeyHelper": "/bin/steal"},
        {"allowedProviders": ["customEndpoint", "bedrock"]},
        {"parentSettingsBehavior": "first-wins"},
        {"permissions": {"disableBypassPermissionsMode": "allow"}},
        {"permissions": "x"},
        {"model": "claude-opus-5-5"},
        {"policyHelper": {"path": "/bin/x"}},
        {"requiredMinimumVersion": "2.1.0"},
        {"env": ["ANTHROPIC_BASE_URL=x"]},
        {"env": {"DISABLE_UPDATES": 1}},
        {"env": {"DISABLE_UPDATES": True}},
        {"env": {"ANTHROPIC_BASE_URL": "https://gw.acme.com"}},
        {"env": {"ANTHROPIC_MODEL": "x"}},
        {"env": {"ANTHROPIC_BEDROCK_BASE_URL": "https://evil"}},
        {"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}},
        {"env": {"CLAUDE_CODE_SKIP_VERTEX_AUTH": "1"}},
        {"env": {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}},
    ],
    ids=json.dumps,
)
@pytest.mark.covers("S48", "T21", "T23")
def test_hardening_can_not_touch_the_routing(extra: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="profile standard"):
        claude_code.settings(hardened(extra), None)


@pytest.mark.parametrize("name", ["forceLoginMethod", "forceLoginOrgUUID", "forceLoginGatewayUrl"])
@pytest.mark.covers("T36")
def test_a_login_is_never_forced(name: str) -> None:
    with pytest.raises(ArtifactError, match=f"sets {name}, which a gateway rollout can't carry"):
        claude_code.settings(hardened({name: "claudeai"}), None)


@pytest.mark.covers("S119", "T4")
def test_the_client_reads_exactly_one_header() -> None:
    tree = unmask(claude_code.settings(TEAM, PERSON))
    [(name, value)] = code_headers(tree)
    assert name == "x-portkey-metadata"
    assert json.loads(value)["user"] == PERSON


# What SchemaStore's schema and the vendor's list of keys say (facts/claude-code.md 3).

# Both are behind here, and the schema knows no empty value: it was measured to cancel a user's own.
NEWER = ("ANTHROPIC_GOOGLE_CLOUD", "GATEWAY")
KNOWN = {
    "allowedProviders",
    "env.CLAUDE_CODE_GATEWAY_HINT_HEADERS",
    *(f"env.CLAUDE_CODE_USE_{provider}" for provider in NEWER),
}
MEASURED = {
    "apiKeyHelper: minLength",
    *(f"env.CLAUDE_CODE_USE_{provider}: enum" for provider in claude_code.PROVIDERS if provider not in NEWER),
}

WITHOUT_EFFECT = {
    *("type", "description", "default", "examples", "title", "uniqueItems"),
    *("$schema", "$id", "$defs", "allowTrailingCommas"),
}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def problems(value: Any, schema: Any, root: Any, place: str = "") -> set[str]:
    """Check a value by as much of JSON Schema as stands on what we write; any other keyword is an error."""
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return {f"{place}: type"}
    found: set[str] = set()
    for keyword, says in schema.items():
        match keyword:
            case "enum" if value not in says:
                found.add(f"{place}: enum")
            case "minLength" if len(value) < says:
                found.add(f"{place}: minLength")
            case "pattern" if not re.search(says, value):
                found.add(f"{place}: pattern")
            case "enum" | "minLength" | "pattern":
                pass
            case "items":
                for item in value:
                    found |= problems(item, says, root, f"{place}[]")
            case "propertyNames":
                for name in value:
                    found |= problems(name, says, root, f"{place}.{name}".lstrip("."))
            case "properties" | "additionalProperties":
                for name, inner in value.items():
                    where = f"{place}.{name}".lstrip(".")
                    if name in schema["properties"]:
                        found |= problems(inner, schema["properties"][name], root, where)
                    elif schema["additionalProperties"] is False:
                        found.add(f"{where}: unknown")
                    elif schema["additionalProperties"] is not True:
                        found |= problems(inner, schema["additionalProperties"], root, where)
            case "$ref":
                found |= problems(value, root["$defs"][says.removeprefix("#/$defs/")], root, place)
            case _:
                assert keyword in WITHOUT_EFFECT, f"{place}: the checker does not know {keyword}"
    return found


def unknown_names(tree: Any, shared: Path) -> set[str]:
    """Return the settings and variables that nobody has written down: clients pass over them in silence."""
    schema = json.loads((shared / "contracts/claude-code-settings.schema.json").read_text())["properties"]
    index = json.loads((shared / "facts/claude-code-settings-index.json").read_text())
    keys = schema.keys() | {entry["key"] for entry in index}
    variables = {f"env.{name}" for name in schema["env"]["properties"]}
    return (tree.keys() - keys | {f"env.{name}" for name in tree["env"]} - variables) - KNOWN


@pytest.fixture
def full() -> Any:
    return settings(claude_code_floor="2.1.329")


@pytest.mark.covers("T23")
def test_types_and_names_are_as_published(full: Any, shared: Path) -> None:
    schema = json.loads((shared / "contracts/claude-code-settings.schema.json").read_text())
    assert problems(full, schema, schema) == MEASURED
    assert unknown_names(full, shared) == set()


@pytest.mark.parametrize("wrong", [5, True, ["x"], {"x": 1}], ids=repr)
@pytest.mark.covers("T23")
def test_the_check_by_schema_sees_every_wrong_type(full: Any, shared: Path, wrong: Any) -> None:
    schema = json.loads((shared / "contracts/claude-code-settings.schema.json").read_text())
    places = [(full, name) for name in full.keys() - KNOWN] + [(full["env"], name) for name in full["env"]]
    for table, name in places:
        right = table[name]
        if type(right) is type(wrong):
            continue
        table[name] = wrong
        assert problems(full, schema, schema) - MEASURED, name
        table[name] = right


@pytest.mark.covers("T23")
def test_the_check_of_names_sees_every_misspelling(full: Any, shared: Path) -> None:
    for name in full:
        if name != "env":
            assert unknown_names({**full, f"{name}x": 1}, shared) == {f"{name}x"}
    for name in full["env"]:
        assert unknown_names({"env": {f"{name}X": ""}}, shared) == {f"env.{name}X"}

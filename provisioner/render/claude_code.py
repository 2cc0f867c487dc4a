"""Claude Code's managed settings: the hardened skeleton, pinned to the gateway. Pure.

The same tree goes into a profile, a registry value and a file. It was run as a whole against
hostile shells and user settings (facts/claude-code.md 7); what every entry is for stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from provisioner.errors import ArtifactError
from provisioner.render import floor, metadata
from provisioner.render.model import Delivery, Settings, Tree

DOMAIN = "com.anthropic.claudecode"
"""Preference domain on macOS."""
HINT_HEADERS_SINCE = "2.1.283"
"""From here on clients tell on the wire which managed settings they run (facts/claude-code.md 4)."""
PROVIDERS = ("BEDROCK", "VERTEX", "FOUNDRY", "MANTLE", "ANTHROPIC_AWS", "ANTHROPIC_GOOGLE_CLOUD", "GATEWAY")
"""Where else a shell can send a client: five of facts/claude-code.md 0.4, two of docs/measured.md."""

# A login demand beside a gateway credential stops every start (T36); `model` outruns the pinned
# aliases (S48); a policy helper's output replaces all of this (facts/claude-code.md 5.3); the
# version floor is the fleet file's.
REFUSED = frozenset(
    {
        "forceLoginMethod",
        "forceLoginOrgUUID",
        "forceLoginGatewayUrl",
        "model",
        "policyHelper",
        "requiredMinimumVersion",
    }
)
# Where requests go and what they carry is the skeleton's alone; nothing may turn off TLS checks.
REFUSED_ENV = ("ANTHROPIC_", "CLAUDE_CODE_SKIP_", "NODE_TLS_REJECT_UNAUTHORIZED")


def settings(delivery: Delivery, user: str | None) -> Settings:
    """Return the managed settings of one assignment, the key as a reference.

    `user` as in `metadata.header_value`. The profile's hardening adds to the skeleton; raises
    `ArtifactError` where it would change or undo a part of it.
    """
    env: dict[str, Tree] = {
        "ANTHROPIC_BASE_URL": delivery.base_url,
        "ANTHROPIC_AUTH_TOKEN": delivery.key,
        # Empty values cancel what a shell exports: a second credential, another provider.
        "ANTHROPIC_API_KEY": "",
        "ANTHROPIC_CUSTOM_HEADERS": f"{metadata.HEADER}: {metadata.header_value(delivery, user)}",
        **{f"CLAUDE_CODE_USE_{provider}": "" for provider in PROVIDERS},
        "ANTHROPIC_DEFAULT_OPUS_MODEL": delivery.models.opus,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": delivery.models.sonnet,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": delivery.models.haiku,
        "ANTHROPIC_DEFAULT_FABLE_MODEL": delivery.models.fable,
    }
    if delivery.base_url.startswith("http://"):
        # Loopback. A shell's proxy variable would send the key there in clear (docs/measured.md).
        env["NO_PROXY"] = urlsplit(delivery.base_url).hostname or ""
    if floor.reaches(delivery.claude_code_floor, HINT_HEADERS_SINCE):
        env["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] = "1"
    skeleton: dict[str, Tree] = {
        "env": env,
        "apiKeyHelper": "",
        "allowedProviders": ["customEndpoint"],
        "permissions": {"disableBypassPermissionsMode": "disable"},
        # Else Claude Desktop's own policies are dropped on this device (facts/claude-desktop.md 7).
        "parentSettingsBehavior": "merge",
    }
    if delivery.claude_code_floor is not None:
        skeleton["requiredMinimumVersion"] = delivery.claude_code_floor
    return _hardened(skeleton, delivery.hardening.claude_code, delivery.profile)


def _hardened(skeleton: Mapping[str, Tree], extra: Mapping[str, Tree], profile: str) -> dict[str, Tree]:
    for name in extra:
        if name in REFUSED:
            raise ArtifactError(f"profile {profile} sets {name}, which a gateway rollout can't carry")
    env = extra.get("env", {})
    if not isinstance(env, Mapping) or not all(isinstance(value, str) for value in env.values()):
        raise ArtifactError(f"profile {profile}: env is not a table of strings")
    for name in env:
        if name.startswith(REFUSED_ENV):
            raise ArtifactError(f"profile {profile} sets env.{name}, which belongs to the routing")
    return _added(skeleton, extra, profile)


def _added(base: Mapping[str, Tree], extra: Mapping[str, Tree], place: str) -> dict[str, Tree]:
    """Return base with extra added; tables are joined, and nothing of base is changed."""
    joined = dict(base)
    for name, value in extra.items():
        ours = base.get(name)
        if isinstance(ours, Mapping) and isinstance(value, Mapping):
            joined[name] = _added(ours, value, f"{place}: {name}")
        elif name in base and ours != value:
            raise ArtifactError(f"profile {place}: {name} would change what the routing stands on")
        else:
            joined[name] = value
    return joined

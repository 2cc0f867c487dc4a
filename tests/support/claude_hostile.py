"""What a person may do to get around the gateway, each with a live address to go to: the trap's.

Every credential and label of the person's holds `OWN`, so that a leak of any of them is seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import claude_namespaces as namespaces
from tests.support.claude_namespaces import CLAUDE, HOME, Ran

TRAP_PORT = 9002
TRAP = f"http://127.0.0.1:{TRAP_PORT}"
OWN = "users-own"

OWN_ENV = {
    "ANTHROPIC_BASE_URL": TRAP,
    "ANTHROPIC_AUTH_TOKEN": "users-own-token",
    "ANTHROPIC_API_KEY": "sk-users-own",
    "ANTHROPIC_CUSTOM_HEADERS": 'x-portkey-metadata: {"team":"ceo"}\nx-portkey-config: pc-users-own',
}
AWS = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "users-own",
    "AWS_SECRET_ACCESS_KEY": "users-own",
    "AWS_EC2_METADATA_DISABLED": "true",
    "CLAUDE_CODE_MAX_RETRIES": "0",  # Bedrock's 403 is repeated for a minute and more
}
BEDROCK = {
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "ANTHROPIC_BEDROCK_BASE_URL": TRAP,
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
    **AWS,
}
VERTEX = {
    "CLAUDE_CODE_USE_VERTEX": "1",
    "ANTHROPIC_VERTEX_BASE_URL": TRAP,
    "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
    "ANTHROPIC_VERTEX_PROJECT_ID": "users-own",
    "CLOUD_ML_REGION": "us-east5",
}
FOUNDRY = {
    "CLAUDE_CODE_USE_FOUNDRY": "1",
    "ANTHROPIC_FOUNDRY_BASE_URL": TRAP,
    "ANTHROPIC_FOUNDRY_API_KEY": "users-own",
}
MANTLE = {
    "CLAUDE_CODE_USE_MANTLE": "1",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": TRAP,
    "CLAUDE_CODE_SKIP_MANTLE_AUTH": "1",
    **AWS,
}
ANTHROPIC_AWS = {
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": "1",
    "ANTHROPIC_AWS_BASE_URL": TRAP,
    "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH": "1",
    "ANTHROPIC_AWS_WORKSPACE_ID": "users-own",
    **AWS,
}
GOOGLE_CLOUD = {
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "1",
    "ANTHROPIC_GOOGLE_CLOUD_BASE_URL": TRAP,
    "CLAUDE_CODE_SKIP_ANTHROPIC_GOOGLE_CLOUD_AUTH": "1",
    "ANTHROPIC_GOOGLE_CLOUD_PROJECT": "users-own",
    "ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID": "users-own",
    "ANTHROPIC_GOOGLE_CLOUD_LOCATION": "us-east5",
}
# Nobody listens at that address of their own: only the proxy, the trap, can see the request.
PROXY = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"), TRAP),
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_AUTH_TOKEN": "users-own-token",
}
HELPER = {"helper": "#!/bin/sh\necho users-own-helper\n"}


def settings(env: Mapping[str, str]) -> str:
    return json.dumps({"env": env, "apiKeyHelper": f"{HOME}/helper"})


LOGIN = {
    "claudeAiOauth": {
        "accessToken": "sk-ant-oat01-users-own",
        "refreshToken": "sk-ant-ort01-users-own",
        "expiresAt": 4102444800000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    }
}


@dataclass(frozen=True, slots=True)
class Hostile:
    """What a person does to get around the gateway: exports, files in the home, flags."""

    exports: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def ask(self, home: Path, policy: Path | None) -> Ran:
        for name, text in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        return namespaces.run(CLAUDE, "-p", "hello", *self.flags, home=home, policy=policy, more=self.exports)


USER_SETTINGS = {".claude/settings.json": settings(OWN_ENV), **HELPER}
NEUTRALISED = {
    "shell": Hostile(OWN_ENV),
    "user settings": Hostile(files=USER_SETTINGS),
    "project settings": Hostile(files={"project/.claude/settings.json": settings(OWN_ENV), **HELPER}),
    "settings flag": Hostile(files=HELPER, flags=("--settings", settings(OWN_ENV))),
    "other settings folder": Hostile(
        {"CLAUDE_CONFIG_DIR": f"{HOME}/own"}, {"own/settings.json": settings(OWN_ENV)}
    ),
    "bare": Hostile(OWN_ENV, flags=("--bare",)),
    "no setting sources": Hostile(OWN_ENV, flags=("--setting-sources", "")),
    "personal login": Hostile({"ANTHROPIC_BASE_URL": TRAP}, {".claude/.credentials.json": json.dumps(LOGIN)}),
    "login token": Hostile({"ANTHROPIC_BASE_URL": TRAP, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-users-own"}),
    "bedrock": Hostile(BEDROCK),
    "vertex": Hostile(VERTEX),
    "vertex in user settings": Hostile(files={".claude/settings.json": settings(VERTEX), **HELPER}),
    "foundry": Hostile(FOUNDRY),
    "mantle": Hostile(MANTLE),
    "anthropic on aws": Hostile(ANTHROPIC_AWS),
    "anthropic on google cloud": Hostile(GOOGLE_CLOUD),
    "cloud gateway": Hostile({**OWN_ENV, "CLAUDE_CODE_USE_GATEWAY": "1"}),
    "proxy": Hostile(PROXY),
    "everything": Hostile(
        {**OWN_ENV, **GOOGLE_CLOUD, **ANTHROPIC_AWS, **MANTLE, **FOUNDRY, **BEDROCK, **VERTEX}, USER_SETTINGS
    ),
}
# The settings cancel none of these: `allowedProviders` (since 2.1.285) ends them before the first request.
REFUSED = {
    "provider managed by host": Hostile({**OWN_ENV, "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST": "1"}),
    "vertex managed by host": Hostile({**VERTEX, "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST": "1"}),
}

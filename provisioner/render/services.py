"""What a service gets: the environment for its secret store, and a file for long-lived Linux hosts. Pure.

A managed file on a runner that lives for minutes is pointless, and the key is not a person's:
no MDM is involved (rollout 3).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import claude_code, plainfiles
from provisioner.render.model import Artifact, Delivery, Settings, Upload

NAMES = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
)
"""Where requests go, with what, and what the aliases mean (facts/claude-code.md 4)."""
ENVIRONMENT = (
    "the secret store of the CI system or orchestrator, one entry per line; or docker run --env-file."
    " Values are literal: no quotes around them, not for a shell to source"
)
READERS = "whoever may read the secret store's entries; every process of the job"


def artifacts(delivery: Delivery) -> tuple[Artifact, ...]:
    """Return `environment.env`, and Claude Code's `managed-settings.json`."""
    code, _desktop = plainfiles.artifacts(delivery)
    return environment(delivery), code


def environment(delivery: Delivery) -> Artifact:
    """Return the variables as `NAME=value` lines."""
    env = claude_code.settings(delivery, user=None)["env"]
    content: Settings = {name: env[name] for name in NAMES} if isinstance(env, dict) else {}
    return Artifact(
        path=PurePosixPath(delivery.assignment, "files", "environment.env"),
        content=content,
        write=env_bytes,
        read=read_env,
        assignment=delivery.assignment,
        mdm="files",
        products=("claude-code",),
        person=delivery.person,
        key_readers=READERS,
        upload=Upload(ENVIRONMENT, "environment", "environment.env"),
    )


def env_bytes(tree: PlainTree) -> bytes:
    """Return `NAME=value` lines, values as they are; raises `ArtifactError` for one that needs two."""
    pairs = tree.items() if isinstance(tree, dict) else ()
    lines = []
    for name, value in pairs:
        if not isinstance(value, str) or not value.isprintable() or value != value.strip():
            raise ArtifactError(f"environment: {name} is not one line of text")
        lines.append(f"{name}={value}\n")
    return "".join(lines).encode()


def read_env(data: bytes) -> PlainTree:
    """Return the variables; the inverse of `env_bytes`."""
    pairs = (line.partition("=") for line in data.decode().splitlines())
    return {name: value for name, _sign, value in pairs}

"""A folder for one person whose device nobody manages: settings to add by hand, never the key. Pure.

What stands here can be sent by any way; the key goes by another, once (rollout 3).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import claude_code, claude_desktop
from provisioner.render.model import Artifact, Delivery, Product, Tree, Upload
from provisioner.render.serialize import json_bytes, read_json
from provisioner.render.templates import Templates

GIVE = "give the folder to the person; the key goes by a channel that opens once, never with it"
README = "handout.md.j2"


def artifacts(delivery: Delivery, ends: datetime | None, templates: Templates) -> tuple[Artifact, ...]:
    """Return settings for both products and a page that says what to do; `ends`: of the key."""
    words = templates.render(
        README,
        user=delivery.user,
        assignment=delivery.assignment,
        ends=None if ends is None else f"{ends:%Y-%m-%d}",
        base_url=delivery.base_url,
        models=delivery.models.distinct(),
        floor=delivery.claude_code_floor,
    )
    return (
        _file(delivery, "README.md", words, ("claude-code", "claude-desktop"), first=True),
        _file(delivery, "settings.json", {"env": _environment(delivery)}, ("claude-code",)),
        _file(delivery, "claude-desktop.json", _import(delivery), ("claude-desktop",)),
    )


def _environment(delivery: Delivery) -> dict[str, Tree]:
    """Return what Claude Code's own settings of the person get; the rest of ours is for managed ones only."""
    env = claude_code.settings(delivery, user=None)["env"]
    pairs = env.items() if isinstance(env, dict) else ()
    return {name: value for name, value in pairs if name != "ANTHROPIC_AUTH_TOKEN"}


def _import(delivery: Delivery) -> dict[str, Tree]:
    """Return what Claude Desktop's own window imports: the nested form (facts/claude-desktop.md 1.5).

    Of the models no nested form is known; the page names them.
    """
    flat = claude_desktop.settings(delivery, user=None)
    return {
        "$schemaVersion": 2,
        "inference": {
            "provider": flat["inferenceProvider"],
            "baseUrl": flat["inferenceGatewayBaseUrl"],
            "customHeaders": flat["inferenceCustomHeaders"],
            "credential": {
                "kind": flat["inferenceCredentialKind"],
                "authScheme": flat["inferenceGatewayAuthScheme"],
            },
        },
    }


def _file(
    delivery: Delivery, name: str, content: Tree, products: tuple[Product, ...], *, first: bool = False
) -> Artifact:
    text = isinstance(content, str)
    return Artifact(
        path=PurePosixPath(delivery.assignment, "handout", name),
        content=content,
        write=_text_bytes if text else json_bytes,
        read=_read_text if text else read_json,
        assignment=delivery.assignment,
        mdm="files",
        products=products,
        person=delivery.person,
        upload=Upload(GIVE, "hand-out", delivery.assignment, optional=not first),
        personal=True,
    )


def _text_bytes(tree: PlainTree) -> bytes:
    if not isinstance(tree, str):
        raise ArtifactError("a page is text")
    return tree.encode()


def _read_text(data: bytes) -> PlainTree:
    return data.decode()

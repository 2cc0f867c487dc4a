"""Plain files for devices without an MDM's profile: Linux above all. Pure.

Nothing in a file is replaced on its way, so the person is in it only where the assignment is one
person's.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from provisioner.render import claude_code, claude_desktop
from provisioner.render.model import Artifact, Delivery, Product, Settings, Upload
from provisioner.render.serialize import json_bytes, read_json

# 0600 makes Claude Code fail open (facts/claude-code.md 1), and Claude Desktop counts a file that
# others can write, or that is not root's, as managed but unreadable (facts/claude-desktop.md 1.1).
OWNED = "owner root, mode 0644, in directories that only root can write"
CLAUDE_CODE_PLACES = (
    f"Linux /etc/claude-code/managed-settings.json ({OWNED});"
    f" macOS /Library/Application Support/ClaudeCode/managed-settings.json ({OWNED});"
    r" Windows C:\Program Files\ClaudeCode\managed-settings.json"
)
CLAUDE_DESKTOP_PLACES = f"Linux /etc/claude-desktop/managed-settings.json ({OWNED}, no symlink)"


def artifacts(delivery: Delivery) -> tuple[Artifact, ...]:
    """Return `managed-settings.json` of both products, Claude Desktop's in native JSON types for Linux."""
    code = claude_code.settings(delivery, user=None)
    desktop = claude_desktop.settings(delivery, user=None)
    return (
        _file(delivery, "managed-settings.json", code, "claude-code", CLAUDE_CODE_PLACES),
        _file(
            delivery,
            "claude-desktop.managed-settings.json",
            desktop,
            "claude-desktop",
            CLAUDE_DESKTOP_PLACES,
        ),
    )


def _file(delivery: Delivery, name: str, settings: Settings, product: Product, places: str) -> Artifact:
    return Artifact(
        path=PurePosixPath(delivery.assignment, "files", name),
        content=settings,
        write=json_bytes,
        read=read_json,
        assignment=delivery.assignment,
        mdm="files",
        products=(product,),
        person=delivery.person,
        key_readers="every local user of the device",
        upload=Upload(places, "file", name),
    )

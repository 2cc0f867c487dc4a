"""Files for the image of a pool of virtual desktops, put in at image build and by no MDM. Pure.

Whatever an MDM's script or schedule writes dies with the session. All sessions share the key and
the pool's label (rollout 3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from provisioner.policy.model import Hardening, PlainTree
from provisioner.render import graph, plainfiles, registry, remediation
from provisioner.render.model import Artifact, Delivery, Upload
from provisioner.roster.model import Platform

READERS = "everybody with a session in the pool; whoever can read the image"
NO_UPDATES: Mapping[str, PlainTree] = {"DISABLE_AUTOUPDATER": "1"}
DESKTOP: Mapping[str, PlainTree] = {"coworkTabEnabled": False, "disableAutoUpdates": True}
"""Cowork's machine rarely runs in a guest, and a new version comes with the next image."""


def artifacts(delivery: Delivery, platforms: Collection[Platform]) -> Iterator[Artifact]:
    """Yield the files for the platforms that the pool has."""
    delivery = _in_image(delivery)
    for artifact in plainfiles.artifacts(delivery):
        # Windows has it all in the registry, and the registry goes before files.
        if "linux" in platforms or ("macos" in platforms and artifact.products == ("claude-code",)):
            path = PurePosixPath(delivery.assignment, "image", artifact.path.name)
            yield replace(artifact, path=path, key_readers=READERS)
    if "windows" in platforms:
        yield Artifact(
            path=PurePosixPath(delivery.assignment, "image", f"{graph.object_name(delivery)}.reg"),
            content=remediation.policy(delivery, None),
            write=registry.reg_bytes,
            read=registry.read_reg,
            assignment=delivery.assignment,
            mdm="files",
            products=("claude-code", "claude-desktop"),
            person=delivery.person,
            key_readers=READERS,
            upload=Upload(
                "at image build, elevated: reg import", "registry file", graph.object_name(delivery)
            ),
        )


def _in_image(delivery: Delivery) -> Delivery:
    """Return the delivery with what an image needs over what the profile says."""
    code, desktop = delivery.hardening.claude_code, delivery.hardening.claude_desktop
    env = code.get("env", {})
    more = {**env, **NO_UPDATES} if isinstance(env, dict) else env
    return replace(delivery, hardening=Hardening({**code, "env": more}, {**desktop, **DESKTOP}))

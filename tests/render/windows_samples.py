"""The files of a Windows PC for the tests, and what a device makes of them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from provisioner import assets
from provisioner.render import windows
from provisioner.render.model import Artifact, Delivery
from provisioner.render.templates import Templates
from tests.render.samples import TEAM, delivery, written

TEMPLATES = Templates(assets.template_texts())
TEAM_WITH_DOMAIN = delivery(domains=("acme.com",))
LITERAL = re.compile(rb"FromBase64String\('([^']*)'\)")


def artifacts(of: Delivery = TEAM, *, remediation_key: bool = False) -> dict[str, Artifact]:
    """Return the artifacts by their path below `intune/windows/`."""
    made = windows.artifacts(of, TEMPLATES, remediation_key=remediation_key)
    return {
        artifact.path.relative_to(f"{of.assignment}/intune/windows").as_posix(): artifact for artifact in made
    }


def files(of: Delivery = TEAM, *, remediation_key: bool = False) -> dict[str, bytes]:
    """Return the files by path, the fake key in them."""
    made = artifacts(of, remediation_key=remediation_key)
    return {path: written(artifact) for path, artifact in made.items()}


def script_data(script: bytes) -> Any:
    """Return the JSON in a script's one literal, read without our own code."""
    [literal] = LITERAL.findall(script)
    return json.loads(base64.b64decode(literal, validate=True))


def body(script: bytes) -> bytes:
    """Return a script without what is in its literal."""
    return LITERAL.sub(b"FromBase64String('')", script)

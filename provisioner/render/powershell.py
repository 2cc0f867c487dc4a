"""PowerShell whose body never changes: all data is JSON in one base64 literal (T6). Pure.

The bodies are templates with one hole. They keep to PowerShell 5.1 and ASCII, because 5.1 reads a
file without a byte order mark as ANSI and Intune wants none (facts/mdm.md 6). None of them was
ever run by the project: it has no Windows.
"""

from __future__ import annotations

import base64
import binascii
import re

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render.serialize import json_one_line, read_json
from provisioner.render.templates import Templates

LITERAL = re.compile(rb"FromBase64String\('([A-Za-z0-9+/]+={0,2})'\)")
SIZE_MAX = 200_000
"""Bytes that Intune takes as one script (facts/mdm.md 5.2)."""


def script_bytes(templates: Templates, name: str, data: PlainTree) -> bytes:
    """Return the script of a template with its data; the data may hold live secrets."""
    literal = base64.b64encode(json_one_line(data)).decode("ascii")
    script = templates.render(name, literal=literal).encode("ascii")
    if len(script) > SIZE_MAX:
        raise ArtifactError(f"script longer than the {SIZE_MAX} bytes that intune takes - {name}")
    return script


def read_script(script: bytes) -> PlainTree:
    """Return the data in a script; raises `ArtifactError` where there is not exactly one literal."""
    literals = LITERAL.findall(script)
    if len(literals) != 1:
        raise ArtifactError("script without its one literal")
    try:
        return read_json(base64.b64decode(literals[0], validate=True))
    except binascii.Error as exc:
        raise ArtifactError("script whose literal is not base64") from exc

"""Bodies for Microsoft Graph that create the Windows objects in Intune. Pure, and byte-stable.

Stable because a tenant with Multi Admin Approval wants the identical body a second time
(facts/mdm.md 0.6). The custom profile is v1.0, the remediation beta only (facts/mdm.md 0.7).
Assigning is not in a body: it is left to people.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from provisioner import digest
from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import admx, omauri, powershell, registry, remediation
from provisioner.render.model import Delivery, Settings, masked
from provisioner.render.registry import Value
from provisioner.render.serialize import json_bytes, read_json
from provisioner.render.templates import Templates

PROFILE: Mapping[str, PlainTree] = {"@odata.type": "#microsoft.graph.windows10CustomConfiguration"}
STRING: Mapping[str, PlainTree] = {"@odata.type": "#microsoft.graph.omaSettingString"}
# As the system, in 64-bit PowerShell: the 32-bit one has another Program Files (facts/mdm.md 6).
REMEDIATION: Mapping[str, PlainTree] = {
    "@odata.type": "#microsoft.graph.deviceHealthScript",
    "publisher": "provision",
    "runAsAccount": "system",
    "runAs32Bit": False,
    "enforceSignatureCheck": False,
    "roleScopeTagIds": ["0"],
}


def object_name(delivery: Delivery) -> str:
    """Return what the objects of an assignment are called in Intune."""
    return f"AIGateway-{delivery.assignment}"


def described(delivery: Delivery, content: Settings) -> dict[str, str]:
    """Return name and description of an object; the second tells who manages it, and which content.

    Far below the 1,500 characters that a description may have (facts/mdm.md 5.1).
    """
    return {
        "displayName": object_name(delivery),
        "description": (
            f"managed-by: provision; assignment: {delivery.assignment}; revision: {delivery.revision};"
            f" profile: {delivery.profile}; settings: {digest.of(masked(content))}"
        ),
    }


def profile_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes a custom profile's body from name, description and policy."""

    def write(tree: PlainTree) -> bytes:
        policy, rest = _taken(tree, "policy")
        if not isinstance(policy, dict):
            raise ArtifactError("a custom profile holds a policy")
        texts = {(v.product, v.name): omauri.value_text(v) for v in registry.values(policy)}
        names = omauri.value_names(policy)
        write_admx = admx.admx_writer(templates)
        settings: list[PlainTree] = []
        for row in omauri.rows(policy):
            if row.value is None:
                text = write_admx(admx.content(row.product, names[row.product])).decode()
            else:
                text = texts[row.product, row.value]
            settings.append({**STRING, "displayName": row.name, "omaUri": row.uri, "value": text})
        return json_bytes({**PROFILE, **rest, "omaSettings": settings})

    return write


def read_profile(data: bytes) -> PlainTree:
    """Return name, description and policy in a custom profile's body; the inverse of `profile_writer`."""
    settings, rest = _taken(_without(PROFILE, read_json(data)), "omaSettings")
    if not isinstance(settings, list):
        raise ArtifactError("custom profile without settings")
    values: list[Value] = []
    contents: list[PlainTree] = []
    rows: list[tuple[str, str]] = []
    for setting in settings:
        match _without(STRING, setting):
            case {"displayName": str(name), "omaUri": str(uri), "value": str(text)}:
                rows.append((name, uri))
            case _:
                raise ArtifactError("custom profile with a setting that is no text")
        if uri.startswith(omauri.INSTALL):
            contents.append(admx.read_admx(text.encode()))
        else:
            product, value = omauri.read_value_uri(uri)
            values.append(omauri.read_value(product, value, text))
    policy = registry.policy(values)
    if rows != [(row.name, row.uri) for row in omauri.rows(policy)] or contents != [
        admx.content(product, names) for product, names in omauri.value_names(policy).items()
    ]:
        raise ArtifactError("custom profile whose templates and settings do not fit one another")
    return {**rest, "policy": policy}


def remediation_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes a remediation's body from name, description and data."""
    write_detection = remediation.detection_writer(templates)
    write_remedy = remediation.remedy_writer(templates)

    def write(tree: PlainTree) -> bytes:
        detect, rest = _taken(tree, "detect")
        remedy, rest = _taken(rest, "remediate")
        scripts: dict[str, PlainTree] = {
            "detectionScriptContent": base64.b64encode(write_detection(detect)).decode("ascii"),
            "remediationScriptContent": base64.b64encode(write_remedy(remedy)).decode("ascii"),
        }
        return json_bytes({**REMEDIATION, **rest, **scripts})

    return write


def read_remediation(data: bytes) -> PlainTree:
    """Return name, description and both scripts' data; the inverse of `remediation_writer`."""
    detect, rest = _taken(_without(REMEDIATION, read_json(data)), "detectionScriptContent")
    remedy, rest = _taken(rest, "remediationScriptContent")
    return {
        **rest,
        "detect": powershell.read_script(_script(detect)),
        "remediate": remediation.read_remedy(_script(remedy)),
    }


def _script(text: PlainTree) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as exc:
        raise ArtifactError("script in a graph body that is not base64") from exc


def _taken(tree: PlainTree, name: str) -> tuple[PlainTree, dict[str, PlainTree]]:
    """Return one entry of a table, and the rest of it."""
    if not isinstance(tree, dict) or name not in tree:
        raise ArtifactError(f"graph body without {name}")
    return tree[name], {key: value for key, value in tree.items() if key != name}


def _without(constant: Mapping[str, PlainTree], tree: PlainTree) -> dict[str, PlainTree]:
    """Return a table without the entries that never vary, having checked that they stand in it."""
    if not isinstance(tree, dict) or any(tree.get(name) != value for name, value in constant.items()):
        raise ArtifactError("graph body of another kind")
    return {name: value for name, value in tree.items() if name not in constant}

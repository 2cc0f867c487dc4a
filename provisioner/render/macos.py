"""What a Mac gets of one assignment, by MDM: the profile, and other forms of it. Pure.

Console paths are as seen in 2026-11 (rollout 2); menus move.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import assert_never

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import claude_code, claude_desktop, mobileconfig, variables
from provisioner.render.model import Artifact, Delivery, Product, Settings, Tree, Upload
from provisioner.render.serialize import json_bytes, plist_bytes, read_json, read_plist
from provisioner.render.variables import Substituting

KEY_READERS = "every local user of the Mac; MDM administrators with read access"
PRODUCTS: Mapping[str, Product] = {
    claude_code.DOMAIN: "claude-code",
    claude_desktop.DOMAIN: "claude-desktop",
}


def artifacts(delivery: Delivery, mdm: Substituting) -> tuple[Artifact, ...]:
    """Return the files for the Macs in one MDM; the first is the profile to begin with.

    The person is the MDM's variable, so that one object serves a whole team, or the address
    itself where the assignment is one person's. Raises `ArtifactError` where the MDM would take
    anything else in the settings for a variable of its own (T25).
    """
    bare = mobileconfig.domains(delivery, user=None)
    variables.refuse({**bare, "PayloadDescription": mobileconfig.description(delivery)}, mdm)

    shared = delivery.user is None
    address = variables.ADDRESS[mdm]
    return tuple(
        Artifact(
            path=PurePosixPath(delivery.assignment, file.path),
            content=file.content,
            write=file.write,
            read=file.read,
            assignment=delivery.assignment,
            mdm=mdm,
            products=file.products,
            variables=(address,) if shared and file.products else (),
            person=("variable" if shared else delivery.person) if file.products else "none",
            key_readers=KEY_READERS if file.products else "",
            upload=file.upload,
        )
        for file in _files(delivery, mdm, mobileconfig.domains(delivery, address))
    )


def graph_bytes(body: PlainTree) -> bytes:
    """Write a Graph body whose `payload` is a profile's tree: base64 of the very bytes of the file."""
    if not isinstance(body, dict):
        raise ArtifactError("a graph body is a table")
    payload = base64.b64encode(plist_bytes(body["payload"])).decode("ascii")
    return json_bytes({**body, "payload": payload})


def read_graph(data: bytes) -> PlainTree:
    """Return the body with its `payload` read as a profile's tree; the inverse of `graph_bytes`."""
    body = read_json(data)
    if not isinstance(body, dict) or not isinstance(payload := body.get("payload"), str):
        raise ArtifactError("graph body without a payload")
    try:
        profile = base64.b64decode(payload, validate=True)
    except ValueError as exc:
        raise ArtifactError("graph payload does not read as base64") from exc
    return {**body, "payload": read_plist(profile)}


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    content: Tree
    products: tuple[Product, ...]
    """The products whose key is in it; none in the marker's property list."""
    upload: Upload
    write: Callable[[PlainTree], bytes] = plist_bytes
    read: Callable[[bytes], PlainTree] = read_plist


def _files(delivery: Delivery, mdm: Substituting, forced: Mapping[str, Settings]) -> Iterator[_File]:
    name = mobileconfig.name(delivery)
    file_name = f"{name}.mobileconfig"
    profile = mobileconfig.profile(delivery, forced)
    both = tuple(PRODUCTS.values())
    match mdm:
        case "jamf":
            console = "Computers > Configuration Profiles > Upload; Level Computer Level (as seen 2026-11)"
            yield _File(f"jamf/{file_name}", profile, both, Upload(console, "configuration profile", name))
            console = (
                f"Computers > Configuration Profiles > {name} > Edit > Application & Custom Settings"
                " > Upload; Save; Distribute to All (as seen 2026-11)"
            )
            for domain, settings in forced.items():
                products = (PRODUCTS[domain],) if domain in PRODUCTS else ()
                upload = Upload(console, "preference domain of the profile", domain, optional=True)
                yield _File(f"jamf/plist/{domain}.plist", settings, products, upload)
        case "kandji":
            console = (
                "Library > Add New > Custom Profile > Add & Configure; Install on Mac only (as seen 2026-11)"
            )
            yield _File(f"kandji/{file_name}", profile, both, Upload(console, "custom profile", name))
        case "intune":
            console = (
                "Devices > Manage devices > Configuration > Create > New policy > macOS > Templates > Custom;"
                " Deployment channel Device channel (as seen 2026-11)"
            )
            kind = "macOS custom configuration"
            yield _File(f"intune/macos/{file_name}", profile, both, Upload(console, kind, name))
            call = "Graph: POST /beta/deviceManagement/deviceConfigurations (as seen 2025-08)"
            yield _File(
                "intune/macos/graph-macOSCustomConfiguration.json",
                _graph_body(delivery, profile),
                both,
                Upload(call, kind, name, optional=True),
                graph_bytes,
                read_graph,
            )
        case _:
            assert_never(mdm)


def _graph_body(delivery: Delivery, profile: Settings) -> Settings:
    """Return Graph's body for a macOS custom profile (facts/mdm.md 5.2), the profile still a tree in it."""
    name = mobileconfig.name(delivery)
    return {
        "@odata.type": "#microsoft.graph.macOSCustomConfiguration",
        "displayName": name,
        "description": mobileconfig.description(delivery),
        "roleScopeTagIds": ["0"],
        "deploymentChannel": "deviceChannel",
        "payloadName": "AI Gateway",
        "payloadFileName": f"{name}.mobileconfig",
        "payload": profile,
    }

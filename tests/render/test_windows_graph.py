"""Graph bodies, property by property against Microsoft's own description of them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.render.samples import TEAM, delivery
from tests.render.windows_samples import files

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
KINDS = {"string": str, "boolean": bool, "string[]": list, "RunAsAccountType": str}


def v1_properties(csdl: ElementTree.Element, name: str) -> dict[str, str]:
    """Return the properties of a v1.0 type and of what it is built on, with their types."""
    [found] = [
        e for e in csdl.iter() if e.tag in (f"{EDM}EntityType", f"{EDM}ComplexType") and e.get("Name") == name
    ]
    own = {p.get("Name", ""): p.get("Type", "") for p in found.iter(f"{EDM}Property")}
    base = found.get("BaseType", "").removeprefix("graph.")
    return own | (v1_properties(csdl, base) if base and base != "entity" else {})


def beta_properties(typings: str, name: str) -> dict[str, str]:
    """Return the properties of a beta type with their types, from the typings."""
    found = re.search(rf"export interface {name}(?: extends \w+)? \{{(.*?)\n\}}", typings, re.DOTALL)
    assert found, name
    properties = re.findall(r"^    (\w+)\?: (?:NullableOption<(.+)>|(.+));$", found[1], re.MULTILINE)
    return {name: nullable or plain for name, nullable, plain in properties}


@pytest.mark.covers("S32", "T23")
def test_the_custom_profile_has_v1s_properties(shared: Path) -> None:
    csdl = ElementTree.parse(shared / "contracts/graph/graph-v1.0-intune-subset.csdl.xml").getroot()
    body = json.loads(files(TEAM)["graph-windows10CustomConfiguration.json"])
    kind = body.pop("@odata.type").removeprefix("#microsoft.graph.")
    known = v1_properties(csdl, kind)
    assert body.keys() <= known.keys()
    assert known["omaSettings"] == "Collection(graph.omaSetting)"
    for setting in body["omaSettings"]:
        kind = setting.pop("@odata.type").removeprefix("#microsoft.graph.")
        properties = v1_properties(csdl, kind)
        assert setting.keys() == properties.keys() - {"description"}
        for name, value in setting.items():
            assert (properties[name], type(value)) == ("Edm.String", str)


@pytest.mark.covers("S32", "T23")
def test_the_remediation_has_betas_properties(shared: Path) -> None:
    typings = (shared / "contracts/graph/graph-beta-intune-subset.d.ts").read_text()
    known = beta_properties(typings, "DeviceHealthScript")
    body: dict[str, Any] = json.loads(files(TEAM)["graph-deviceHealthScript.json"])
    assert body.pop("@odata.type") == "#microsoft.graph.deviceHealthScript"
    assert body.keys() <= known.keys()
    for name, value in body.items():
        assert isinstance(value, KINDS[known[name]]), name
    [accounts] = re.findall(r"export type RunAsAccountType = (.*);", typings)
    assert json.dumps(body["runAsAccount"]) in accounts.split(" | ")


@pytest.mark.covers("S32")
def test_the_remediation_runs_as_the_system_in_64_bit_and_holds_the_very_scripts() -> None:
    for consent in (False, True):
        made = files(TEAM, remediation_key=consent)
        body = json.loads(made["graph-deviceHealthScript.json"])
        assert (body["runAsAccount"], body["runAs32Bit"]) == ("system", False)
        assert base64.b64decode(body["detectionScriptContent"]) == made["detect.ps1"]
        assert base64.b64decode(body["remediationScriptContent"]) == made["remediate.ps1"]


@pytest.mark.parametrize("name", ["graph-windows10CustomConfiguration.json", "graph-deviceHealthScript.json"])
@pytest.mark.covers("T19", "T20")
def test_the_description_tells_who_manages_the_object_and_which_content(name: str) -> None:
    def described(**changes: Any) -> Any:
        return json.loads(files(delivery(**changes))[name])

    body = described()
    assert body["displayName"] == "AIGateway-engineering-prod"
    assert body["description"].startswith(
        "managed-by: provision; assignment: engineering-prod; revision: 3; profile: standard; settings: "
    )
    assert len(body["description"]) <= 1500
    assert described(base_url="https://other.acme.com")["description"] != body["description"]
    assert "roleScopeTagIds" not in body or body["roleScopeTagIds"] == ["0"]
    assert "assignments" not in body

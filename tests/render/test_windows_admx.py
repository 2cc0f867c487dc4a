"""The administrative templates against Microsoft's schema, by two validators; and that they stand alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.render.samples import TEAM, hardened
from tests.render.windows_samples import artifacts, files

TEMPLATES = ["ClaudeCode.admx", "ClaudeCode.adml", "Claude.admx", "Claude.adml"]
TAG = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"


@pytest.fixture(scope="session")
def schemas(shared: Path) -> Path:
    return shared / "contracts/admx"


@pytest.mark.covers("T5", "T23")
def test_microsofts_schema_takes_the_templates(schemas: Path) -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed")
    schema = xmlschema.XMLSchema(str(schemas / "PolicyDefinitionFiles.xsd"))
    made = files(TEAM)
    for name in TEMPLATES:
        schema.validate(ElementTree.fromstring(made[name]))
    broken = made["Claude.admx"].replace(b"<parentCategory", b"<parentCategori", 1)
    assert not schema.is_valid(ElementTree.fromstring(broken))


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.covers("T5")
def test_libxml_takes_the_templates_by_the_patched_schema(name: str, schemas: Path, tmp_path: Path) -> None:
    xmllint = shutil.which("xmllint")
    if xmllint is None:
        pytest.skip("xmllint is not installed")
    file = tmp_path / name
    file.write_bytes(files(TEAM)[name])
    schema = schemas / "patched.PolicyDefinitionFiles.xsd"
    run = subprocess.run(
        [xmllint, "--noout", "--nonet", "--schema", schema, file], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr.strip()) == (0, f"{file} validates")


@pytest.mark.parametrize("product", ["ClaudeCode", "Claude"])
@pytest.mark.covers("S32")
def test_a_template_needs_no_other_and_says_all_that_it_names(product: str) -> None:
    made = files(TEAM)
    admx, adml = (
        ElementTree.fromstring(made[f"{product}.admx"]),
        ElementTree.fromstring(made[f"{product}.adml"]),
    )
    assert admx.find(f"{TAG}policyNamespaces/{TAG}using") is None
    strings = [found.get("id") for found in adml.iter(f"{TAG}string")]
    shown = [found.get("id") for found in adml.iter(f"{TAG}presentation")]
    assert len(set(strings)) == len(strings)
    for element in admx.iter():
        for text in element.attrib.values():
            if text.startswith("$(string."):
                assert text[9:-1] in strings
            if text.startswith("$(presentation."):
                assert text[15:-1] in shown
    [definition] = [found.get("name") for found in admx.iter(f"{TAG}definition")]
    [category] = [found.get("name") for found in admx.iter(f"{TAG}category")]
    for policy in admx.iter(f"{TAG}policy"):
        supported, parent = policy.find(f"{TAG}supportedOn"), policy.find(f"{TAG}parentCategory")
        assert supported is not None
        assert parent is not None
        assert (supported.get("ref"), parent.get("ref")) == (definition, category)
        assert policy.get("class") == "Machine"
        [text] = policy.iter(f"{TAG}text")
        assert text.get("maxLength") == "1000000"


@pytest.mark.covers("T24")
def test_values_lie_flat_under_the_policy_keys_and_in_no_blocked_hive() -> None:
    made = files(TEAM)
    for name, key in (
        ("ClaudeCode", r"SOFTWARE\Policies\ClaudeCode"),
        ("Claude", r"SOFTWARE\Policies\Claude"),
    ):
        policies = list(ElementTree.fromstring(made[f"{name}.admx"]).iter(f"{TAG}policy"))
        assert {policy.get("key") for policy in policies} == {key}
        for policy in policies:
            [text] = policy.iter(f"{TAG}text")
            assert text.get("key") is None
            assert text.get("valueName") == ("Settings" if name == "ClaudeCode" else policy.get("name"))


def test_a_template_lists_what_the_hardening_sets() -> None:
    made = artifacts(hardened({}, {"skipWebFetchPreflight": True}))
    content = made["Claude.admx"].content
    assert isinstance(content, dict)
    assert "skipWebFetchPreflight" in content["values"]
    assert "autoModeEnabled" not in content["values"]

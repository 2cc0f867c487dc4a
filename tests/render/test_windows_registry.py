"""The `.reg` file as Windows wants it, and what it refuses to carry."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import ArtifactError
from provisioner.render import registry
from tests.render.samples import TEAM, hardened
from tests.render.windows_samples import files

REG = "AIGateway-engineering-prod.reg"


@pytest.mark.covers("T6")
def test_the_file_is_utf16_with_its_mark_and_windows_line_ends() -> None:
    data = files(TEAM)[REG]
    assert data.startswith(b"\xff\xfe")
    text = data.decode("utf-16")
    assert text.startswith("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\")
    assert text.count("\n") == text.count("\r") == text.count("\r\n")
    assert [line for line in text.split("\r\n") if line.startswith("[")] == [
        r"[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\ClaudeCode]",
        r"[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Claude]",
    ]


def test_file_knows_it_for_what_it_is(tmp_path: Path) -> None:
    tool = shutil.which("file")
    if tool is None:
        pytest.skip("file is not installed")
    path = tmp_path / REG
    path.write_bytes(files(TEAM)[REG])
    said = subprocess.run([tool, "--brief", path], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Windows Registry little-endian text")


@pytest.mark.covers("S119", "S134")
def test_claude_code_gets_one_line_of_json_and_desktop_one_text_per_key() -> None:
    values = {(v.product, v.name): v.text for v in registry.values(registry.read_reg(files(TEAM)[REG]))}
    settings = values.pop(("claude-code", "Settings"))
    assert settings.isascii()
    assert "\n" not in settings
    header = json.loads(settings)["env"]["ANTHROPIC_CUSTOM_HEADERS"].removeprefix("x-portkey-metadata: ")
    assert json.loads(header) == {"tenant": "acme", "team": "engineering", "env": "prod", "rev": "3"}
    assert {product for product, _name in values} == {"claude-desktop"}
    assert values["claude-desktop", "inferenceProvider"] == "gateway"
    assert values["claude-desktop", "disableDeploymentModeChooser"] == "true"
    assert json.loads(values["claude-desktop", "inferenceCustomHeaders"]) == {"x-portkey-metadata": header}


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "a\x7fb", "line\u2028end", "half\ud800", ""])
@pytest.mark.covers("T5", "T6")
def test_a_text_that_gets_lost_on_the_way_is_refused_by_name(text: str) -> None:
    with pytest.raises(ArtifactError, match="organizationInstructions") as caught:
        files(hardened({}, {"organizationInstructions": text}))
    assert text not in caught.value.message or text == ""


@pytest.mark.parametrize("name", ["été", "1st", "x" * 3 + "²"])
@pytest.mark.covers("T6", "T23")
def test_a_name_that_is_no_value_name_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError):
        files(hardened({}, {name: True}))


def test_a_text_longer_than_the_template_takes_is_refused() -> None:
    with pytest.raises(ArtifactError, match="1000000 characters in claude-code: Settings"):
        files(hardened({"companyAnnouncements": ["x" * 1_000_001]}))


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[2:],
        lambda data: data.replace("5.00".encode("utf-16-le"), "4.00".encode("utf-16-le")),
        lambda data: data.replace("Claude]".encode("utf-16-le"), "Clawd]".encode("utf-16-le")),
        lambda data: data.replace('="gateway"'.encode("utf-16-le"), "=dword:1".encode("utf-16-le")),
    ],
    ids=["mark", "version", "key", "kind"],
)
@pytest.mark.covers("T20")
def test_another_kind_of_file_does_not_read(broken: Any) -> None:
    with pytest.raises(ArtifactError):
        registry.read_reg(broken(files(TEAM)[REG]))

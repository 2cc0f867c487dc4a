"""Plain files: native JSON, no variable, and where they belong."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from provisioner.render import plainfiles
from tests.render.samples import PERSON, TEAM, code_headers, delivery, desktop_headers, unmask, written


@pytest.mark.covers("S33", "S34")
def test_bytes_are_the_golden_ones(golden: Callable[[str, bytes], None]) -> None:
    code, desktop = plainfiles.artifacts(TEAM)
    assert code.path.as_posix() == "engineering-prod/files/managed-settings.json"
    assert desktop.path.as_posix() == "engineering-prod/files/claude-desktop.managed-settings.json"
    for artifact in (code, desktop):
        golden(f"render/{artifact.path.as_posix()}", written(artifact))


@pytest.mark.covers("T5")
def test_both_are_ascii_json_that_reads_back() -> None:
    for artifact in plainfiles.artifacts(TEAM):
        assert json.loads(written(artifact).decode("ascii")) == unmask(artifact.content)
        assert artifact.read(written(artifact)) == unmask(artifact.content)


def test_nobody_is_in_a_teams_file_and_no_variable_either() -> None:
    for artifact in plainfiles.artifacts(TEAM):
        assert (artifact.person, artifact.variables) == ("none", ())
        text = written(artifact).decode()
        assert not any(sign in text for sign in ("user", "$", "{{"))


@pytest.mark.covers("S175")
def test_a_persons_file_names_the_person() -> None:
    code, desktop = plainfiles.artifacts(delivery(user=PERSON))
    assert (code.person, desktop.person) == ("key", "key")
    for headers in (code_headers(unmask(code.content)), desktop_headers(unmask(desktop.content))):
        labels = json.loads(dict(headers)["x-portkey-metadata"])
        assert (labels["user"], labels["_user"]) == (PERSON, PERSON)


@pytest.mark.covers("C7", "T3", "S33", "S34")
def test_where_they_go_who_owns_them_and_who_can_read_them_is_told() -> None:
    code, desktop = plainfiles.artifacts(TEAM)
    assert code.upload
    assert desktop.upload
    for place in (
        "/etc/claude-code/managed-settings.json",
        "/Library/Application Support/ClaudeCode/managed-settings.json",
        "C:\\Program Files\\ClaudeCode\\managed-settings.json",
    ):
        assert place in code.upload.console_path
    assert "/etc/claude-desktop/managed-settings.json" in desktop.upload.console_path
    for artifact in (code, desktop):
        assert artifact.upload
        assert "owner root, mode 0644" in artifact.upload.console_path
        assert artifact.key_readers == "every local user of the device"
        assert artifact.secrets == (TEAM.key,)

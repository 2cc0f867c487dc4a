"""The output folder: what is left over goes, links are refused, a failed check writes nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from pydantic import SecretStr

from provisioner.errors import BrokenArtifact
from provisioner.render.model import Artifact
from provisioner.render.serialize import json_bytes, read_json
from provisioner.seal import sealed
from provisioner.secret import SecretRef
from tests.support.pilot import Pilot

REF = SecretRef("n1", "aaaaaaaaaaaa")
ARTIFACT = Artifact(
    path=PurePosixPath("eng-prod/files/x.json"),
    content={"env": {"TOKEN": REF}, "list": [REF, "plain", 1, True]},
    write=json_bytes,
    read=read_json,
)


def opened(reference: SecretRef) -> SecretStr:
    assert reference == REF
    return SecretStr('pk-"live"')


def test_sealing_puts_the_value_where_the_reference_stood() -> None:
    data = sealed(ARTIFACT, opened)
    assert read_json(data) == {"env": {"TOKEN": 'pk-"live"'}, "list": ['pk-"live"', "plain", 1, True]}
    assert ARTIFACT.secrets == (REF,)


@pytest.mark.covers("T2")
def test_the_settings_digest_is_taken_without_the_secret() -> None:
    same = replace(
        ARTIFACT, content={"env": {"TOKEN": replace(REF, vault_id="n2")}, "list": [REF, "plain", 1, True]}
    )
    other = replace(
        ARTIFACT,
        content={"env": {"TOKEN": replace(REF, fingerprint="b" * 12)}, "list": [REF, "plain", 1, True]},
    )
    assert same.settings_digest == ARTIFACT.settings_digest
    assert other.settings_digest != ARTIFACT.settings_digest


@pytest.mark.covers("T5")
def test_a_file_that_does_not_read_back_is_never_written() -> None:
    lossy = replace(ARTIFACT, write=lambda tree: json_bytes({"env": {}}))
    with pytest.raises(BrokenArtifact, match="does not read back") as refused:
        sealed(lossy, opened)
    assert "pk-" not in str(refused.value)


@pytest.mark.covers("T13")
def test_a_linked_folder_inside_dist_is_refused(pilot: Pilot) -> None:
    assert pilot.main_job().code == 0
    victim = pilot.folder / "victim"
    victim.mkdir()
    jamf = pilot.dist / "support-prod" / "jamf"
    for path in sorted(jamf.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    jamf.rmdir()
    jamf.symlink_to(victim)
    ran = pilot.main_job()
    assert ran.code == 2
    assert "is a link" in ran.err
    assert list(victim.iterdir()) == []


def test_what_is_not_ours_in_dist_stays(pilot: Pilot) -> None:
    pilot.main_job()
    own = pilot.dist / "support-prod" / "notes.txt"
    own.write_text("mine")
    pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
    assert pilot.main_job().code == 0
    assert own.read_text() == "mine"
    assert [p.name for p in (pilot.dist / "support-prod").rglob("*")] == ["notes.txt"]


def test_another_output_folder_is_filled_and_the_old_one_left(pilot: Pilot) -> None:
    pilot.main_job()
    before = pilot.files()
    ran = pilot.main_job("--out", "elsewhere")
    assert ran.code == 0
    assert pilot.files() == before
    moved = {
        p.relative_to(pilot.folder / "elsewhere").as_posix()
        for p in (pilot.folder / "elsewhere").rglob("*")
        if p.is_file()
    }
    assert moved == set(before)
    assert str(pilot.dist) in re.sub(r"\s+", "", ran.out)

"""The output folder: what is left over goes, links are refused, a failed check writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import cast

import pytest
from pydantic import SecretStr

from gateway_client.contract import KeySpec
from provisioner import deliver
from provisioner.assign import Coverage
from provisioner.deliver import Prepared, Press
from provisioner.errors import BrokenArtifact
from provisioner.fleet import Fleet
from provisioner.ledger.model import KeyRecord, Snapshot
from provisioner.render.model import Artifact
from provisioner.render.serialize import json_bytes, read_json
from provisioner.seal import sealed
from provisioner.secret import SecretRef
from provisioner.vault import Vault
from tests.render.coverages import ALICE, BOB, ENG, LINUX, MAC, PC, RING_0, company, covering, on, table, unit
from tests.report.rollouts import shipped_templates
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


KEY = "pk-test-of-deliveries-" + "0" * 30


class OneKey:
    """A vault with the same key for all."""

    def open(self, _vault_id: str) -> SecretStr:
        return SecretStr(KEY)


PRESS = Press(
    Fleet(),
    "https://gw.acme.com",
    "6f1f2b6e-8b0b-5d4e-9c57-0a0d6c0f8a11",
    ("acme.com",),
    shipped_templates(),
    cast(Vault, OneKey()),
)


def prepared(coverage: Coverage, out: Path, former: Prepared | None = None) -> Prepared:
    names = {a.key_name for a in coverage.assignments}
    keys = {n: KeyRecord(n, f"id of {n}", REF, KeySpec(n, "", "pc-1", {})) for n in names}
    PRESS.rehearse(coverage, tuple(a for a in coverage.assignments if a.members))
    return PRESS.prepare(
        coverage, Snapshot("ledger", keys=keys, folder=former.folder if former else None), out
    )


def on_disk(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.mark.covers("T2")
def test_tables_stand_in_the_folder_as_the_ledger_has_them(tmp_path: Path) -> None:
    made = prepared(company(), tmp_path / "dist")
    deliver.write(made, tmp_path / "dist")
    assert on_disk(tmp_path / "dist") == dict(made.contents)
    tables = [p for p in made.contents if p.startswith(("_once/", "assignments", "not-covered"))]
    assert tables[:4] == [
        "assignments.csv",
        "not-covered.csv",
        "_once/jamf/inventory-preload.csv",
        "_once/jamf/smart-groups.csv",
    ]
    manifest = {f["path"]: f for f in json.loads(made.contents["manifest.json"])["files"]}
    for path in tables:
        assert made.folder.files[path].mode == 0o600
        assert (tmp_path / "dist" / path).stat().st_mode & 0o777 == 0o600
        assert KEY.encode() not in made.contents[path]
        assert manifest[path]["sha256"] == made.folder.files[path].sha256
        assert manifest[path]["personal"]


def test_the_same_coverage_writes_nothing_a_second_time(tmp_path: Path) -> None:
    first = prepared(company(), tmp_path / "dist")
    deliver.write(first, tmp_path / "dist")
    second = prepared(company(), tmp_path / "dist", first)
    assert second.folder.since(first.folder) is None
    assert deliver.write(second, tmp_path / "dist") == ()


def test_files_of_an_mdm_that_nobody_is_in_any_more_are_removed(tmp_path: Path) -> None:
    out = tmp_path / "dist"
    first = prepared(company(), out)
    deliver.write(first, out)
    now = prepared(covering(unit("eng-prod", on(MAC, ALICE, ENG, "eng-prod"))), out, first)
    deliver.write(now, out)
    delivered = first.folder.since(None)
    assert delivered is not None
    removed = deliver.remove_leftovers([delivered], now.folder, out)
    assert "_once/kandji/tags.csv" in removed
    assert on_disk(out) == dict(now.contents)
    assert {p.name for p in (out / "_once").iterdir()} == {"jamf"}


def rev(contents: Mapping[str, bytes], path: str) -> str:
    found = re.search(rb'rev\\?":\\?"(\d+)', contents[path])
    assert found
    return found[1].decode()


def test_the_first_device_of_another_kind_changes_nothing_for_the_others(tmp_path: Path) -> None:
    mac = on(MAC, ALICE, ENG, "eng-prod")
    first = prepared(covering(unit("eng-prod", mac)), tmp_path)
    profile = "eng-prod/jamf/AIGateway-eng-prod.mobileconfig"
    assert not [p for p in first.contents if p.startswith(("eng-prod/intune", "eng-prod/files"))]
    joined = covering(unit("eng-prod", mac, on(PC, BOB, ENG, "eng-prod"), on(LINUX, BOB, ENG, "eng-prod")))
    second = prepared(joined, tmp_path, first)
    assert second.contents[profile] == first.contents[profile]
    assert "eng-prod/intune/windows/oma-uri.csv" in second.contents
    assert not [p for p in second.contents if p.startswith(("eng-prod/intune/macos", "eng-prod/kandji"))]
    assert rev(second.contents, "eng-prod/files/managed-settings.json") == "1"


def test_scope_tells_devices_and_services(tmp_path: Path) -> None:
    made = prepared(company(), tmp_path)
    header, *rows = table(made.contents["eng-prod/scope.csv"])
    assert header == ["email", "serial", "platform", "device_name", "mdm", "mdm_id", "ring"]
    assert rows[0] == ["alice@acme.com", "C02A", "macos", "name of C02A", "jamf", "id-C02A", "0"]
    assert rows[1] == ["bob@acme.com", "FVX1", "macos", "name of FVX1", "kandji", "id-FVX1", ""]
    assert table(made.contents["eng-prod-build-farm/scope.csv"])[1][0] == "svc:build-farm"


def test_uploads_name_the_group_of_each_console(tmp_path: Path) -> None:
    members = (
        on(MAC, ALICE, RING_0, "eng-prod"),
        on(PC, BOB, ENG, "eng-prod"),
        on(LINUX, BOB, ENG, "eng-prod"),
    )
    made = prepared(covering(unit("eng-prod", *members)), tmp_path)
    header, *rows = table(made.contents["uploads.csv"])
    at = header.index("scope_group")
    assert header[at + 1] == "scope_file"
    groups = {row[1]: row[at] for row in rows}
    assert groups == {"jamf": "AIGateway eng-prod", "intune": "AIGateway-eng-prod", "files": ""}


@pytest.mark.covers("T2")
def test_hand_outs_hold_no_key_and_the_rest_says_who_can_read_it(tmp_path: Path) -> None:
    made = prepared(company(), tmp_path)
    assert not [p for p, data in made.contents.items() if "/handout/" in p and KEY.encode() in data]
    manifest = {f["path"]: f for f in json.loads(made.contents["manifest.json"])["files"]}
    image = manifest["eng-prod-vdi-east/image/AIGateway-eng-prod-vdi-east.reg"]
    assert (image["mode"], image["person"]) == ("0600", "device")
    assert "everybody with a session" in image["key"]["readable_on_device_by"]
    env = manifest["eng-prod-build-farm/files/environment.env"]
    assert (env["mode"], env["person"], env["holds_secret"]) == ("0600", "service", True)
    hand_out = manifest["ext-prod-eve/handout/README.md"]
    assert (hand_out["mode"], hand_out["holds_secret"]) == ("0600", False)

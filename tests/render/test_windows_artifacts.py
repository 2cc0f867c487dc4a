"""What a Windows PC gets: golden bytes, what reads back, who is in it, who can read the key."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from provisioner.errors import ArtifactError
from provisioner.render.model import Delivery
from provisioner.seal import sealed
from tests.render.samples import FAKE_KEY, PERSON, TEAM, delivery, hardened
from tests.render.windows_samples import TEAM_WITH_DOMAIN, artifacts, files

ONE_PERSON = delivery(assignment="engineering-prod-alice-0a1b2c", user=PERSON, domains=("acme.com",))
WITH_GOLDEN = [
    "oma-uri.csv",
    "values/03-ClaudeCode-Settings.txt",
    "graph-windows10CustomConfiguration.json",
    "detect.ps1",
    "remediate.ps1",
    "ClaudeCode.admx",
    "ClaudeCode.adml",
    "Claude.admx",
    "Claude.adml",
    "AIGateway-engineering-prod.reg",
]


@pytest.mark.parametrize("path", WITH_GOLDEN)
@pytest.mark.covers("S32", "T5")
def test_a_teams_files_have_these_bytes(path: str, golden: Callable[[str, bytes], None]) -> None:
    golden(f"render/windows/{path}", files(TEAM_WITH_DOMAIN)[path])


@pytest.mark.parametrize("path", ["detect.ps1", "remediate.ps1"])
def test_the_pair_with_consent_has_these_bytes(path: str, golden: Callable[[str, bytes], None]) -> None:
    made = files(TEAM_WITH_DOMAIN, remediation_key=True)
    golden(f"render/windows/with-consent/{path}", made[path])


@pytest.mark.parametrize("consent", [False, True])
@pytest.mark.parametrize("of", [TEAM_WITH_DOMAIN, ONE_PERSON, hardened()], ids=["team", "person", "bare"])
@pytest.mark.covers("T5")
def test_every_file_reads_back_as_it_was_sealed(of: Delivery, consent: bool) -> None:
    made = artifacts(of, remediation_key=consent)
    for artifact in made.values():
        assert sealed(artifact, lambda _reference: SecretStr(FAKE_KEY)) == sealed(
            artifact, lambda _reference: SecretStr(FAKE_KEY)
        )
    assert len({artifact.path for artifact in made.values()}) == len(made)


def test_the_same_settings_give_the_same_bytes_in_whatever_order_they_come() -> None:
    one = hardened({"a": "1", "b": "2"}, {"autoModeEnabled": False, "banner": {"text": "x", "enabled": True}})
    two = hardened({"b": "2", "a": "1"}, {"banner": {"enabled": True, "text": "x"}, "autoModeEnabled": False})
    assert files(one, remediation_key=True) == files(two, remediation_key=True)


PARSED = [path for path in artifacts(TEAM) if path != "oma-uri.csv"]


@pytest.mark.parametrize("path", PARSED)
@pytest.mark.covers("T20", "T23")
def test_a_file_of_another_making_does_not_read(path: str) -> None:
    for other in (b"<html/>", b"{}", b"\xff\xfe\x00", b""):
        with pytest.raises(ArtifactError):
            artifacts(TEAM)[path].read(other)


# Who is in it, who can read it


@pytest.mark.covers("S175", "T25", "C7")
def test_nothing_stands_in_for_a_variable() -> None:
    for of in (TEAM_WITH_DOMAIN, ONE_PERSON):
        for path, data in files(of, remediation_key=True).items():
            text = data.decode("utf-16") if path.endswith(".reg") else data.decode()
            assert not re.search(r"\$EMAIL|\$USERNAME|\{\{|mail\}\}|userprincipalname", text), path
    assert all(artifact.variables == () for artifact in artifacts(TEAM).values())


@pytest.mark.covers("S175", "T3")
def test_persons_and_readers_are_told_where_there_are_any() -> None:
    for consent in (False, True):
        for path, artifact in artifacts(TEAM, remediation_key=consent).items():
            script = path in ("remediate.ps1", "graph-deviceHealthScript.json")
            assert artifact.person == ("script" if script else "none"), path
            assert bool(artifact.key_readers) is bool(artifact.secrets), path
            assert artifact.mdm == "intune"
            assert artifact.assignment == TEAM.assignment
    own = {path for path, a in artifacts(ONE_PERSON, remediation_key=True).items() if a.person == "key"}
    assert own == {
        "values/03-ClaudeCode-Settings.txt",
        "values/09-Claude-inferenceCustomHeaders.txt",
        "graph-windows10CustomConfiguration.json",
        "remediate.ps1",
        "graph-deviceHealthScript.json",
        "AIGateway-engineering-prod-alice-0a1b2c.reg",
    }


@pytest.mark.covers("T2", "T3")
def test_a_key_is_in_the_files_that_say_so_and_in_a_script_only_with_consent() -> None:
    keyed = {
        "values/03-ClaudeCode-Settings.txt",
        "values/10-Claude-inferenceGatewayApiKey.txt",
        "graph-windows10CustomConfiguration.json",
        "AIGateway-engineering-prod.reg",
    }
    assert {path for path, artifact in artifacts(TEAM).items() if artifact.secrets} == keyed
    scripts = {"remediate.ps1", "graph-deviceHealthScript.json"}
    with_consent = artifacts(TEAM, remediation_key=True)
    assert {path for path, artifact in with_consent.items() if artifact.secrets} == keyed | scripts


@pytest.mark.covers("T3")
def test_the_walk_has_one_way_and_consent_changes_it() -> None:
    def walk(*, consent: bool) -> list[str]:
        made = artifacts(TEAM, remediation_key=consent)
        return [path for path, a in made.items() if a.upload is not None and not a.upload.optional]

    assert walk(consent=False) == ["oma-uri.csv"]
    assert walk(consent=True) == ["detect.ps1", "remediate.ps1"]
    for artifact in artifacts(TEAM).values():
        assert artifact.upload is None or artifact.upload.console_path


# The custom profile


def rows(of: Delivery = TEAM) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files(of)["oma-uri.csv"].decode())))


@pytest.mark.covers("S32")
def test_the_list_names_each_value_file_once_and_templates_come_first() -> None:
    listed = rows()
    values = [path for path in artifacts(TEAM) if path.startswith("values/")]
    assert [row["Value file"] for row in listed] == values
    assert {row["Data type"] for row in listed} == {"String"}
    uris = [row["OMA-URI"] for row in listed]
    assert len(set(uris)) == len(uris)
    installed = ["/ADMXInstall/" in uri for uri in uris]
    assert installed == sorted(installed, reverse=True)
    assert sum(installed) == 2
    assert uris[2] == (
        "./Device/Vendor/MSFT/Policy/Config/AIGatewayClaudeCode~Policy~ClaudeCode/ManagedSettings"
    )


@pytest.mark.covers("T12")
def test_no_cell_of_the_list_starts_a_formula() -> None:
    for row in csv.reader(io.StringIO(files(TEAM)["oma-uri.csv"].decode())):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@pytest.mark.covers("T23")
def test_another_set_of_settings_is_another_template_and_a_revision_is_not() -> None:
    def installed(of: Delivery) -> list[str]:
        return [row["OMA-URI"] for row in rows(of)][:2]

    more = hardened(
        TEAM.hardening.claude_code, {**TEAM.hardening.claude_desktop, "skipWebFetchPreflight": True}
    )
    assert installed(delivery(revision=9, base_url="https://other.acme.com")) == installed(TEAM)
    assert installed(more)[0] == installed(TEAM)[0]
    assert installed(more)[1] != installed(TEAM)[1]


def test_the_graph_body_holds_the_list_and_the_value_files() -> None:
    made = files(TEAM)
    settings = json.loads(made["graph-windows10CustomConfiguration.json"])["omaSettings"]
    assert [(s["displayName"], s["omaUri"], s["value"].encode()) for s in settings] == [
        (row["Name"], row["OMA-URI"], made[row["Value file"]]) for row in rows()
    ]


@pytest.mark.covers("S119")
def test_values_are_one_line_of_ascii() -> None:
    for path, data in files(TEAM).items():
        if path.startswith("values/") and "ADMX" not in path:
            assert data.isascii(), path
            assert not re.search(rb"[\x00-\x1f\x7f]", data), path
            assert data.startswith(b'<enabled/><data id="'), path

"""What a Mac gets, by MDM: golden bytes, Apple's schema, other people's parsers, Graph's types."""

from __future__ import annotations

import base64
import json
import plistlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.errors import ArtifactError
from provisioner.render import macos, mobileconfig
from provisioner.render.model import Artifact, Delivery
from provisioner.render.variables import ADDRESS, Substituting
from tests.render.samples import FAKE_KEY, PERSON, TEAM, delivery, forced, hardened, unmask, written

MDMS: list[Substituting] = ["jamf", "kandji", "intune"]
ONE_PERSON = delivery(assignment="engineering-prod-alice-0a1b2c", user=PERSON)
# Legal text that a careless writer would let out of its place.
AWKWARD = hardened(
    {
        "companyAnnouncements": [
            "</string><key>env</key>",
            "a & b",
            "é 日 \U0001f600 'q' \"r\"",
            "tab\tand\nline",
            "]]>",
        ]
    },
    {"organizationInstructions": "<!ENTITY x>&amp;</string>"},
)


def files(of: Delivery, mdm: Substituting) -> dict[str, Artifact]:
    return {artifact.path.as_posix(): artifact for artifact in macos.artifacts(of, mdm)}


@pytest.mark.covers("S32")
def test_each_mdm_gets_its_files_the_profile_first() -> None:
    assert [list(files(TEAM, mdm)) for mdm in MDMS] == [
        [
            "engineering-prod/jamf/AIGateway-engineering-prod.mobileconfig",
            "engineering-prod/jamf/plist/com.anthropic.claudecode.plist",
            "engineering-prod/jamf/plist/com.anthropic.claudefordesktop.plist",
            "engineering-prod/jamf/plist/com.acme.aigateway.plist",
        ],
        ["engineering-prod/kandji/AIGateway-engineering-prod.mobileconfig"],
        [
            "engineering-prod/intune/macos/AIGateway-engineering-prod.mobileconfig",
            "engineering-prod/intune/macos/graph-macOSCustomConfiguration.json",
        ],
    ]


@pytest.mark.parametrize("of", [TEAM, ONE_PERSON], ids=["team", "person"])
@pytest.mark.parametrize("mdm", MDMS)
def test_bytes_are_the_golden_ones(
    of: Delivery, mdm: Substituting, golden: Callable[[str, bytes], None]
) -> None:
    for path, artifact in files(of, mdm).items():
        if artifact.path.suffix != ".json":  # its payload is the profile beside it, in base64
            golden(f"render/{path}", written(artifact))


@pytest.mark.parametrize("of", [TEAM, ONE_PERSON, AWKWARD], ids=["team", "person", "awkward"])
@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.covers("T5")
def test_every_file_reads_back_as_it_was(of: Delivery, mdm: Substituting) -> None:
    for artifact in macos.artifacts(of, mdm):
        assert artifact.read(written(artifact)) == unmask(artifact.content)


def test_jamfs_property_lists_are_what_the_profile_forces() -> None:
    profile, *lists = macos.artifacts(TEAM, "jamf")
    assert {a.path.stem: unmask(a.content) for a in lists} == forced(unmask(profile.content))
    assert [a.upload is not None and a.upload.object_name for a in lists] == [a.path.stem for a in lists]


@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.covers("S175", "C7", "T3")
def test_artifacts_say_who_is_in_them_and_who_can_read_the_key(mdm: Substituting) -> None:
    for artifact in macos.artifacts(TEAM, mdm):
        assert (artifact.person, artifact.variables) == (
            ("variable", (ADDRESS[mdm],)) if artifact.secrets else ("none", ())
        )
        assert bool(artifact.key_readers) is bool(artifact.secrets) is bool(artifact.products)
        assert artifact.assignment == TEAM.assignment
        assert artifact.mdm == mdm
        assert artifact.upload
    for artifact in macos.artifacts(ONE_PERSON, mdm):
        assert (artifact.person, artifact.variables) == ("key" if artifact.secrets else "none", ())
        assert ADDRESS[mdm].encode() not in written(artifact)


@pytest.mark.covers("T2")
def test_the_key_is_only_where_the_clients_read_it() -> None:
    profile = unmask(macos.artifacts(TEAM, "jamf")[0].content)
    settings = forced(profile)
    assert settings["com.anthropic.claudecode"]["env"]["ANTHROPIC_AUTH_TOKEN"] == FAKE_KEY
    assert settings["com.anthropic.claudefordesktop"]["inferenceGatewayApiKey"] == FAKE_KEY
    assert json.dumps(profile).count(FAKE_KEY) == 2


# Identity


def ids(of: Delivery) -> list[str]:
    profile: Any = macos.artifacts(of, "jamf")[0].content
    return [
        p[name]
        for p in (profile, *profile["PayloadContent"])
        for name in ("PayloadIdentifier", "PayloadUUID")
    ]


def test_identifiers_hold_while_content_changes() -> None:
    changed = delivery(
        revision=4, base_url="https://other.acme.com", profile="restricted", extra_metadata=(("a", "b"),)
    )
    assert ids(changed) == ids(TEAM)
    assert written(macos.artifacts(changed, "jamf")[0]) != written(macos.artifacts(TEAM, "jamf")[0])


def test_identifiers_differ_within_a_profile_and_across_assignments_and_tenants() -> None:
    others = [TEAM, delivery(assignment="engineering-dev"), delivery(tenant="acme-eu"), ONE_PERSON]
    everything = [i for other in others for i in ids(other)]
    assert len(set(everything)) == len(everything)
    assert all(re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", i) for i in everything[1::2])


@pytest.mark.covers("T19")
def test_the_marker_and_the_description_tell_the_revision() -> None:
    def marker(of: Delivery) -> Any:
        return forced(macos.artifacts(of, "jamf")[0].content)["com.acme.aigateway"]

    later = delivery(revision=4)
    assert marker(TEAM).keys() == {"assignment", "revision", "digest"}
    assert (marker(TEAM)["revision"], marker(later)["revision"]) == (3, 4)
    assert marker(TEAM)["digest"] != marker(later)["digest"]
    assert mobileconfig.description(later).endswith("revision 4")


def test_the_same_settings_give_the_same_bytes_in_whatever_order_they_come() -> None:
    one = hardened(
        {"a": "1", "permissions": {"deny": ["X"], "ask": ["Y"]}}, {"banner": {"text": "x", "enabled": True}}
    )
    two = hardened(
        {"permissions": {"ask": ["Y"], "deny": ["X"]}, "a": "1"}, {"banner": {"enabled": True, "text": "x"}}
    )
    for mdm in MDMS:
        assert [written(a) for a in macos.artifacts(one, mdm)] == [
            written(a) for a in macos.artifacts(two, mdm)
        ]


# Apple's schema

APPLE = {"<string>": str, "<integer>": int, "<boolean>": bool, "<array>": list, "<dictionary>": dict}


def apple_problems(payload: Any, *documents: Any) -> list[str]:
    known = {key["key"]: key for document in documents for key in document["payloadkeys"]}
    missing = [name for name, key in known.items() if key["presence"] == "required" and name not in payload]
    unknown = [name for name in payload if name not in known]
    wrong = [
        name
        for name in payload.keys() & known.keys()
        if type(payload[name]) is not APPLE[known[name]["type"]]
        or payload[name] not in known[name].get("rangelist", [payload[name]])
    ]
    return [*missing, *unknown, *wrong]


@pytest.fixture
def apple(shared: Path) -> dict[str, Any]:
    paths = (shared / "contracts/apple").glob("*.yaml")
    return {path.stem: yaml.safe_load(path.read_text()) for path in paths}


@pytest.mark.covers("T5")
def test_the_profile_is_as_apple_describes_it(apple: dict[str, Any]) -> None:
    profile: Any = unmask(macos.artifacts(TEAM, "jamf")[0].content)
    mcx = apple["com.apple.ManagedClient.preferences"]
    assert apple_problems(profile, apple["TopLevel"]) == []
    for payload in profile["PayloadContent"]:
        assert payload["PayloadType"] == mcx["payload"]["payloadtype"]
        assert apple_problems(payload, apple["CommonPayloadKeys"], mcx) == []
        for preferences in payload["PayloadContent"].values():
            assert preferences.keys() == {"Forced"}
            assert [forced.keys() for forced in preferences["Forced"]] == [{"mcx_preference_settings"}]
    assert mcx["payload"]["supportedOS"]["macOS"]["multiple"] is True
    assert profile["PayloadScope"] == "System"


@pytest.mark.covers("T23")
def test_the_check_by_apples_schema_sees_what_is_missing_wrong_or_unknown(apple: dict[str, Any]) -> None:
    profile: Any = unmask(macos.artifacts(TEAM, "jamf")[0].content)
    top = apple["TopLevel"]
    for name in ("PayloadIdentifier", "PayloadUUID", "PayloadType", "PayloadVersion"):
        assert apple_problems({k: v for k, v in profile.items() if k != name}, top) == [name]
    assert apple_problems({**profile, "PayloadVersion": "1"}, top) == ["PayloadVersion"]
    assert apple_problems({**profile, "PayloadScope": "Machine"}, top) == ["PayloadScope"]
    assert apple_problems({**profile, "PayloadScop": "System"}, top) == ["PayloadScop"]


def test_removal_is_left_to_the_mdm() -> None:
    profile: Any = macos.artifacts(TEAM, "jamf")[0].content
    assert profile.keys().isdisjoint({"PayloadRemovalDisallowed", "RemovalDate", "DurationUntilRemoval"})


# Other people's parsers


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.mark.parametrize("of", [TEAM, ONE_PERSON, AWKWARD], ids=["team", "person", "awkward"])
@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.covers("T5")
def test_libplist_and_libxml_read_what_we_wrote(of: Delivery, mdm: Substituting, tmp_path: Path) -> None:
    plistutil, xmllint = tool("plistutil"), tool("xmllint")
    for path, artifact in files(of, mdm).items():
        if artifact.path.suffix == ".json":
            continue
        source, binary = tmp_path / "in", tmp_path / "out"
        source.write_bytes(written(artifact))
        subprocess.run([xmllint, "--noout", "--nonet", source], check=True)
        subprocess.run([plistutil, "-i", source, "-o", binary, "-f", "bin"], check=True)
        assert plistlib.loads(binary.read_bytes(), fmt=plistlib.FMT_BINARY) == unmask(artifact.content), path


# Graph


def graph_properties(shared: Path, name: str) -> set[str]:
    """Return the properties of a beta type, its parents' too (but not Entity's), from Microsoft's typings."""
    text = (shared / "contracts/graph/graph-beta-intune-subset.d.ts").read_text()
    found: set[str] = set()
    while name != "Entity":
        match = re.search(rf"export interface {name}(?: extends (\w+))? \{{(.*?)\n\}}", text, re.DOTALL)
        assert match, name
        found |= set(re.findall(r'^    "?([@\w.]+)"?\??:', match[2], re.MULTILINE))
        name = match[1]
    return found


def test_the_graph_body_has_graphs_properties_and_the_files_bytes(shared: Path) -> None:
    profile, graph = macos.artifacts(TEAM, "intune")
    body = json.loads(written(graph))
    assert base64.b64decode(body["payload"]) == written(profile)
    assert body["payloadFileName"] == profile.path.name
    assert body.pop("@odata.type") == "#microsoft.graph.macOSCustomConfiguration"
    assert body.keys() <= graph_properties(shared, "MacOSCustomConfiguration")
    assert body["deploymentChannel"] == "deviceChannel"
    assert len(body["description"]) < 1500


def test_the_profile_stays_far_below_intunes_limit() -> None:
    assert len(written(macos.artifacts(TEAM, "intune")[0])) < 256 * 1024 < 1_000_000


@pytest.mark.parametrize(
    "data",
    [b"[]", b"{}", b'{"payload": 1}', b'{"payload": "*"}', b'{"payload": "\\u00e9"}', b'{"payload": "e30="}'],
)
@pytest.mark.covers("T20")
def test_a_graph_body_that_was_edited_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        macos.read_graph(data)

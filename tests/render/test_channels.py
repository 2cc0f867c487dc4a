"""What each channel makes: the consoles that are needed, services, images, hand-outs without a key."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from provisioner.assign import Assignment
from provisioner.errors import ArtifactError
from provisioner.fleet import Fleet
from provisioner.render import bundle, handout, images, services
from provisioner.render.destinations import Destination, destinations, everything, serves
from provisioner.render.model import Artifact
from provisioner.render.registry import read_reg
from provisioner.render.services import env_bytes, read_env
from tests.render.coverages import (
    ALICE,
    ENDS,
    ENG,
    LINUX,
    MAC,
    PC,
    choice,
    company,
    device,
    on,
    unit,
)
from tests.render.samples import FAKE_KEY, delivery, hardened, sent_headers, unmask, written
from tests.report.rollouts import assignment, shipped_templates

TEMPLATES = shipped_templates()
ALL = ("jamf", "kandji", "intune", "files")


def fleet(**values: Any) -> Fleet:
    return Fleet.model_validate(values)


def kinds(of: Assignment, fleet: Fleet | None = None) -> set[str]:
    """Return the folders of the artifacts that an assignment's members need."""
    fleet = fleet or Fleet()
    made = bundle.artifacts(delivery(assignment=of.name), of, fleet, TEMPLATES)
    ways = destinations(of, fleet)
    kept = [a for a in made if of.channel != "mdm" or serves(a, ways)]
    return {"/".join(a.path.parts[1 : 3 if a.path.parts[1] == "intune" else 2]) for a in kept}


EVERY = {"jamf", "kandji", "intune/macos", "intune/windows", "files"}


@pytest.mark.parametrize(
    ("devices", "values", "expected"),
    [
        ([MAC], {}, {"jamf"}),
        ([PC], {}, {"intune/windows"}),
        ([device("M", "intune", "macos")], {}, {"intune/macos"}),
        ([MAC, PC], {}, {"jamf", "intune/windows"}),
        ([LINUX], {}, {"files"}),
        ([MAC, LINUX], {"mdm": ["jamf", "intune"]}, {"jamf"}),
        ([MAC], {"mdm": ["intune", "files"]}, {"files"}),
        ([MAC], {"mdm": ["intune"]}, set()),
        ([PC], {"platforms": ["macos"]}, set()),
        ([device("X", None, "macos")], {}, {"jamf", "kandji", "intune/macos", "files"}),
        ([device("X", None, None)], {}, EVERY),
        ([None], {}, EVERY),
        ([None, MAC], {}, EVERY),
        ([None], {"mdm": ["jamf"], "platforms": ["windows"]}, set()),
    ],
)
def test_an_assignment_gets_the_consoles_of_its_devices(
    devices: list[Any], values: dict[str, Any], expected: set[str]
) -> None:
    members = tuple(on(d or MAC, ALICE, ENG, "eng-prod")._replace(device=d) for d in devices)
    assert kinds(unit("eng-prod", *members), fleet(**values)) == expected


def test_a_plain_roster_gets_everything_that_the_fleet_has() -> None:
    plain = assignment("engineering", "prod", 3)
    assert destinations(plain, Fleet()) == everything(Fleet())
    assert Destination("jamf", "windows") not in everything(Fleet())
    made = tuple(bundle.artifacts(delivery(), plain, Fleet(), TEMPLATES))
    assert all(serves(artifact, everything(Fleet())) for artifact in made)


def of_channel(channel: str) -> Assignment:
    return next(a for a in company().assignments if a.channel == channel)


def test_each_channel_has_folders_of_its_own() -> None:
    assert kinds(of_channel("files")) == {"files"}
    assert kinds(of_channel("image")) == {"image"}
    assert kinds(of_channel("handout")) == {"handout"}


SERVICE = delivery(user="svc:build-farm", user_is="service")


def test_a_service_gets_its_environment_as_lines() -> None:
    env, code = services.artifacts(SERVICE)
    assert [a.path.name for a in (env, code)] == ["environment.env", "managed-settings.json"]
    lines = written(env).decode().splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "ANTHROPIC_DEFAULT_FABLE_MODEL",
    ]
    values = dict(line.split("=", 1) for line in lines)
    assert values["ANTHROPIC_AUTH_TOKEN"] == FAKE_KEY
    [(name, value)] = sent_headers(values["ANTHROPIC_CUSTOM_HEADERS"])
    assert name == "x-portkey-metadata"
    assert json.loads(value)["user"] == "svc:build-farm"
    assert env.private
    assert (env.person, code.person) == ("service", "service")
    assert "secret store" in env.key_readers
    assert env.read(written(env)) == unmask(env.content)


def test_a_value_of_two_lines_is_no_environment() -> None:
    for value in ("a\nb", "a\rX=1", " a", "a\x00"):
        with pytest.raises(ArtifactError, match="X is not one line"):
            env_bytes({"X": value})
    assert read_env(env_bytes({"X": 'a=b: {"c": "d"}'})) == {"X": 'a=b: {"c": "d"}'}


POOL = delivery(user="device:vdi-east", user_is="device")


def by_name(artifacts: Any) -> dict[str, Artifact]:
    return {a.path.name: a for a in artifacts}


def test_an_image_has_neither_cowork_nor_updates_whatever_the_profile_says() -> None:
    profile = hardened({"env": {"DISABLE_AUTOUPDATER": "0"}}, {"coworkTabEnabled": True}).hardening
    made = by_name(images.artifacts(replace(POOL, hardening=profile), {"linux", "windows"}))
    assert set(made) == {
        "managed-settings.json",
        "claude-desktop.managed-settings.json",
        "AIGateway-engineering-prod.reg",
    }
    linux = json.loads(written(made["claude-desktop.managed-settings.json"]))
    assert (linux["coworkTabEnabled"], linux["disableAutoUpdates"]) == (False, True)
    policy: Any = read_reg(written(made["AIGateway-engineering-prod.reg"]))
    desktop = policy["claude-desktop"]
    assert (desktop["coworkTabEnabled"], desktop["disableAutoUpdates"]) == ("false", "true")
    for code in (json.loads(written(made["managed-settings.json"])), policy["claude-code"]):
        assert code["env"]["DISABLE_AUTOUPDATER"] == "1"
        assert '"user":"device:vdi-east"' in code["env"]["ANTHROPIC_CUSTOM_HEADERS"]
    for artifact in made.values():
        assert artifact.person == "device"
        assert artifact.path.parts[1] == "image"
        assert "everybody with a session in the pool" in artifact.key_readers
        assert artifact.private


@pytest.mark.parametrize(
    ("platforms", "names"),
    [
        ({"windows"}, {"AIGateway-engineering-prod.reg"}),
        ({"linux"}, {"managed-settings.json", "claude-desktop.managed-settings.json"}),
        ({"macos"}, {"managed-settings.json"}),
    ],
)
def test_an_image_gets_the_files_of_its_system(platforms: Any, names: set[str]) -> None:
    assert set(by_name(images.artifacts(POOL, platforms))) == names


OUTSIDE = delivery(user="eve@acme.com", claude_code_floor="2.1.285")


def test_a_handout_holds_no_key() -> None:
    made = handout.artifacts(OUTSIDE, ENDS, TEMPLATES)
    assert [a.path.name for a in made] == ["README.md", "settings.json", "claude-desktop.json"]
    for artifact in made:
        assert artifact.secrets == ()
        assert artifact.private, "it names the person"
        assert artifact.person == "key"
        assert artifact.read(artifact.write(unmask(artifact.content))) == artifact.content
        assert FAKE_KEY not in written(artifact).decode()
        assert 'AUTH_TOKEN":' not in written(artifact).decode().replace(
            '"ANTHROPIC_AUTH_TOKEN": "your key"', ""
        )


def test_a_handout_says_whose_it_is_when_it_ends_and_how_the_key_comes() -> None:
    words = written(handout.artifacts(OUTSIDE, ENDS, TEMPLATES)[0]).decode()
    for told in (
        "For eve@acme.com",
        "ends on **2027-01-31**",
        "opens once",
        "not in this folder",
        "~/.claude/settings.json",
        "2.1.285 or newer",
        "`claude-opus-5-5`",
        "https://gw.acme.com",
    ):
        assert told in words
    assert "ends on" not in written(handout.artifacts(OUTSIDE, None, TEMPLATES)[0]).decode()


def test_a_handouts_settings_are_what_a_person_can_set() -> None:
    _words, code, desktop = handout.artifacts(OUTSIDE, ENDS, TEMPLATES)
    settings = json.loads(written(code))
    assert set(settings) == {"env"}
    assert settings["env"]["ANTHROPIC_BASE_URL"] == "https://gw.acme.com"
    assert settings["env"]["ANTHROPIC_API_KEY"] == ""
    assert '"user":"eve@acme.com"' in settings["env"]["ANTHROPIC_CUSTOM_HEADERS"]
    assert json.loads(written(desktop)) == {
        "$schemaVersion": 2,
        "inference": {
            "provider": "gateway",
            "baseUrl": "https://gw.acme.com",
            "customHeaders": json.loads(written(desktop))["inference"]["customHeaders"],
            "credential": {"kind": "static", "authScheme": "bearer"},
        },
    }


def test_a_label_is_said_to_be_a_devices() -> None:
    lab = unit("eng-prod-lab", on(MAC, None, choice(), "eng-prod-lab"), label="device:C02A")
    made = bundle.artifacts(delivery(user=lab.user, user_is="device"), lab, Fleet(), TEMPLATES)
    persons = {a.person for a in made if a.path.name.endswith((".mobileconfig", ".reg", "settings.json"))}
    assert persons == {"device"}
    assert {a.variables for a in made} <= {()}

"""The PowerShell pair: a real grammar, one literal, and a twin of the device that does what they do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from provisioner import digest
from provisioner.errors import ArtifactError
from provisioner.render import claude_desktop, powershell, registry, remediation
from provisioner.render.model import Delivery
from provisioner.secret import fingerprint
from tests.render.samples import FAKE_KEY, PERSON, TEAM, delivery
from tests.render.windows_samples import TEAM_WITH_DOMAIN, TEMPLATES, files, script_data

SCRIPTS = ["detect.ps1", "remediate.ps1"]
HEADER = (r"SOFTWARE\Policies\Claude", "inferenceCustomHeaders")
SETTINGS = (r"SOFTWARE\Policies\ClaudeCode", "Settings")
Values = dict[tuple[str, str], str]


@pytest.mark.parametrize("consent", [False, True])
@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.covers("T6")
def test_powershells_grammar_takes_the_scripts(name: str, consent: bool) -> None:
    tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
    grammar = pytest.importorskip("tree_sitter_powershell", reason="its PowerShell grammar is not installed")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    script = files(TEAM, remediation_key=consent)[name]
    assert not parser.parse(script).root_node.has_error
    assert parser.parse(script.replace(b"try {", b"try ", 1)).root_node.has_error


@pytest.mark.parametrize("consent", [False, True])
@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.covers("T6")
def test_scripts_are_ascii_without_a_mark_and_hold_one_base64_literal(name: str, consent: bool) -> None:
    script = files(TEAM, remediation_key=consent)[name]
    assert script.isascii()
    assert b"\r" not in script
    [literal] = re.findall(rb"[A-Za-z0-9+/=]{60,}", script)
    assert re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", literal)
    assert script.count(b"FromBase64String") == 1
    assert len(script) < powershell.SIZE_MAX


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.covers("T2")
def test_scripts_say_that_they_never_ran_and_keep_to_64_bit_and_quiet_errors(name: str) -> None:
    script = files(TEAM)[name].decode()
    assert "never run there" in " ".join(script.replace("#", " ").split())
    assert "Set-StrictMode -Version Latest" in script
    assert "$ErrorActionPreference = 'Stop'" in script
    assert r"Sysnative\WindowsPowerShell" in script
    assert "RegistryView]::Registry64" in script
    assert script.rstrip().endswith("exit $code")
    # An error's message could quote a line with the literal in it; only its type is told.
    assert re.findall(r"\$_\.Exception\.\w+\(?\)?\.?\w*", script) == ["$_.Exception.GetType().Name"]
    assert not re.search(
        r"Get-Date|Invoke-Expression|\biex\b|Invoke-WebRequest|Start-Process|Add-Type", script
    )


@pytest.mark.covers("T2", "T3")
def test_the_looking_script_holds_digests_and_no_setting() -> None:
    for consent in (False, True):
        data = script_data(files(TEAM, remediation_key=consent)["detect.ps1"])
        for value in data["values"]:
            assert value.keys() == {"product", "key", "name", "sha256"}
            assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in value["sha256"])
        assert FAKE_KEY not in str(data)
        assert TEAM.base_url not in str(data)


def test_a_script_without_its_literal_or_too_long_is_our_bug() -> None:
    with pytest.raises(ArtifactError, match="one literal"):
        powershell.read_script(b"exit 0")
    with pytest.raises(ArtifactError, match="200000 bytes"):
        powershell.script_bytes(TEMPLATES, "windows/detect.ps1.j2", {"x": "y" * 200_000})


# A twin of the device: what the scripts do to a registry, with the scripts' own patterns


def patterns() -> dict[str, str]:
    script = files(TEAM)["detect.ps1"].decode()
    token, user, rev = (
        re.findall(pattern, script)
        for pattern in (
            r"Find-First \$settings '(\"ANTHROPIC_AUTH_TOKEN[^']+)'",
            r"Find-First \$text '([^']+user[^']+)'",
            r"Find-First \$text '([^']+rev[^']+)'",
        )
    )
    return {"token": token[0], "user": user[0], "rev": rev[0]}


def first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


def seen(data: Any, device: Values, who: str) -> dict[tuple[str, str], str]:
    """Return each value's state as detect.ps1's Get-State finds it."""
    known = patterns()
    tokens = {
        first(known["token"], device.get(SETTINGS, "")),
        device.get((HEADER[0], "inferenceGatewayApiKey"), ""),
    } - {""}
    states: dict[tuple[str, str], str] = {}
    for value in data["values"]:
        place = (value["key"], value["name"])
        if (text := device.get(place)) is None:
            states[place] = "none"
            continue
        for token in tokens:
            text = text.replace(token, "key:" + fingerprint(token))
        user, slot = first(known["user"], text), data["person"]["slot"]
        if slot and user:
            text = text.replace(user, slot)
        if digest.sha256(text.encode()) not in value["sha256"]:
            states[place] = "diff"
        else:
            states[place] = "old" if slot and user and user != who else "ok"
    return states


def by_profile(of: Delivery) -> Values:
    """Return the registry of a device that has the custom profile."""
    reg = registry.read_reg(files(of)[f"AIGateway-{of.assignment}.reg"])
    return {(value.key, value.name): value.text for value in registry.values(reg)}


def by_script(of: Delivery, who: str) -> Values:
    """Return the registry of a device on which a script with consent has run."""
    data = script_data(files(of, remediation_key=True)["remediate.ps1"])
    slot = data["person"]["slot"]
    return {
        (value["key"], value["name"]): value["text"].replace(slot, who) if slot else value["text"]
        for value in data["values"]
    }


def states(of: Delivery, device: Values, who: str = PERSON, *, consent: bool = False) -> set[str]:
    data = script_data(files(of, remediation_key=consent)["detect.ps1"])
    return set(seen(data, device, who).values())


@pytest.mark.covers("T23", "T25")
def test_the_profiles_values_are_right_to_the_pair_without_consent() -> None:
    assert states(TEAM_WITH_DOMAIN, by_profile(TEAM_WITH_DOMAIN)) == {"ok"}
    own = delivery(assignment="engineering-prod-alice-0a1b2c", user=PERSON)
    assert states(own, by_profile(own)) == {"ok"}


@pytest.mark.parametrize("who", [PERSON, "device:C02XK1-7"])
@pytest.mark.covers("S175", "T25")
def test_the_scripts_values_are_right_to_the_pair_with_consent(who: str) -> None:
    device = by_script(TEAM_WITH_DOMAIN, who)
    assert states(TEAM_WITH_DOMAIN, device, who, consent=True) == {"ok"}
    assert remediation.SLOT not in str(device)
    assert device[SETTINGS].count(who) == device[HEADER].count(who) == 2


@pytest.mark.covers("T23", "T24")
def test_the_profiles_header_is_wrong_to_the_pair_with_consent() -> None:
    data = script_data(files(TEAM, remediation_key=True)["detect.ps1"])
    assert {place for place, state in seen(data, by_profile(TEAM), PERSON).items() if state != "ok"} == {
        HEADER,
        SETTINGS,
    }


@pytest.mark.covers("S175", "T25")
def test_without_consent_the_pair_fills_a_left_out_header_and_nothing_else() -> None:
    data = script_data(files(TEAM_WITH_DOMAIN)["remediate.ps1"])
    [value] = data["values"]
    assert (value["key"], value["name"], data["owner"]) == (*HEADER, False)
    device = by_profile(TEAM_WITH_DOMAIN)
    del device[HEADER]
    assert states(TEAM_WITH_DOMAIN, device) == {"ok", "none"}
    device[HEADER] = value["text"].replace(data["person"]["slot"], PERSON)
    assert states(TEAM_WITH_DOMAIN, device) == {"ok"}
    assert states(TEAM_WITH_DOMAIN, device, "bob@acme.com") == {"ok", "old"}
    own = delivery(assignment="engineering-prod-alice-0a1b2c", user=PERSON)
    assert script_data(files(own)["remediate.ps1"])["values"] == []


@pytest.mark.covers("T19", "T20", "T21")
def test_a_changed_value_another_key_and_an_old_revision_are_seen() -> None:
    good = by_profile(TEAM)
    changed = good | {(HEADER[0], "inferenceGatewayBaseUrl"): "https://evil.example"}
    other_key = {place: text.replace(FAKE_KEY, "pk-other") for place, text in good.items()}
    older = by_profile(delivery(revision=2))
    for device in (changed, other_key, older, dict.fromkeys(good, "")):
        assert "diff" in states(TEAM, device)
    assert first(patterns()["rev"], older[SETTINGS]) == first(patterns()["rev"], older[HEADER]) == "2"
    assert states(TEAM, {}) == {"none"}


@pytest.mark.covers("T23")
def test_the_scripts_look_where_the_tool_writes() -> None:
    script = files(TEAM)["detect.ps1"].decode()
    assert f"$Desktop = '{registry.KEYS['claude-desktop']}'" in script
    assert f"Read-Text '{registry.KEYS['claude-code']}' '{registry.SETTINGS}'" in script
    assert f"$HeaderName = '{remediation.HEADERS}'" in script
    written = claude_desktop.settings(TEAM, None)
    assert {remediation.HEADERS, "inferenceGatewayApiKey", "inferenceProvider"} <= written.keys()
    assert "'provision/key-fingerprint' + [char]0 + $Token" in script


@pytest.mark.covers("S175", "T25")
def test_a_person_is_taken_from_a_plain_address_of_the_organisation_only() -> None:
    script = files(TEAM_WITH_DOMAIN)["remediate.ps1"].decode()
    [pattern] = re.findall(r"Match\(\$Address, '(.+)'\)", script)
    address = re.compile(pattern.replace(r"\z", r"\Z"))
    assert address.match(PERSON)
    for bad in [
        'a"b@acme.com',
        "a@acme.com\n",
        "$x@acme.com",
        "a b@acme.com",
        "@acme.com",
        "é@acme.com",
        "A@acme.com",
    ]:
        assert not address.match(bad), bad
    person = script_data(files(TEAM_WITH_DOMAIN)["remediate.ps1"])["person"]
    assert person["domains"] == ["acme.com"]
    assert person["placeholders"] == ["autopilot@", "foouser@", "package_"]
    assert script_data(files(TEAM)["remediate.ps1"])["person"]["domains"] == []


def test_the_probe_line_is_short_and_ascii() -> None:
    script = files(TEAM)["detect.ps1"].decode()
    [line] = re.findall(r"'(AIGW1 st=\{0\}[^']*)'", script)
    longest = line.format(
        "UNRESOLVED", "a" * 97 + "-" + "b" * 31, "9" * 9, "hklm", "hklm", "device", "3f9c", 999, "yes"
    )
    assert len(longest) <= 250
    assert line.startswith("AIGW1 st={0} a={1} r={2} cc={3} cd={4} u={5} k={6}")

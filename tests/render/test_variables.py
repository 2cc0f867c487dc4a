"""The lint for variables: none but ours may be replaced on the way to a Mac."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import ArtifactError
from provisioner.render import claude_desktop, macos, variables
from provisioner.render.variables import Substituting
from tests.render.samples import (
    PERSON,
    TEAM,
    code_headers,
    delivery,
    desktop_headers,
    forced,
    hardened,
    written,
)

# As the vendors list them (facts/mdm.md 2).
JAMF = (
    "$MANAGEMENTID $COMPUTERNAME $SITENAME $SITEID $UDID $SERIALNUMBER $USERNAME $FULLNAME $REALNAME $EMAIL"
    " $PHONE $POSITION $DEPARTMENTNAME $DEPARTMENTID $BUILDINGNAME $BUILDINGID $ROOM $MACADDRESS $JSSID"
    " $PROFILEJSSID $EXTENSIONATTRIBUTE_12"
)
KANDJI = (
    "$SERIAL_NUMBER $DEVICE_NAME $ASSET_TAG $UDID $PROFILE_UUID $EMAIL $EMAIL_PREFIX $FULL_NAME $USERNAME"
    " $USERNAME_PREFIX $DEPARTMENT $JOB_TITLE $DEVICE_ID $BLUEPRINT_NAME $BLUEPRINT_ID $MODEL_NAME"
    " $MODEL_IDENTIFIER"
)
INTUNE = "{{mail}} {{serialnumber}} {{Anything}} {{ }}"
LISTS: dict[Substituting, str] = {"jamf": JAMF, "kandji": KANDJI, "intune": INTUNE}
NAMES = [(mdm, name) for mdm, names in LISTS.items() for name in names.split()]
MDMS: list[Substituting] = ["jamf", "kandji", "intune"]


@pytest.mark.parametrize(("mdm", "name"), NAMES)
@pytest.mark.covers("T25")
def test_every_variable_is_found_anywhere_in_a_text(mdm: Substituting, name: str) -> None:
    with pytest.raises(ArtifactError) as refused:
        variables.refuse({"hooks": [{"command": f"echo x{name}x"}]}, mdm)
    assert str(refused.value).endswith("at hooks[0]: command")
    assert name[:2] in str(refused.value)


@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.covers("T25")
def test_keys_are_searched_too(mdm: Substituting) -> None:
    with pytest.raises(ArtifactError, match="at env: "):
        variables.refuse({"env": {variables.ADDRESS[mdm]: "1"}}, mdm)


@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.parametrize("text", ["${USERNAME}", "$HOME", "$email", "5 $", "{ {mail} }", "{", "}", "%EMAIL%"])
def test_other_text_passes(mdm: Substituting, text: str) -> None:
    variables.refuse({"a": [text, 1, True, TEAM.key]}, mdm)


@pytest.mark.covers("T25")
def test_an_mdm_is_asked_about_its_own_variables_only() -> None:
    variables.refuse({"a": "$SERIAL_NUMBER {{mail}}"}, "jamf")
    variables.refuse({"a": "$SERIALNUMBER"}, "kandji")
    variables.refuse({"a": "$EMAIL"}, "intune")


@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.parametrize("product", ["claude_code", "claude_desktop"])
@pytest.mark.covers("T25")
def test_a_profile_with_a_stray_variable_is_not_rendered(mdm: Substituting, product: str) -> None:
    stray = hardened(**{product: {"statusNote": f"hello {variables.ADDRESS[mdm]}"}})
    with pytest.raises(ArtifactError, match=r"at com\.anthropic\.claude(code|fordesktop): statusNote"):
        macos.artifacts(stray, mdm)


@pytest.mark.parametrize(("mdm", "user"), [("jamf", "$EMAIL@acme.com"), ("intune", "a{{b@acme.com")])
@pytest.mark.covers("T25")
def test_an_address_can_not_be_a_variable(mdm: Substituting, user: str) -> None:
    with pytest.raises(ArtifactError, match="of its own"):
        macos.artifacts(delivery(user=user), mdm)


@pytest.mark.parametrize(
    "value",
    [{"a": {"b": {}}}, [{"a": {"b": "c"}}], {"a": [{}, {"b": {"c": [{}]}}]}, {"b": {"a": 1}, "a": {}}],
    ids=json.dumps,
)
@pytest.mark.covers("T25")
def test_nested_tables_as_text_never_bring_two_braces_together(value: object) -> None:
    text = claude_desktop.encoded({"x": value})["x"]  # type: ignore[dict-item]  # a tree, as the cases show
    assert isinstance(text, str)
    assert "{{" not in text
    assert "}}" not in text
    assert json.loads(text) == value


@pytest.mark.covers("T25")
def test_nested_hardening_passes_intunes_lint_and_its_token_is_the_only_one() -> None:
    nested = hardened(claude_desktop={"managedMcpServers": [{"name": "x", "headers": {"a": {"b": "c"}}}]})
    text = written(macos.artifacts(nested, "intune")[0]).decode()
    assert text.count("{{") == text.count("}}") == text.count("{{mail}}") == 4  # two fields in two products


@pytest.mark.parametrize("mdm", MDMS)
@pytest.mark.parametrize("address", [PERSON, "o.brien+ai_test-1@sub.acme.com"])
@pytest.mark.covers("T25", "S172", "S187")
def test_after_the_mdm_put_the_address_in_both_products_send_it(mdm: Substituting, address: str) -> None:
    artifact = macos.artifacts(TEAM, mdm)[0]
    on_device = forced(
        artifact.read(written(artifact).replace(variables.ADDRESS[mdm].encode(), address.encode()))
    )
    code = code_headers(on_device["com.anthropic.claudecode"])
    desktop = desktop_headers(on_device["com.anthropic.claudefordesktop"])
    assert code == desktop
    labels = json.loads(dict(code)["x-portkey-metadata"])
    assert labels["user"] == labels["_user"] == address

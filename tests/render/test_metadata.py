"""The metadata header: its order, its person, and what it refuses to carry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import ArtifactError
from provisioner.render import metadata
from tests.render.samples import PERSON, TEAM, delivery


@pytest.mark.covers("S120", "S173", "S174", "S175", "S176", "S177", "C9")
def test_documented_fields_come_first_then_the_analytics_user_and_the_revision() -> None:
    assert metadata.header_value(TEAM, PERSON) == (
        '{"tenant":"acme","user":"alice@acme.com","team":"engineering","env":"prod"'
        ',"_user":"alice@acme.com","rev":"3"}'
    )


def test_without_a_person_neither_user_field_is_there() -> None:
    assert (
        metadata.header_value(TEAM, None) == '{"tenant":"acme","team":"engineering","env":"prod","rev":"3"}'
    )


def test_extra_fields_come_last_in_their_order() -> None:
    labels = delivery(extra_metadata=(("site", "berlin"), ("cost_center", "CC 12")))
    assert metadata.header_value(labels, None).endswith('"rev":"3","site":"berlin","cost_center":"CC 12"}')


@pytest.mark.parametrize("user", [None, "$EMAIL", "someone@else.com"])
def test_the_address_of_a_person_assignment_goes_before_any_other(user: str | None) -> None:
    labels = json.loads(metadata.header_value(delivery(user=PERSON), user))
    assert (labels["user"], labels["_user"]) == (PERSON, PERSON)


@pytest.mark.parametrize("user", ["$EMAIL", "{{mail}}"])
@pytest.mark.covers("S187")
def test_an_mdm_variable_stands_there_untouched(user: str) -> None:
    assert f'"user":"{user}"' in metadata.header_value(TEAM, user)


@pytest.mark.parametrize(
    "value", ["", "a\nb", "a\r\nx-portkey-config: pc-admin", "é", "x" * 129, "\x7f", "\u2028"]
)
@pytest.mark.parametrize("field", ["tenant", "team", "env", "user"])
@pytest.mark.covers("T4")
def test_values_that_do_not_fit_a_header_are_refused(field: str, value: str) -> None:
    with pytest.raises(ArtifactError, match=f"{field} is not 1 to 128 printable ASCII"):
        metadata.header_value(delivery(**{field: value}), None)


@pytest.mark.parametrize("name", ["tenant", "user", "_user", "rev", "", "a\nb", "é"])
def test_extra_names_can_not_replace_a_field_or_break_the_header(name: str) -> None:
    with pytest.raises(ArtifactError, match="name taken or not printable"):
        metadata.header_value(delivery(user=PERSON, extra_metadata=((name, "x"),)), None)


@settings(deadline=None)  # machines that run tests are shared
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128))
@pytest.mark.covers("T4")
def test_any_printable_value_stays_one_line_of_ascii_json(value: str) -> None:
    header = metadata.header_value(delivery(team=value), value)
    assert header.isascii()
    assert header.isprintable()
    assert json.loads(header)["team"] == json.loads(header)["user"] == value

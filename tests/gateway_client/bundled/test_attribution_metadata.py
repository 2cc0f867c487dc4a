"""Whose metadata counts, and how the log keeps it (facts/portkey.md 9.4)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_client.bundled.data_plane import metadata


@pytest.mark.parametrize(
    "value", [None, "", "{'_user': 'x'}", "[1]", "7", "nonsense", '{"a":"\\ud800"}', '{"a":', "[" * 100_000]
)
def test_what_is_no_json_object_counts_as_nothing(value: str | None) -> None:
    assert metadata.of_header(value) == {}


def test_raw_utf8_of_older_clients_is_read() -> None:
    as_the_server_hands_it_over = '{"user":"zoë"}'.encode().decode("latin-1")
    assert metadata.of_header(as_the_server_hands_it_over) == {"user": "zoë"}
    assert metadata.of_header('{"user":"zoë"}') == {"user": "zoë"}


@pytest.mark.covers("T22")
def test_workspace_beats_key_beats_request_and_claims_are_kept_apart() -> None:
    request = {"team": "ceo", "tenant": "evil", "user": "a@b.c", "env": "prod"}
    result = metadata.merged(request, {"team": "eng", "env": "prod", "tenant": "key"}, {"tenant": "acme"})
    assert result == {"team": "eng", "tenant": "acme", "user": "a@b.c", "env": "prod"}
    assert metadata.contradicted(request, result) == {"team": "ceo", "tenant": "evil"}


def test_the_log_keeps_bounded_text() -> None:
    kept = metadata.logged({"k" * 200: "v" * 200, "n": 1.5, "t": True, "z": 0, "e": "", "o": {"a": [1]}})
    assert kept == {"k" * 128: "v" * 128, "n": "1.5", "t": "true", "z": None, "e": None, "o": '{"a": [1]}'}


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=200)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=200), scalars | st.lists(scalars), max_size=5))
def test_any_object_in_the_header_can_be_logged(values: dict[str, object]) -> None:
    read = metadata.of_header(json.dumps(values))
    assert read == values
    kept = metadata.logged(read)
    assert all(len(name) <= 128 and len(value or "") <= 128 for name, value in kept.items())

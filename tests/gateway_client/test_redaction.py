"""A quoted credential is recognised in every spelling, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_client.redaction import redacted

CREDENTIALS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16, max_size=64)


@pytest.mark.covers("T2")
@given(CREDENTIALS, st.sampled_from(["", "a", "ab", "Bearer "]))
def test_each_spelling_is_hidden(credential: str, before: str) -> None:
    data = credential.encode()
    spelt = [
        credential,
        json.dumps(credential)[1:-1],
        json.dumps(json.dumps(credential)[1:-1])[1:-1],
        repr(credential)[1:-1],
        "".join(f"\\u{byte:04x}" for byte in data),
        quote(credential, safe=""),
        quote(quote(credential, safe=""), safe=""),
        "".join(f"%{byte:02x}" for byte in data),
        html.escape(credential),
        "".join(f"&#{byte};" for byte in data),
        data.hex(),
        data.hex().upper(),
    ]
    for text in spelt:
        assert redacted(f"key {text}, again {text}", credential) == "key ***, again ***"
    for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes):
        text = encode(before.encode() + data).decode()
        hidden = redacted(text, credential)
        assert "***" in hidden
        assert len(hidden) <= len("***") + 4 * (len(before) // 3 + 1) + 4


@pytest.mark.covers("T2")
@given(st.text(max_size=200), st.text(st.sampled_from("kK1+"), min_size=1, max_size=40))
def test_other_text_stays(text: str, credential: str) -> None:
    assert redacted(text, "") == text
    if not set(text) & set("kK1+%&\\46bB"):
        assert redacted(text, credential) == text


def test_a_short_credential_hides_itself_only() -> None:
    assert redacted("a key of x", "x") == "a key of ***"
    assert redacted("some words", "x") == "some words"

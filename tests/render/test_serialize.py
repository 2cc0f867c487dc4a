"""Bytes and back: nothing may come back changed, and what would is refused."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import ArtifactError
from provisioner.render import serialize

FORMATS = {
    "json": (serialize.json_bytes, serialize.read_json),
    "one line": (serialize.json_one_line, serialize.read_json),
    "plist": (serialize.plist_bytes, serialize.read_plist),
}
Format = tuple[Callable[[Any], bytes], Callable[[bytes], Any]]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())

# What every format can hold, by XML 1.0's definition of a character, less the carriage return.
writable = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n"
    )
)
trees = st.recursive(
    writable | st.booleans() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(writable, inner, max_size=4),
    max_leaves=12,
)


@every_format
@settings(deadline=None)  # machines that run tests are shared
@given(tree=trees)
@pytest.mark.covers("T5")
def test_every_tree_reads_back_as_it_was(form: Format, tree: Any) -> None:
    write, read = form
    assert read(write(tree)) == tree
    assert json.dumps(read(write(tree)), sort_keys=True) == json.dumps(tree, sort_keys=True)  # True is not 1


@every_format
@pytest.mark.parametrize(
    "value",
    ["\x00", "a\x01b", "\x1f", "\r", "a\r\nb", "\ufffe", "\uffff", "\ud800", 2**63, -(2**63) - 1,
     None, 1.5, b"x", ("a",)],
    ids=repr,
)  # fmt: skip
@pytest.mark.covers("T5")
def test_values_that_some_reader_would_change_are_refused_with_their_place(form: Format, value: Any) -> None:
    write, _ = form
    with pytest.raises(ArtifactError, match=r"at env\.A\[1\] \("):
        write({"env": {"A": ["fine", value]}})


@every_format
@pytest.mark.parametrize("name", ["\x00", "\ud800", 1, None], ids=repr)
def test_keys_are_held_to_the_same(form: Format, name: Any) -> None:
    write, _ = form
    with pytest.raises(ArtifactError, match="a key that no file can hold in env"):
        write({"env": {name: "x"}})


@every_format
@pytest.mark.covers("T2")
def test_a_refusal_does_not_tell_the_value(form: Format) -> None:
    write, _ = form
    with pytest.raises(ArtifactError) as refused:
        write({"ANTHROPIC_AUTH_TOKEN": "pk-canary\x00"})
    assert "pk-canary" not in str(refused.value)


@every_format
def test_key_order_does_not_reach_the_bytes(form: Format) -> None:
    write, _ = form
    assert write({"a": {"c": 1, "d": 2}, "b": True}) == write({"b": True, "a": {"d": 2, "c": 1}})


def test_json_is_ascii_on_lines_and_ends_with_a_newline() -> None:
    assert serialize.json_bytes({"a": "é日"}) == b'{\n  "a": "\\u00e9\\u65e5"\n}\n'


def test_one_line_json_is_one_line() -> None:
    assert serialize.json_one_line({"b": "x\ny", "a": [1, True]}) == b'{"a":[1,true],"b":"x\\ny"}'


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"a":1,}', b"// c\n{}", b'{"a":1,"a":2}', b"null", b'{"a":1.5}', b"NaN", b'"\\ud800"',
     b"\xff", b"[" * 100_000],
    ids=lambda data: repr(data[:16]),
)  # fmt: skip
@pytest.mark.covers("T5")
def test_json_that_no_writer_of_ours_made_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        serialize.read_json(data)


def plist(inside: str) -> bytes:
    return f'<?xml version="1.0"?><plist version="1.0">{inside}</plist>'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        plist(""),
        plist("<dict><key>a</key></dict>"),
        plist("<dict><string>a</string></dict>"),
        plist("<dict><key>a</key><string>1</string><key>a</key><string>2</string></dict>"),
        plist("<real>1.5</real>"),
        plist("<data>AAAA</data>"),
        plist("<date>2026-11-20T00:00:00Z</date>"),
        plist("<date>soon</date>"),
        plist("<integer>many</integer>"),
        plist(f"<integer>{2**63}</integer>"),
        b'<!DOCTYPE plist [<!ENTITY x "y">]><plist version="1.0"><string>&x;</string></plist>',
        plistlib.dumps({"a": "b"}, fmt=plistlib.FMT_BINARY),
    ],
    ids=lambda data: repr(data[-40:]),
)
@pytest.mark.covers("T5")
def test_property_lists_that_no_writer_of_ours_made_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        serialize.read_plist(data)

"""Names: an allow-list out of whatever people write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import digest, naming


@pytest.mark.covers("S156", "S168", "T13", "T14")
@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Data & ML", "data-ml"),
        ("  Platform   Engineering ", "platform-engineering"),
        ("Zürich", "zurich"),
        ("Økonomi", "okonomi"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("R&D/AI", "r-d-ai"),
        ("../../etc/cron.d/x", "etc-cron-d-x"),
        ("a" * 48, "a" * 48),
        ("a" * 49, None),
        ("", None),
        ("---", None),
        ("CON", None),
        ("Lpt1", None),
        ("Продажи", None),
        ("営業", None),
    ],
)
def test_slugs(written: str, slug: str | None) -> None:
    assert naming.slug(written) == slug


@pytest.mark.covers("T4", "T13")
@given(st.text())
def test_a_slug_is_always_of_the_allow_list(text: str) -> None:
    slug = naming.slug(text)
    assert slug is None or re.fullmatch(r"[a-z0-9][a-z0-9-]{0,47}", slug)
    assert slug is None or naming.slug(slug) == slug


@pytest.mark.covers("S156", "S168")
def test_names_of_the_admin_guide() -> None:
    assert naming.config_name("eng", "prod") == "desktop-eng-prod"
    assert naming.key_name(naming.assignment_name("eng", "prod")) == "claude-desktop-eng-prod"


def test_two_people_of_one_local_part_are_kept_apart() -> None:
    one, two = (naming.person_suffix(f"dev@{d}") for d in ("acme.com", "acme.co.uk"))
    assert one != two
    assert re.fullmatch(r"dev-[0-9a-f]{6}", one)
    assert naming.person_suffix("DEV@acme.com") == one


@given(st.text())
def test_shown_text_is_safe_on_a_terminal(text: str) -> None:
    shown = naming.shown(text)
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", '"plain"'),
        ('quo"te', '"quo\\"te"'),
        ("\x1b[31mred\x07", '"\\x1b[31mred\\x07"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("x" * 100, '"' + "x" * 80 + '"...'),
    ],
)
def test_shown(value: str, shown: str) -> None:
    assert naming.shown(value) == shown


def test_canonical_json_is_one_form() -> None:
    assert digest.canonical({"b": 1, "a": ["ü", True, None]}) == b'{"a":["\\u00fc",true,null],"b":1}'
    assert digest.of({"a": 1, "b": 2}) == digest.of({"b": 2, "a": 1})
    assert digest.of({"a": 1}) != digest.of({"a": "1"})


@pytest.mark.covers("T33")
def test_stable_ids_keep_parts_apart() -> None:
    assert digest.stable_uuid("a", "b") == digest.stable_uuid("a", "b")
    assert digest.stable_uuid("a", "b") != digest.stable_uuid("ab")
    assert digest.stable_uuid("a,b") != digest.stable_uuid("a", "b")
    assert re.fullmatch(
        r"[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}", digest.stable_uuid("x")
    )

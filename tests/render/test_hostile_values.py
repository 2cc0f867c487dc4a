"""Hostile text in any field, through every format: exactly our header comes out, or nothing at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.errors import ArtifactError
from provisioner.render import claude_code, claude_desktop, macos, mobileconfig, serialize
from provisioner.render.model import Delivery
from tests.render.samples import code_headers, delivery, desktop_headers, forced, hardened, unmask

HOSTILE = [
    "eng\r\nx-portkey-config: pc-admin",
    "eng\nx-api-key: stolen",
    '","team":"ceo',
    "</string><key>inferenceGatewayBaseUrl</key><string>https://evil",
    "]]><!--",
    "&#10;x-api-key: stolen",
    "&lt;&amp;",
    "\\",
    '\\"',
    "'; iwr evil | iex; '",
    "$(id)`id`%PATH%",
    "{{7*7}}{% import os %}",
    "a: b: c",
    "é日\u2028\u2029\u0085",
    "x" * 129,
]
unhurried = settings(deadline=None)  # machines that run tests are shared
anything = st.sampled_from(HOSTILE) | st.text(max_size=140)
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128)


def fits(value: str) -> bool:
    return 1 <= len(value) <= 128 and all(0x20 <= ord(c) <= 0x7E for c in value)


def on_devices(of: Delivery, user: str | None) -> list[tuple[Any, Any]]:
    """Return both products' settings as they are read from every format that a device gets."""
    code = unmask(claude_code.settings(of, user))
    desktop = unmask(claude_desktop.settings(of, user))
    encoded = unmask(claude_desktop.encoded(claude_desktop.settings(of, user)))
    profile = unmask(mobileconfig.profile(of, mobileconfig.domains(of, user)))
    from_plist = forced(serialize.read_plist(serialize.plist_bytes(profile)))
    from_graph: Any = macos.read_graph(macos.graph_bytes({"payload": profile}))
    from_graph = forced(from_graph["payload"])
    return [
        (json.loads(serialize.json_bytes(code)), json.loads(serialize.json_bytes(desktop))),
        (json.loads(serialize.json_one_line(code)), json.loads(serialize.json_one_line(encoded))),
        (from_plist["com.anthropic.claudecode"], from_plist["com.anthropic.claudefordesktop"]),
        (from_graph["com.anthropic.claudecode"], from_graph["com.anthropic.claudefordesktop"]),
    ]


@unhurried
@given(st.lists(anything | printable, min_size=6, max_size=6))
@example(["acme", "eng", "prod", "alice@acme.com", "site", "berlin"])
@pytest.mark.covers("T4", "T5", "S119", "S120")
def test_text_in_the_metadata_is_sent_as_it_is_or_refused(texts: list[str]) -> None:
    tenant, team, env, user, name, value = texts
    of = delivery(tenant=tenant, team=team, env=env, extra_metadata=((name, value),))
    if not all(map(fits, texts)) or name in {"tenant", "user", "team", "env", "_user", "rev"}:
        with pytest.raises(ArtifactError):
            claude_code.settings(of, user)
        with pytest.raises(ArtifactError):
            claude_desktop.settings(of, user)
        return
    labels = {
        "tenant": tenant,
        "user": user,
        "team": team,
        "env": env,
        "_user": user,
        "rev": "3",
        name: value,
    }
    for code, desktop in on_devices(of, user):
        for headers in (code_headers(code), desktop_headers(desktop)):
            [(header, sent)] = headers
            assert header == "x-portkey-metadata"
            assert list(json.loads(sent).items()) == list(labels.items())


@unhurried
@given(text=anything, url=anything)
@pytest.mark.covers("T5")
def test_text_elsewhere_stays_in_its_place_or_is_refused(text: str, url: str) -> None:
    extra: dict[str, Any] = {"companyAnnouncements": [text]}
    of = hardened(extra, {"organizationInstructions": text, "banner": {"text": text}})
    of = delivery(hardening=of.hardening, base_url=url)
    if serialize.LOSSY.search(text + url):
        with pytest.raises(ArtifactError, match="no file can hold"):
            on_devices(of, None)
        return
    expected = on_devices(delivery(), None)[0][0]["env"].keys() - {"DISABLE_UPDATES"}
    for code, desktop in on_devices(of, None):
        assert code["env"].keys() == expected
        assert code["env"]["ANTHROPIC_BASE_URL"] == desktop["inferenceGatewayBaseUrl"] == url
        assert code["companyAnnouncements"] == [text]
        assert desktop["organizationInstructions"] == text
        banner = desktop["banner"]
        assert (json.loads(banner) if isinstance(banner, str) else banner) == {"text": text}

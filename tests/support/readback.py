"""Reads artifacts back as a device, a console or a browser does, with no code of the tool."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from tests.render.test_windows_hostile import from_graph, from_reg, from_script
from tests.support.pilot import Ran


def plist(data: bytes) -> Any:
    """Read an XML property list with nothing but an XML parser; keys may not stand twice."""
    root = ElementTree.fromstring(data)
    assert root.tag == "plist"
    assert len(root) == 1
    return _plist_value(root[0])


def _plist_value(element: ElementTree.Element) -> Any:
    match element.tag:
        case "dict":
            names = [child.text or "" for child in element[::2]]
            assert {child.tag for child in element[::2]} <= {"key"}
            assert len(names) == len(set(names))
            return dict(zip(names, map(_plist_value, element[1::2]), strict=True))
        case "array":
            return [_plist_value(child) for child in element]
        case "string":
            assert len(element) == 0
            return element.text or ""
        case "integer":
            return int(element.text or "")
        case "true" | "false":
            return element.tag == "true"
    raise AssertionError(f"a property list with {element.tag}")


def strict_json(data: bytes | str) -> Any:
    """Read JSON in which no name stands twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)

    return json.loads(data, object_pairs_hook=unique)


def forced(profile: Any) -> tuple[Any, Any]:
    """Return both products' settings in a profile, as the Mac takes them."""
    domains: dict[str, Any] = {}
    for payload in profile["PayloadContent"]:
        for domain, preferences in payload["PayloadContent"].items():
            assert domain not in domains
            [one] = preferences["Forced"]
            domains[domain] = one["mcx_preference_settings"]
    return domains["com.anthropic.claudecode"], domains["com.anthropic.claudefordesktop"]


def registry(values: Mapping[tuple[str, str], str]) -> tuple[Any, Any]:
    """Return both products' settings in registry values, as Windows takes them."""
    code = values[r"SOFTWARE\Policies\ClaudeCode", "Settings"]
    assert code.isascii()
    assert code.isprintable()
    desktop = {name: text for (key, name), text in values.items() if key == r"SOFTWARE\Policies\Claude"}
    assert len(desktop) + 1 == len(values)
    return strict_json(code), desktop


def oma_values(files: Mapping[str, bytes], folder: str) -> dict[tuple[str, str], str]:
    """Return what the rows of `oma-uri.csv` set, each read out of its own file."""
    values: dict[tuple[str, str], str] = {}
    for row in csv.DictReader(io.StringIO(files[f"{folder}/oma-uri.csv"].decode(), newline="")):
        text = files[f"{folder}/{row['Value file']}"].decode("ascii")
        if "/ADMXInstall/" in row["OMA-URI"]:
            continue
        enabled, data = ElementTree.fromstring(f"<x>{text}</x>")
        assert (enabled.tag, data.tag, set(data.attrib)) == ("enabled", "data", {"id", "value"})
        code = row["OMA-URI"].endswith("/ManagedSettings")
        key = r"SOFTWARE\Policies\ClaudeCode" if code else r"SOFTWARE\Policies\Claude"
        values[key, "Settings" if code else row["OMA-URI"].rsplit("/", 1)[1]] = data.get("value", "")
    return values


def on_devices(files: Mapping[str, bytes], assignment: str) -> dict[str, tuple[Any, Any]]:
    """Return both products' settings, by the way on which they reach a device."""
    name, windows = f"AIGateway-{assignment}", f"{assignment}/intune/windows"
    graph = strict_json(files[f"{assignment}/intune/macos/graph-macOSCustomConfiguration.json"])
    domains = (f"{assignment}/jamf/plist/com.anthropic.claude{x}.plist" for x in ("code", "fordesktop"))
    remediation = strict_json(files[f"{windows}/graph-deviceHealthScript.json"])
    code, desktop = (plist(files[path]) for path in domains)
    return {
        "files": (
            strict_json(files[f"{assignment}/files/managed-settings.json"]),
            strict_json(files[f"{assignment}/files/claude-desktop.managed-settings.json"]),
        ),
        "jamf": forced(plist(files[f"{assignment}/jamf/{name}.mobileconfig"])),
        "jamf, by domain": (code, desktop),
        "kandji": forced(plist(files[f"{assignment}/kandji/{name}.mobileconfig"])),
        "intune, mac": forced(plist(files[f"{assignment}/intune/macos/{name}.mobileconfig"])),
        "intune, mac, graph": forced(plist(base64.b64decode(graph["payload"], validate=True))),
        "reg": registry(from_reg(files[f"{windows}/{name}.reg"])),
        "oma-uri": registry(oma_values(files, windows)),
        "oma-uri, graph": registry(from_graph(files[f"{windows}/graph-windows10CustomConfiguration.json"])),
        "script": registry(from_script(files[f"{windows}/remediate.ps1"])),
        "script, graph": registry(
            from_script(base64.b64decode(remediation["remediationScriptContent"], validate=True))
        ),
    }


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


class Page(HTMLParser):
    """What a browser sees of a page: elements with their attributes, and text."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.feed(data.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment in a page: {data}")

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _attributes in self.elements]

    def check(self) -> None:
        """Nothing that loads, runs or leads away, but for the page's own script and style."""
        assert self.tags.count("script") <= 1
        assert self.tags.count("style") == 1
        assert not {"iframe", "object", "embed", "form", "base", "img", "link", "svg"} & set(self.tags)
        for tag, attributes in self.elements:
            for name, value in attributes:
                assert not name.startswith("on"), (tag, name)
                assert name not in ("src", "srcdoc", "style", "action", "formaction"), (tag, name)
                assert name != "href" or (value or "").startswith("#"), (tag, value)
        policies = [
            dict(a)["content"] for _, a in self.elements if ("http-equiv", "Content-Security-Policy") in a
        ]
        assert [(policy or "").split(";")[0] for policy in policies] == ["default-src 'none'"]


def check_terminal(text: str) -> None:
    """Nothing in it moves a cursor, turns text around or hides."""
    assert "".join(text.split("\n")).isprintable(), ascii(text)


def check_run(ran: Ran) -> None:
    for text in (ran.out, ran.err):
        check_terminal(text)

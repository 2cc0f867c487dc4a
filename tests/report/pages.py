"""A page as a browser's policy sees it: what runs, what loads, what the headings are."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

LOADING = {"src", "href", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href"}


@dataclass(frozen=True)
class Page:
    """A parsed page. Our templates write XML's subset of HTML, so an XML parser proves it well-formed."""

    root: Element

    def all(self, *names: str) -> list[Element]:
        return [e for e in self.root.iter() if e.tag in names]

    def texts(self, *names: str) -> list[str]:
        return [words(e) for e in self.all(*names)]

    @property
    def policy(self) -> dict[str, str]:
        metas = [m for m in self.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
        assert len(metas) == 1
        return dict(part.strip().split(" ", 1) for part in (metas[0].get("content") or "").split(";"))


def parsed(data: bytes) -> Page:
    return Page(ElementTree.fromstring(data.decode().removeprefix("<!DOCTYPE html>")))


def words(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def assert_contained(page: Page, scripts: int) -> None:
    """Assert that nothing can load, and that only the page's own style and script apply."""
    policy = page.policy
    assert policy["default-src"] == "'none'"
    assert (policy["base-uri"], policy["form-action"]) == ("'none'", "'none'")
    styles, code = page.all("style"), page.all("script")
    assert [policy["style-src"]] == [source(s.text or "") for s in styles]
    assert len(code) == scripts
    assert [policy[p] for p in policy if p == "script-src"] == [source(s.text or "") for s in code]
    assert (
        page.all("link", "img", "iframe", "object", "embed", "form", "input", "base", "svg", "audio", "video")
        == []
    )
    assert "url(" not in (styles[0].text or "")
    assert "@import" not in (styles[0].text or "")
    for element in page.root.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), f"<{element.tag} {name}>"
            assert name != "style"
            assert name not in LOADING or (element.tag == "a" and value.startswith("#")), f"{name}={value}"


def assert_readable(page: Page) -> None:
    """Assert what a screen reader and a keyboard need: language, title, headings in order, targets, names."""
    assert page.root.get("lang") == "en"
    assert page.texts("title")[0]
    levels = [int(h.tag[1]) for h in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [e.get("id") for e in page.root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert {a.get("href", "")[1:] for a in page.all("a")} <= set(ids)
    assert {e.get("aria-labelledby") for e in page.root.iter() if e.get("aria-labelledby")} <= set(ids)
    assert all(d[0].tag == "summary" for d in page.all("details"))
    for parent in page.root.iter():
        for before, button in itertools.pairwise(parent):
            if button.tag == "button":
                assert (before.tag, button.get("type")) == ("code", "button")
                assert button.get("aria-label") == f"Copy {before.text}"

"""The pages in a real Chromium: signing in, filtering by keyboard, looking at one request, cost by team."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway_client.bundled.pages.text import dollars

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
PAGES = ("/logs", "/logs/1", "/sessions/5e55-1", "/analytics", "/keys", "/configs", "/revisions", "/logs/999")
CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const parts = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (parts(color)[3] > 250) return color;
    }
    return "white";
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own && !["INPUT", "SELECT"].includes(element.tagName)) continue;
    if (!element.checkVisibility() || element.closest("svg")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(element.tagName + ": " + element.textContent.trim());
  }
  return poor;
}
"""
UNNAMED = """
() => [...document.querySelectorAll("input:not([type=hidden]),select,button,a,svg[role=img],pre,nav,section")]
  .filter((e) => !(e.labels && e.labels.length) && !e.ariaLabel && !e.textContent.trim()
    && !document.getElementById(e.getAttribute("aria-labelledby")))
  .map((e) => e.outerHTML)
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def office(start_gateway: Callable[..., Any]) -> Any:
    """A gateway in use by three keys, with a contradiction, a refusal and a limit."""
    wire = start_gateway(log_bodies=True)
    for number, (team, env) in enumerate(
        [("support", "prod"), ("support", "dev"), ("engineering", "prod")], start=1
    ):
        key = wire.mint(
            name=f"claude-desktop-{team}-{env}",
            usage_limits={"credit_limit": 5, "periodic_reset": "monthly"},
            defaults={"metadata": {"team": team, "env": env}, "config_id": wire.config()},
        )["key"]
        for turn in range(number):
            metadata = {
                "tenant": "acme",
                "user": f"{team}-{turn}@acme.com",
                "rev": str(number),
                "team": "ceo",
            }
            headers = {
                "x-portkey-metadata": json.dumps(metadata),
                "x-claude-code-session-id": f"5e55-{number}",
                "user-agent": "claude-cli/2.1.329 (external, cli)",
            }
            assert wire.ask(key, headers=headers, stream=bool(turn)).content
            wire.clock.forward(minutes=7)
    return wire


@pytest.fixture
def visit(chromium: Any, office: Any) -> Iterator[Callable[..., Any]]:
    """Open tabs that are signed in; a request to elsewhere, or an error in the console, fails the test."""
    outside: list[str] = []
    complaints: list[str] = []
    contexts = []

    def open_tab(*, signed_in: bool = True, **options: Any) -> Any:
        context = chromium.new_context(base_url=office.url, **options)
        contexts.append(context)
        tab = context.new_page()
        own = urlsplit(office.url).netloc
        tab.on(
            "request",
            lambda r: outside.append(r.url) if urlsplit(r.url).netloc not in ("", own) else None,
        )
        tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        if signed_in:
            tab.goto("/sign-in")
            tab.fill("#token", ADMIN)
            tab.press("#token", "Enter")
            tab.wait_for_url("**/logs")
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    assert outside == []
    # That a page is answered with a status of its own is no complaint about what is on it.
    assert [said for said in complaints if "responded with a status of 40" not in said] == []


@pytest.mark.covers("S37", "S103", "S178", "S179", "S189")
def test_an_admin_finds_supports_requests_opens_one_and_sees_cost_by_team(visit: Any, office: Any) -> None:
    tab = visit(signed_in=False)
    tab.goto("/logs")
    assert urlsplit(tab.url).path == "/sign-in"
    tab.fill("#token", "wrong")
    tab.click("button")
    assert "not the admin token" in tab.inner_text("[role=alert]")
    tab.fill("#token", ADMIN)
    tab.click("button")
    tab.wait_for_url("**/logs")
    assert ADMIN not in tab.url
    assert tab.locator("tbody tr").count() == 6

    tab.get_by_label("Team", exact=True).fill("support")
    tab.get_by_label("Env", exact=True).fill("prod")
    tab.get_by_role("button", name="Filter").click()
    tab.wait_for_url(re.compile(r"/logs\?last=all&team=support&env=prod$"))
    assert tab.locator("tbody tr").count() == 1
    assert "support-0@acme.com" in tab.inner_text("tbody")

    tab.locator("tbody th a").click()
    tab.wait_for_url("**/logs/1")
    assert "200 answered" in tab.inner_text("h1")
    assert "team: claimed ceo, is support" in tab.inner_text("main")
    tab.get_by_text("What was asked").click()
    assert '"content": "hi"' in tab.inner_text("pre >> nth=0")

    tab.get_by_role("link", name="Analytics").click()
    tab.wait_for_url("**/analytics")
    table = tab.locator("#by ~ table")
    shown = dict(
        zip(
            table.locator("tbody th").all_inner_texts(),
            table.locator("tbody td:nth-child(2)").all_inner_texts(),
            strict=True,
        )
    )
    spent = {"support": 0.0, "engineering": 0.0}
    for entry in office.logs():
        spent[entry["metadata"]["team"]] += entry["cost_usd"]
    assert shown == {team: dollars(amount * 1e9) for team, amount in spent.items()}
    assert tab.locator("figure").count() == 4
    assert tab.locator("figure rect.first").count() >= 4
    assert tab.evaluate("document.scripts.length") == 0


def test_the_keyboard_is_enough(visit: Any) -> None:
    tab = visit()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.locator(".skip").bounding_box()["y"] >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(3):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.name"))
    assert reached == ["last", "team", "user"]
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.type("engineering")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"/logs\?.*team=engineering"))
    assert tab.locator("tbody tr").count() == 3
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('tbody th a')"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/logs/6")
    tab.get_by_role("button", name="Sign out").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/sign-in")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_are_sound_readable_and_fit_the_window(visit: Any, scheme: str, width: int) -> None:
    """What an accessibility checker would look at first; contrast is that of WCAG 2 AA for text, 4.5 to 1."""
    tab = visit(color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in (*PAGES, "/logs?team=support&status=4xx&user=x", "/logs?last=9y"):
        tab.goto(path)
        assert tab.evaluate("document.documentElement.lang") == "en"
        assert re.fullmatch(r".+ · AI gateway", tab.title())
        assert tab.locator("h1").count() == 1, path
        levels = tab.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), path
        assert tab.locator("main").count() == 1
        assert tab.locator("table:not(:has(caption))").count() == 0
        assert tab.locator("thead th:not([scope])").count() == 0
        identities = tab.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(identities) == len(set(identities)), path
        assert tab.evaluate(UNNAMED) == [], path
        assert tab.evaluate(CONTRAST) == [], path
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path


def test_light_and_dark_follow_the_system(visit: Any) -> None:
    shades = []
    for scheme in ("light", "dark"):
        tab = visit(color_scheme=scheme)
        shades.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades == ["rgb(252, 251, 249)", "rgb(23, 22, 20)"]

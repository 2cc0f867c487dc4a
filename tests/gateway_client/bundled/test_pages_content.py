"""What the pages say, read as a browser's parser sees them: the log, its filters, spend, keys, configs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import requests

from gateway_client.bundled.store.schema import request_log

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
HOSTILE = "<script>alert(1)</script>"
TURNED = "ev\u202eil"


class Browser:
    """A signed-in admin. Our templates write XML's subset of HTML, which an XML parser checks."""

    def __init__(self, wire: Any) -> None:
        self._url = wire.url
        self._session = requests.Session()
        self._session.post(wire.url + "/sign-in", data={"token": ADMIN}, timeout=20)

    def raw(self, path: str, status: int = 200) -> str:
        reply = self._session.get(self._url + path, timeout=20)
        assert reply.status_code == status, reply.text
        return reply.text

    def page(self, path: str, status: int = 200) -> Element:
        return ElementTree.fromstring(self.raw(path, status).removeprefix("<!DOCTYPE html>"))


def words(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def rows(page: Element, table: int = 0) -> list[list[str]]:
    body = list(page.iter("tbody"))
    return [[words(cell) for cell in row] for row in body[table]] if body else []


def links(page: Element) -> dict[str, str]:
    return {words(link): link.get("href") or "" for link in page.iter("a")}


def told(page: Element) -> dict[str, str]:
    names = [words(term) for term in page.iter("dt")]
    return dict(zip(names, (words(value) for value in page.iter("dd")), strict=True))


def metadata(**pairs: str) -> dict[str, str]:
    return {"x-portkey-metadata": json.dumps(pairs)}


@pytest.fixture(scope="module")
def office(start_gateway: Callable[..., Any]) -> tuple[Any, Browser, dict[str, dict[str, str]]]:
    """A gateway that two teams use: support in prod and dev, engineering in prod."""
    wire = start_gateway(log_bodies=True)
    keys = {}
    for team, env in (("support", "prod"), ("support", "dev"), ("engineering", "prod")):
        carried = {"tenant": "acme", "team": team, "env": env}
        keys[f"{team}-{env}"] = wire.mint(
            name=f"claude-desktop-{team}-{env}",
            defaults={"metadata": carried, "config_id": wire.config(), "allow_config_override": False},
        )
    client = {"user-agent": "claude-cli/2.1.329 (external, cli)", "x-claude-code-session-id": "5e55/10"}
    for name, user in (("support-prod", "ada"), ("support-dev", "bo"), ("engineering-prod", "chi")):
        wire.ask(keys[name]["key"], f"from {user}", headers={**client, **metadata(user=user, rev="7")})
        wire.clock.forward(minutes=1)
    wire.ask(keys["support-prod"]["key"], headers=metadata(user="ada", team="ceo"), model="gpt-unknown")
    wire.ask(
        keys["engineering-prod"]["key"], headers={**metadata(user="chi"), "x-portkey-config": "pc-x-000000"}
    )
    return wire, Browser(wire), keys


@pytest.mark.covers("S37", "S103", "S124", "S178")
def test_the_log_lists_requests_and_narrows_them_by_every_filter(office: Any) -> None:
    _, browser, keys = office
    page = browser.page("/logs")
    assert [row[0][:10] for row in rows(page)] == ["2026-11-20"] * 5
    assert [row[2] for row in rows(page)] == [
        "chi" + "engineering · prod",
        "ada" + "support · prod",
        "chi" + "engineering · prod",
        "bo" + "support · dev",
        "ada" + "support · prod",
    ]
    assert rows(page)[0][1] == "400refusedCannot override default config set for this API key."
    assert "contradicts its key" in rows(page)[1][1]
    for query, count in {
        "team=support": 3,
        "team=support&env=prod": 2,
        "metadata=team%3Dsupport+env%3Dprod": 2,
        "metadata=rev%3D7": 3,
        "user=chi": 2,
        "tenant=acme": 5,
        "tenant=other": 0,
        "model=gpt-unknown": 1,
        "provider=anthropic-prod": 4,
        "status=400": 1,
        "status=4xx": 1,
        "status=5xx": 0,
        "outcome=refused": 1,
        f"key={keys['support-dev']['id']}": 1,
        "session=5e55%2F10": 3,
        "text=from+bo": 1,
        "since=2026-11-20T12:01&until=2026-11-20T12:02": 1,
        "last=1h": 5,
        "team=&env=": 5,
    }.items():
        assert len(rows(browser.page(f"/logs?{query}"))) == count, query


def test_filters_in_use_stay_in_the_form_and_can_be_taken_back_one_by_one(office: Any) -> None:
    _, browser, _ = office
    page = browser.page("/logs?team=support&env=prod&metadata=user%3Dada")
    typed = {field.get("name"): field.get("value") for field in page.iter("input") if field.get("value")}
    assert typed == {"team": "support", "env": "prod", "metadata": "user=ada"}
    assert links(page)["Remove team: support"] == "/logs?env=prod&metadata=user%3Dada"
    offered = {one.get("id"): [o.get("value") for o in one] for one in page.iter("datalist")}
    assert offered["c-team"] == ["engineering", "support"]
    wrong = browser.page("/logs?tean=support", 400)
    assert "tean: there is no such filter" in words(wrong)
    assert rows(wrong) == []


@pytest.mark.covers("S125", "S126", "S189", "T22")
def test_one_request_says_all_that_is_known_and_warns_of_a_contradiction(office: Any) -> None:
    _, browser, keys = office
    page = browser.page("/logs/4")
    [heading] = page.iter("h1")
    assert words(heading) == "200 answered"
    facts = told(page)
    assert facts["Key"] == "claude-desktop-support-prod"
    assert (facts["team"], facts["env"], facts["user"]) == ("support", "prod", "ada")
    assert (facts["Provider"], facts["Model asked"], facts["Model served"]) == (
        "anthropic-prod",
        "gpt-unknown",
        "gpt-unknown",
    )
    assert facts["Cost"] == "none"
    assert "team: claimed ceo, is support" in words(page)
    assert links(page)["claude-desktop-support-prod"] == f"/logs?key={keys['support-prod']['id']}"
    first = browser.page("/logs/1")
    assert "claimed" not in words(first)
    assert told(first)["Cost"].startswith("$0.0")
    asked, answered = (words(pre) for pre in first.iter("pre"))
    assert "from ada" in asked
    assert "echo: from ada" in answered
    assert links(first)["5e55/10"] == "/sessions/5e55%2F10"


@pytest.mark.covers("S142")
def test_a_session_shows_its_requests_with_their_sums(office: Any) -> None:
    _, browser, _ = office
    page = browser.page("/sessions/5e55%2F10")
    counts = told(page)
    assert (counts["requests"], counts["users"], counts["failed"]) == ("3", "3", "0")
    assert re.fullmatch(r"\$0\.\d+", counts["spent"])
    assert len(rows(page)) == 3
    assert words(next(page.iter("h1"))) == "5e55/10"


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/logs/999", "No such request"),
        ("/logs/x", "No such request"),
        ("/logs/" + "9" * 19, "No such request"),
        ("/logs/" + "9" * 400, "No such request"),
        ("/logs/%F0%9D%9F%99", "No such request"),
        ("/sessions/nobody", "No such session"),
        ("/sessions/5e55%2F10?page=9", "No such session"),
        ("/configs/pc-no-000000", "No such config"),
    ],
)
def test_what_is_not_there_is_said_on_a_page(office: Any, path: str, heading: str) -> None:
    page = office[1].page(path, 404)
    assert words(next(page.iter("h1"))) == heading


@pytest.mark.covers("S143", "S179", "S180", "S181", "S189")
def test_spend_tokens_and_failures_by_whoever_made_them(office: Any) -> None:
    _, browser, keys = office
    page = browser.page("/analytics")
    counts = told(page)
    assert (counts["requests"], counts["failed"], counts["users"]) == ("5", "1", "3")
    assert re.fullmatch(r"\d+ ms", counts["median latency"])
    drawn = [(one.text or "").strip() for one in page.iter("figcaption")]
    assert drawn == ["Requests", "Spend", "Tokens", "Latency"]
    assert "1 request went to models without a known price" in words(page)
    teams = {row[0]: row for row in rows(page, 1)}
    assert set(teams) == {"support", "engineering"}
    assert (teams["support"][3], teams["support"][4]) == ("3", "0")
    assert (teams["engineering"][3], teams["engineering"][4]) == ("2", "1")
    assert teams["support"][1].startswith("$0.0")
    assert links(page)["support"] == "/logs?team=support&last=7d"
    for by, names in {
        "tenant": {"acme"},
        "user": {"ada", "bo", "chi"},
        "env": {"prod", "dev"},
        "model": {"claude-opus-4-8", "gpt-unknown", "without"},
        "provider": {"anthropic-prod", "without"},
        "key": {"claude-desktop-" + name for name in keys},
    }.items():
        assert {row[0] for row in rows(browser.page(f"/analytics?by={by}"), 1)} == names
    narrow = browser.page("/analytics?team=support&env=prod&by=user")
    assert [row[0] for row in rows(narrow, 1)] == ["ada"]
    assert "No request fits this filter" in words(browser.page("/analytics?team=nobody"))
    assert browser.page("/analytics?last=all&since=2026-11-20T11:30&until=2026-11-20T13:00") is not None


def test_who_runs_which_revision_and_client(office: Any) -> None:
    _, browser, _ = office
    page = browser.page("/revisions")
    assert {row[0]: row[1:3] for row in rows(page, 0)} == {"7": ["3", "3"], "not told": ["2", "2"]}
    assert links(page)["7"] == "/logs?metadata=rev%3D7&last=7d"
    everybody = {(row[0], row[2]) for row in rows(page, 3)}
    assert everybody == {("ada", "not told"), ("bo", "not told"), ("chi", "not told")}
    narrowed = browser.page("/revisions?metadata=rev%3D7+team%3Dsupport")
    assert links(narrowed)["7"] == "/logs?metadata=team%3Dsupport+rev%3D7&last=7d"


@pytest.mark.covers("T2")
def test_keys_and_configs_can_be_read_and_tell_no_secret(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    slug = wire.config({"strategy": {"mode": "fallback"}, "targets": [{"provider": "@anthropic-prod"}]})
    minted = wire.mint(
        defaults={"metadata": {"team": "eng"}, "config_id": slug, "allow_config_override": False},
        usage_limits={"credit_limit": 5, "periodic_reset": "monthly"},
        rate_limits=[{"type": "requests", "unit": "rpm", "value": 60}],
    )
    ending = wire.mint(
        name="ending",
        expires_at="2026-11-20T12:30:00Z",
        usage_limits={"credit_limit": 1, "type": "tokens"},
        defaults={"config_id": slug},
    )
    rotated = wire.admin("POST", f"/api-keys/{minted['id']}/rotate").json()
    wire.ask(rotated["key"])
    browser = Browser(wire)
    page = browser.page("/keys")
    first, second = rows(page)
    assert first[0].startswith("claude-desktop-eng-prod")
    assert first[1] == "active rotated, the former secret still works".replace("active ", "active")
    assert (first[2], first[3]) == ("team=eng", slug)
    assert re.match(r"\$0\.\d+ of \$5 a month", first[4]), first[4]
    assert "60 requests a minute" in first[4]
    assert (second[1], second[5]) == ("active", "2026-11-20 12:30:00")
    wire.ask(ending["key"])
    second = rows(browser.page("/keys"))[1]
    assert second[1] == "exhausted"
    assert re.match(r"\d+ of 1 tokens", second[4])
    wire.clock.forward(minutes=30)
    assert rows(browser.page("/keys"))[1][1] == "expired"
    assert links(page)[slug] == f"/configs/{slug}"
    config = browser.page(f"/configs/{slug}")
    [body] = config.iter("pre")
    assert json.loads("".join(body.itertext())) == {
        "strategy": {"mode": "fallback"},
        "targets": [{"provider": "@anthropic-prod"}],
    }
    seen = "".join(browser.raw(path) for path in ("/keys", "/configs", "/logs", "/logs/1", "/analytics"))
    for secret in (minted["key"], ending["key"], rotated["key"], ADMIN):
        assert secret not in seen


def test_a_providers_failure_is_not_called_an_answer_of_the_gateways(
    start_gateway: Callable[..., Any],
) -> None:
    wire = start_gateway()
    wire.ask(wire.bound()["key"], "[[echo:529]]")
    browser = Browser(wire)
    [heading] = browser.page("/logs/1").iter("h1")
    assert words(heading) == "529 from the provider"
    assert rows(browser.page("/logs"))[0][1] == "529the upstream answered 529, overloaded_error"
    [reason] = [part for part in browser.page("/logs").iter("span") if part.get("class") == "sub why"]
    assert reason.get("title") == "the upstream answered 529, overloaded_error"


def test_a_browser_is_told_on_a_page_that_nothing_is_there(wire: Any) -> None:
    shown = {"accept": "text/html,application/xhtml+xml"}
    reply = requests.get(f"{wire.url}/no-such-page", headers=shown, timeout=20)
    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    [heading] = ElementTree.fromstring(reply.text.removeprefix("<!DOCTYPE html>")).iter("h1")
    assert words(heading) == "No such page"
    for path, headers in (("/no-such-page", {}), ("/v1/no-such-route", shown), ("/anthropic/v1/no", shown)):
        reply = requests.get(wire.url + path, headers=headers, timeout=20)
        assert (reply.status_code, reply.json()["data"]["errorCode"]) == (404, "AB08")


def test_long_listings_come_in_pages(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    key = wire.bound()["key"]
    for number in range(53):
        wire.mint(name=f"key-{number}")
        wire.ask(key, headers=metadata(user=f"u{number}", team="x"))
    browser = Browser(wire)
    first = browser.page("/logs?team=x")
    assert len(rows(first)) == 50
    assert "1–50 of 53" in words(first)
    assert links(first)["Older"] == "/logs?team=x&page=2"
    second = browser.page(links(first)["Older"])
    assert [row[2] for row in rows(second)] == ["u2x", "u1x", "u0x"]
    assert (links(second)["Newer"], "Older" in links(second)) == ("/logs?team=x&page=1", False)
    beyond = browser.page("/logs?page=99")
    assert "There is no such page of the log" in words(beyond)
    assert len(rows(browser.page("/keys?page=2"))) == 4


def test_a_new_gateway_says_that_there_is_nothing_yet(start_gateway: Callable[..., Any]) -> None:
    browser = Browser(start_gateway())
    assert "Nothing was asked of this gateway yet" in words(browser.page("/logs"))
    assert "No request fits the last seven days" in words(browser.page("/analytics"))
    assert "No request fits the last seven days" in words(browser.page("/revisions"))
    assert "There is no key here" in words(browser.page("/keys"))
    assert "There is no config here" in words(browser.page("/configs"))


@pytest.mark.covers("T22")
def test_whatever_clients_say_of_themselves_is_shown_and_never_run(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway(log_bodies=True)
    slug = wire.config(name=HOSTILE)
    defaults = {"metadata": {"team": HOSTILE, "{{7*7}}": '"onload="x'}, "config_id": slug}
    key = wire.mint(name=f'"><img src=x onerror={TURNED}', defaults=defaults)["key"]
    wire.ask(
        key,
        f"{HOSTILE}{TURNED}",
        model=f"{HOSTILE}'\"",
        headers={
            **metadata(
                user=f"{TURNED}<b>", team=f"x{TURNED}", env="&amp;", **{f"<i>{TURNED}": "\x00\x1b[2J"}
            ),
            "user-agent": HOSTILE,
            "x-claude-code-session-id": "../<x>?a=b#c",
            "x-claude-code-managed-settings-checksum": "'onclick='",
            "x-portkey-trace-id": "<b>trace</b>",
        },
    )
    browser = Browser(wire)
    session = quote("../<x>?a=b#c", safe="")
    for path in (
        "/logs",
        "/logs/1",
        f"/sessions/{session}",
        "/keys",
        "/configs",
        f"/configs/{slug}",
        "/revisions",
        "/analytics",
        "/analytics?by=model",
        "/analytics?by=key",
        f"/logs?team={quote(HOSTILE)}&user={quote(TURNED + '<b>')}&model=%22%3E%3Cb%3E",
    ):
        text = browser.raw(path)
        assert "<script" not in text
        assert "<img" not in text
        page = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
        attributes = [pair for element in page.iter() for pair in element.attrib.items()]
        assert [name for name, _ in attributes if name.startswith("on")] == []
        assert {name for name, value in attributes if TURNED[2] in value} <= {"value"}
        assert [e.tag for e in page.iter("script")] == []
        shown = "".join(page.itertext())
        assert "\u202e" not in shown
        assert "\x1b" not in shown
    log = browser.page("/logs")
    assert rows(log)[0][2].startswith(r"ev\u202eil<b>")
    link = links(log)["2026-11-20 12:00:00"]
    assert links(browser.page(link))["../<x>?a=b#c"] == f"/sessions/{session}"
    user = next(one for one in log.iter("datalist") if one.get("id") == "c-user")
    assert [option.get("value") for option in user] == [f"{TURNED}<b>"]
    assert rows(browser.page(f"/logs?user={quote(TURNED + '<b>')}")) == rows(log)


def test_every_column_of_the_log_has_its_place_on_the_page_of_a_request(
    start_gateway: Callable[..., Any],
) -> None:
    """A column that is added to the record and forgotten here fails."""
    wire = start_gateway()
    wire.ask(wire.bound()["key"], headers=metadata(user="ada"))
    text = browser_words(Browser(wire), "/logs/1")
    shown = {
        "time": "2026-11-20 12:00:00",
        "trace_id": "Trace",
        "workspace_id": "Workspace",
        "key_id": "Key id",
        "key_name": "Key",
        "path": "Path",
        "merged_metadata": "Metadata",
        "contradicted": "",
        "stream": "Streamed",
        "config": "Config",
        "target": "Target",
        "provider": "Provider",
        "model_asked": "Model asked",
        "model_served": "Model served",
        "status": "200",
        "outcome": "answered",
        "input_tokens": "Input tokens",
        "output_tokens": "Output tokens",
        "cache_read_tokens": "Read from cache",
        "cache_write_tokens": "Written to cache",
        "cost_nano_usd": "Cost",
        "latency_ms": "Latency",
        "first_byte_ms": "First byte after",
        "attempts": "Calls to providers",
        "cache_status": "Cache",
        "verdicts": "",
        "error": "",
        "request_bytes": "Request",
        "response_bytes": "Answer",
        "user_agent": "User agent",
        "client_version": "Version",
        "session_id": "Session",
        "agent_id": "Agent",
        "settings_checksum": "Settings",
        "tenant": "",
        "team": "",
        "user": "ada",
        "env": "",
    }
    assert {column.name for column in request_log.columns} - {"id"} == set(shown)
    assert [said for said in shown.values() if said not in text] == []


def browser_words(browser: Browser, path: str) -> str:
    return words(browser.page(path))

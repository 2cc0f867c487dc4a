"""Who gets to see the pages: the sign-in form, its cookie, and what every answer carries."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import trustme

ROOT = Path(__file__).resolve().parents[3]
ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
PAGES = ("/logs", "/logs/1", "/sessions/x", "/analytics", "/keys", "/configs", "/configs/pc-x", "/revisions")


def browser(wire: Any, token: str | None = ADMIN) -> requests.Session:
    """Return a session with cookies, signed in with the token."""
    session = requests.Session()
    if token is not None:
        reply = session.post(wire.url + "/sign-in", data={"token": token}, allow_redirects=False, timeout=20)
        assert reply.status_code == 303
    return session


def get(session: requests.Session, wire: Any, path: str, **options: Any) -> requests.Response:
    return session.get(wire.url + path, allow_redirects=False, timeout=20, **options)


def sign_in(wire: Any, **options: Any) -> requests.Response:
    return requests.post(wire.url + "/sign-in", allow_redirects=False, timeout=20, **options)


@pytest.mark.covers("T32")
@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_signing_in(wire: Any, path: str) -> None:
    for headers in ({}, {"authorization": f"Bearer {ADMIN}"}, {"cookie": "gateway-x=1"}):
        reply = requests.get(wire.url + path, headers=headers, allow_redirects=False, timeout=20)
        assert (reply.status_code, reply.text) == (303, "")
        where = urlsplit(reply.headers["location"])
        assert (where.netloc, where.path) == ("", "/sign-in")
        assert parse_qs(where.query) == {"next": [path]}


def test_after_signing_in_one_is_where_one_wanted_to_be(wire: Any) -> None:
    asked = "/logs?team=a%26b&metadata=rev%3D7"
    session = requests.Session()
    form = session.get(wire.url + asked, timeout=20)
    assert form.status_code == 200
    assert 'name="next" value="/logs?team=a%26b&amp;metadata=rev%3D7"' in form.text
    reply = session.post(wire.url + "/sign-in", data={"token": ADMIN, "next": asked}, timeout=20)
    assert reply.url == wire.url + asked
    assert get(session, wire, "/sign-in").headers["location"] == "/logs"


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/logs",
        "//evil.example/logs",
        "/\\evil.example/logs",
        "/logs\\..\\x",
        "/logs/\r\nset-cookie: a=b",
        "/v1/logs",
        "/logsx",
        "javascript:alert(1)",
        "",
    ],
)
def test_signing_in_leads_nowhere_but_to_a_page(wire: Any, onward: str) -> None:
    reply = sign_in(wire, data={"token": ADMIN, "next": onward})
    assert reply.headers["location"] == "/logs"


def test_the_cookie_is_random_and_out_of_reach_of_scripts_and_other_sites(wire: Any) -> None:
    cookies = [sign_in(wire, data={"token": ADMIN}).headers["set-cookie"] for _ in range(2)]
    pairs, attributes = zip(*(cookie.split("; ", 1) for cookie in cookies), strict=True)
    assert pairs[0] != pairs[1]
    assert len(pairs[0].split("=")[1]) >= 43
    assert set(attributes[0].lower().split("; ")) == {
        "httponly",
        "max-age=28800",
        "path=/",
        "samesite=strict",
    }


@pytest.mark.covers("T32")
def test_over_tls_the_cookie_never_travels_in_the_clear(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    asked = {"database": str(tmp_path / "state" / "g.db"), "admin_token": ADMIN}
    command = (sys.executable, "-m", "tests.gateway_client.bundled.serve_gateway")
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(
                json.dumps({**asked, "certificate": str(certificate), "key": str(key)}) + "\n"
            )
            process.stdin.flush()
            url = process.stdout.readline().strip()
            session = requests.Session()
            session.verify = str(ca)
            reply = session.post(url + "/sign-in", data={"token": ADMIN}, allow_redirects=False, timeout=20)
            assert reply.headers["set-cookie"].startswith("__Host-gateway-")
            assert "; Secure" in reply.headers["set-cookie"]
            assert session.get(url + "/logs", allow_redirects=False, timeout=20).status_code == 200
        finally:
            process.terminate()


def test_a_sign_in_lasts_eight_hours(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway()
    session = browser(wire)
    wire.clock.forward(hours=7, minutes=59)
    assert get(session, wire, "/logs").status_code == 200
    wire.clock.forward(minutes=1)
    assert get(session, wire, "/logs").status_code == 303


def test_signing_out_ends_the_session_itself(wire: Any) -> None:
    session = browser(wire)
    kept = dict(session.cookies)
    reply = session.post(wire.url + "/sign-out", allow_redirects=False, timeout=20)
    assert (reply.status_code, reply.headers["location"]) == (303, "/sign-in")
    assert dict(session.cookies) == {}
    assert (
        requests.get(wire.url + "/logs", cookies=kept, allow_redirects=False, timeout=20).status_code == 303
    )
    assert requests.post(wire.url + "/sign-out", allow_redirects=False, timeout=20).status_code == 303


def test_what_comes_from_another_site_changes_nothing(wire: Any) -> None:
    session = browser(wire)
    for origin in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": origin}
        assert session.post(wire.url + "/sign-out", headers=headers, timeout=20).status_code == 403
        refused = sign_in(wire, data={"token": ADMIN}, headers=headers)
        assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    assert get(session, wire, "/logs").status_code == 200
    assert get(session, wire, "/sign-out").status_code == 405


@pytest.mark.covers("T2", "T32")
def test_a_wrong_token_is_refused_slowed_and_written_down(
    start_gateway: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wire = start_gateway()
    wrong = "test-admin-token-0123456789abcdefghijklmnopqrstuX"
    began = time.perf_counter()
    replies = [sign_in(wire, data={"token": token}) for token in (wrong, "", ADMIN + "é")]
    assert time.perf_counter() - began >= 0.25 + 0.5
    for reply in replies:
        assert (reply.status_code, "set-cookie" in reply.headers) == (401, False)
        assert "This is not the admin token of this gateway." in reply.text
        assert wrong not in reply.text
    assert sign_in(wire, data={"token": f" {ADMIN}\n"}).status_code == 303
    told = [r.getMessage() for r in caplog.records if r.name.endswith("pages.door")]
    assert told[:3] == [
        f"sign-in refused: wrong admin token from 127.0.0.1, {failed} in a row" for failed in (1, 2, 3)
    ]
    assert wrong not in caplog.text
    assert ADMIN not in caplog.text
    audit = [call for call in wire.admin("GET", "/audit").json()["data"] if call["path"] == "/sign-in"]
    assert [call["status"] for call in audit] == [303, 401, 401, 401]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"\xff\xfe%ff", 401), (b"token=" + b"x" * 9000, 413), (b"&" * 2000, 401), (b"", 401)],
)
def test_a_body_that_is_not_the_form_is_refused(
    start_gateway: Callable[..., Any], body: bytes, status: int
) -> None:
    reply = sign_in(start_gateway(), data=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert reply.status_code == status


def test_every_page_carries_its_headers(wire: Any) -> None:
    session = browser(wire)
    replies = [get(session, wire, path) for path in PAGES]
    replies += [get(requests.Session(), wire, path) for path in ("/sign-in", "/logs")]
    for reply in replies:
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
    assert {reply.status_code for reply in replies} == {200, 303, 404}


def test_the_greeting_stays_the_clients_and_the_style_is_named_by_what_is_in_it(wire: Any) -> None:
    assert "product" in requests.get(wire.url + "/", headers={"accept": "text/html"}, timeout=20).json()
    form = requests.get(wire.url + "/sign-in", timeout=20).text
    [address] = [part.split('"')[0] for part in form.split('href="')[1:] if part.startswith("/pages.css")]
    style = requests.get(wire.url + address, timeout=20)
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "url(" not in style.text
    assert "@import" not in style.text

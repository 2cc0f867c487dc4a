"""The HTTP door over a real socket: caps, retries, redirects, rebinding, the environment."""

from __future__ import annotations

import http.client
import inspect
import logging
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests.exceptions
from pydantic import SecretStr

from gateway_client import answers
from gateway_client.errors import (
    BadReply,
    GatewayError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
    UrlRefused,
)
from gateway_client.http import TRANSLATIONS, Door
from gateway_client.url import parse_gateway_url
from tests.support.gateway_portkey import (
    ADMIN_KEY,
    PortkeySimulator,
    answering,
    dripping,
    hanging_up,
    listening,
    silent,
    simulating,
    truncating,
)

KEYS = "/v1/api-keys"
MINT = "/v1/api-keys/workspace/service"
SPEC = {"name": "claude-desktop-eng-prod", "scopes": ["completions.write"]}
MakeDoor = Callable[..., Door]


@pytest.fixture
def simulator() -> Iterator[PortkeySimulator]:
    with simulating() as running:
        yield running


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def make_door(simulator: PortkeySimulator, slept: list[float]) -> Iterator[MakeDoor]:
    """Make doors to the simulator that note their waits instead of waiting."""
    doors: list[Door] = []

    def make(url: str = "", credential: str | None = ADMIN_KEY, **options: Any) -> Door:
        settings = {"sleep": slept.append, "jitter": lambda: 1.0, "timeout": (2.0, 2.0), "time_cap": 5.0}
        door = Door(
            parse_gateway_url(url or simulator.url),
            SecretStr(credential) if credential else None,
            **(settings | options),
        )
        doors.append(door)
        return door

    yield make
    for door in doors:
        door.close()


# --- what goes out


def test_a_call_carries_the_credential_and_nothing_that_was_not_asked_for(
    simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    make_door(user_agent="provision/0.1").call("GET", KEYS, query={"page_size": 2})
    (request,) = simulator.requests
    assert request.query == {"page_size": "2"}
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers == {
        "host": simulator.url.removeprefix("http://"),
        "user-agent": "provision/0.1",
        "accept": "application/json",
        "accept-encoding": "identity",
        "x-portkey-api-key": ADMIN_KEY,
    }


def test_a_bearer_replaces_the_doors_credential(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    with pytest.raises(NotAuthorised):
        make_door().call("GET", KEYS, bearer=SecretStr("another-key"))
    headers = simulator.requests[0].headers
    assert headers["Authorization"] == "Bearer another-key"
    assert "x-portkey-api-key" not in headers


def test_one_connection_serves_many_calls(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    door = make_door()
    for _ in range(5):
        door.call("GET", KEYS)
    assert simulator.connections == 1


@pytest.mark.covers("T2")
@pytest.mark.parametrize("key", ["two\nlines", "a b", "key\r\nx-evil: 1", "schl\u00fcssel", "", "key\x00"])
def test_a_key_that_is_no_header_value_is_refused_without_being_quoted(make_door: MakeDoor, key: str) -> None:
    door = Door(parse_gateway_url("http://127.0.0.1:9"), SecretStr(key))
    with pytest.raises(GatewayError, match="no key has") as caught:
        door.call("GET", KEYS)
    assert caught.value.__cause__ is None
    assert "lines" not in str(caught.value)


# --- answers


def test_refusals_become_errors_by_status(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    body = b'{"success": false, "data": {"message": "no", "errorCode": "AB01"}}'
    door = make_door()
    for status, expected in {400: Refused, 401: NotAuthorised, 402: Refused, 403: NotAuthorised}.items():
        simulator.fault("GET", KEYS, answering(status, body))
        with pytest.raises(expected) as caught:
            door.call("GET", KEYS)
        assert (caught.value.status, caught.value.code) == (status, "AB01")
    simulator.fault("GET", KEYS, answering(404, body))
    with pytest.raises(NotFound):
        door.call("GET", KEYS)


SAID = [
    ({"success": False, "data": {"message": "no", "errorCode": "AB03"}}, ("no", "AB03")),
    ({"error": {"message": "no", "code": "AB01", "param": None, "type": "x"}}, ("no", "AB01")),
    ({"errorCode": "AB08", "message": "no"}, ("no", "AB08")),
    ({"status": "failure", "message": "outer", "error": {"message": "no", "code": "03"}}, ("no", "03")),
    ({"status": "failure", "message": "no"}, ("no", "")),
    ({"type": "error", "error": {"type": "api_error", "message": "no"}}, ("no", "api_error")),
    ({"error": "no"}, ("no", "")),
    ({"detail": "no"}, ("no", "")),
    ({"detail": {"error": "no"}}, ("no", "")),
    ({"error": {"message": None, "code": 412}, "message": "no"}, ("no", "412")),
    ({"message": "two\nlines\x1b[31m and\u202e more"}, ("two lines [31m and more", "")),
    ({"message": "x" * 1000}, ("x" * 300, "")),
    ({"message": {"deep": 1}}, ("", "")),
    (["no"], ("", "")),
    (None, ("", "")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), SAID)
def test_every_shape_of_a_refusal_is_read(body: object, expected: tuple[str, str]) -> None:
    assert answers.told(body) == expected


@pytest.mark.covers("T2")
def test_a_server_that_quotes_the_key_does_not_get_it_into_the_message(
    simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    body = f'{{"message": "invalid key {ADMIN_KEY}", "errorCode": "{ADMIN_KEY}"}}'.encode()
    simulator.fault("GET", KEYS, answering(401, body))
    with pytest.raises(NotAuthorised) as caught:
        make_door().call("GET", KEYS)
    assert ADMIN_KEY not in repr(caught.value) + caught.value.code
    assert "invalid key ***" in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"<html>Sign in</html>",
        b"{",
        b"\xff\xfe\xfd",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"n": 1}x',
        b'["\\ud800"]',
    ],
    ids=["html", "cut", "bytes", "nan", "deep", "tail", "half a pair"],
)
def test_what_is_not_json_is_a_bad_reply(
    simulator: PortkeySimulator, make_door: MakeDoor, content: bytes
) -> None:
    simulator.fault("GET", KEYS, answering(200, content))
    with pytest.raises(BadReply, match="not JSON"):
        make_door().call("GET", KEYS)
    assert simulator.count("GET", KEYS) == 1


def test_an_html_error_page_keeps_its_status(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, answering(403, b"<html>proxy</html>", {"Content-Type": "text/html"}))
    with pytest.raises(NotAuthorised, match="403: no reason given"):
        make_door().call("GET", KEYS)


def test_an_empty_success_is_an_empty_object(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("DELETE", KEYS, answering(204, b""))
    assert make_door().call("DELETE", f"{KEYS}/x") == {}


@pytest.mark.covers("T27")
def test_a_huge_answer_is_not_read_to_its_end(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, answering(200, b" " * 3_000_000))
    with pytest.raises(BadReply, match="more than 1000000 bytes"):
        make_door(size_cap=1_000_000).call("GET", KEYS)


@pytest.mark.covers("T27")
def test_a_huge_error_page_is_not_read_either(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, answering(400, b" " * 3_000_000))
    with pytest.raises(BadReply, match="more than 1000000 bytes"):
        make_door(size_cap=1_000_000).call("GET", KEYS)


# --- redirects


@pytest.mark.covers("T7")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_is_followed(
    simulator: PortkeySimulator, make_door: MakeDoor, status: int, method: Any
) -> None:
    with listening() as elsewhere:
        target = {"Location": f"http://127.0.0.1:{elsewhere.port}/v1/api-keys"}
        simulator.fault(method, KEYS, answering(status, b"", target))
        with pytest.raises(Refused, match="redirect") as caught:
            make_door().call(method, KEYS, body=SPEC if method == "POST" else None)
    assert caught.value.status == status
    assert elsewhere.connections == 0
    assert len(simulator.requests) == 1


@pytest.mark.covers("T7", "T27")
def test_the_body_of_a_redirect_counts_against_the_cap(
    simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    simulator.fault("GET", KEYS, answering(302, b" " * 3_000_000, {"Location": "http://[broken"}))
    with pytest.raises(BadReply, match="more than 1000000 bytes"):
        make_door(size_cap=1_000_000).call("GET", KEYS)


# --- where it leads


@pytest.mark.covers("T7")
def test_a_name_that_leads_inside_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as inside:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", inside.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        url = f"https://gateway.example:{inside.port}"
        door = Door(parse_gateway_url(url), SecretStr(ADMIN_KEY))
        with pytest.raises(UrlRefused, match=r"gateway\.example leads to .* 127\.0\.0\.1 is this machine"):
            door.call("GET", KEYS)
        door.close()
    assert inside.connections == 1
    assert inside.received == b""


@pytest.mark.covers("T7")
def test_the_peer_counts_and_not_what_was_resolved(
    monkeypatch: pytest.MonkeyPatch, simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("169.254.169.254", 80))
    with pytest.raises(UrlRefused, match=r"169\.254\.169\.254"):
        make_door().call("POST", MINT, body=SPEC)
    assert simulator.requests == []


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address() -> None:
    try:
        running = simulating(host="::1")
        with (
            running as simulator,
            closing(Door(parse_gateway_url(simulator.url), SecretStr(ADMIN_KEY))) as door,
        ):
            assert door.call("GET", KEYS) == {"object": "list", "data": [], "total": 0}
            assert simulator.requests[0].headers["Host"] == simulator.url.removeprefix("http://")
    except OSError as exc:
        pytest.skip(f"this machine has no IPv6 loopback: {exc}")


# --- the environment


@pytest.mark.covers("T8")
def test_proxies_and_netrc_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        make_door().call("GET", KEYS)
    assert proxy.connections == 0
    assert "Authorization" not in simulator.requests[0].headers


def test_no_cookie_is_kept(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, answering(200, b"{}", {"Set-Cookie": "session=1; Path=/"}))
    door = make_door()
    door.call("GET", KEYS)
    door.call("GET", KEYS)
    assert "Cookie" not in simulator.requests[1].headers


@pytest.mark.covers("T2")
def test_neither_logs_nor_debug_switches_show_key_or_bodies(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    make_door: MakeDoor,
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 2)
    with caplog.at_level(logging.DEBUG):
        minted = make_door().call("POST", MINT, body=SPEC)
    assert isinstance(minted, dict)
    captured = capsys.readouterr()
    shown = caplog.text + captured.out + captured.err
    assert "/v1/api-keys/workspace/service" in shown  # urllib3 did log, so that the rest means something
    for secret in (ADMIN_KEY, minted["key"], SPEC["name"]):
        assert str(secret) not in shown


# --- what is repeated


@pytest.mark.covers("T27")
@pytest.mark.parametrize(
    "fault",
    [hanging_up, truncating, answering(500), answering(503, b"busy"), answering(408)],
    ids=["hangs up", "truncates", "500", "503", "408"],
)
def test_a_read_is_repeated(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float], fault: Any
) -> None:
    simulator.fault("GET", KEYS, fault, times=2)
    assert make_door().call("GET", KEYS) == {"object": "list", "data": [], "total": 0}
    assert slept == [0.5, 1.0]


@pytest.mark.covers("T27")
def test_a_read_ends_in_the_failure_itself(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float]
) -> None:
    simulator.fault("GET", KEYS, answering(502), times=9)
    with pytest.raises(Refused) as caught:
        make_door(jitter=lambda: 0.0).call("GET", KEYS)
    assert caught.value.status == 502
    assert simulator.count("GET", KEYS) == 4
    assert slept == [0.25, 0.5, 1.0]


@pytest.mark.covers("T1", "T27")
@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize(
    "fault",
    [
        hanging_up,
        truncating,
        answering(500),
        answering(503, b"", {"Retry-After": "1"}),
        answering(408),
        answering(200, b"<html>"),
    ],
    ids=["hangs up", "truncates", "500", "503", "408", "not JSON"],
)
def test_a_create_is_never_repeated(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float], fault: Any, after: bool
) -> None:
    simulator.fault("POST", KEYS, fault, after=after)
    with pytest.raises(OutcomeUnknown) as caught:
        make_door().call("POST", MINT, body=SPEC)
    assert isinstance(caught.value.__cause__, GatewayError)
    assert simulator.count("POST", MINT) == 1
    assert len(simulator.keys) == int(after)
    assert slept == []


@pytest.mark.covers("T1", "T27")
def test_a_create_that_times_out_is_not_repeated(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("POST", KEYS, silent(0.5), after=True)
    with pytest.raises(OutcomeUnknown) as caught:
        make_door(timeout=(2.0, 0.1)).call("POST", MINT, body=SPEC)
    assert isinstance(caught.value.__cause__, TimedOut)
    assert simulator.count("POST", MINT) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_put_and_delete_are_repeated_then_unknown(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float], method: Any
) -> None:
    simulator.fault(method, KEYS, hanging_up, times=9)
    with pytest.raises(OutcomeUnknown):
        make_door().call(method, f"{KEYS}/x", body={} if method == "PUT" else None)
    assert len(simulator.requests) == 4
    assert slept == [0.5, 1.0, 2.0]


@pytest.mark.covers("T27")
@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry-After": "2.128"}, [2.128]),
        ({"Retry-After": "3"}, [3.0]),
        ({"Retry-After": "0"}, [0.0]),
        ({}, [0.5]),
        ({"Retry-After": "soon"}, [0.5]),
        ({"Retry-After": "-5"}, [0.5]),
        ({"Retry-After": "nan"}, [0.5]),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 GMT", "Date": "Fri, 20 Nov 2026 10:00:00 GMT"}, [30.0]),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:00 GMT", "Date": "Fri, 20 Nov 2026 10:00:00 GMT"}, [0.0]),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rate_limit_is_waited_out_as_asked_even_for_a_create(
    simulator: PortkeySimulator,
    make_door: MakeDoor,
    slept: list[float],
    method: Any,
    headers: dict[str, str],
    waits: list[float],
) -> None:
    simulator.fault(method, KEYS, answering(429, b'{"errorCode": "AB06"}', headers))
    make_door().call(method, MINT if method == "POST" else KEYS, body=SPEC if method == "POST" else None)
    assert slept == waits
    assert len(simulator.keys) == int(method == "POST")


@pytest.mark.covers("T27")
def test_a_rate_limit_beyond_patience_is_told_at_once(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float]
) -> None:
    simulator.fault("POST", KEYS, answering(429, b"{}", {"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        make_door().call("POST", MINT, body=SPEC)
    assert caught.value.retry_after == 3600
    assert slept == []


def test_other_refusals_are_not_repeated(
    simulator: PortkeySimulator, make_door: MakeDoor, slept: list[float]
) -> None:
    simulator.fault("GET", KEYS, answering(409, b'{"errorCode": "AB07"}'))
    with pytest.raises(Refused):
        make_door().call("GET", KEYS)
    assert slept == []


def test_nobody_listens(make_door: MakeDoor, slept: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="connection refused"):
        make_door(f"http://127.0.0.1:{port}").call("POST", MINT, body=SPEC)
    assert slept == [0.5, 1.0, 2.0], "nothing was sent, so that even a create may be tried again"


def test_no_such_name(monkeypatch: pytest.MonkeyPatch, make_door: MakeDoor) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="the name does not resolve"):
        make_door("https://gateway.example").call("GET", KEYS, tries=1)


@pytest.mark.covers("T1")
def test_a_connection_that_the_server_closed_meanwhile_costs_no_create(
    simulator: PortkeySimulator, make_door: MakeDoor
) -> None:
    def answering_then_leaving(handler: Any) -> None:
        handler.reply(200, b"{}")
        handler.hang_up()

    simulator.fault("GET", KEYS, answering_then_leaving)
    door = make_door()
    door.call("GET", KEYS)
    kept = door._session.get_adapter(simulator.url)._pool.pool.queue[-1].sock  # type: ignore[attr-defined]
    assert select.select([kept], [], [], 5)[0], "the server's goodbye has arrived"
    door.call("POST", MINT, body=SPEC)
    assert (simulator.connections, len(simulator.keys)) == (2, 1)


# --- time


DRIPS = 200  # ten seconds of them


@pytest.mark.covers("T27")
@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_is_cut_off(simulator: PortkeySimulator, make_door: MakeDoor, part: Any) -> None:
    simulator.fault("GET", KEYS, dripping(part, every=0.05, times=DRIPS))
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"within 0\.3 s"):
        make_door(time_cap=0.3, timeout=(2.0, 1.0)).call("GET", KEYS, tries=1)
    assert time.monotonic() - began < 5


@pytest.mark.covers("T27")
def test_a_dripping_create_is_unknown(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("POST", KEYS, dripping("head", every=0.05, times=DRIPS), after=True)
    with pytest.raises(OutcomeUnknown, match=r"within 0\.3 s"):
        make_door(time_cap=0.3, timeout=(2.0, 1.0)).call("POST", MINT, body=SPEC)
    assert len(simulator.keys) == 1


def test_the_next_call_after_a_cut_off_one_works(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, dripping("head", every=0.05, times=DRIPS))
    door = make_door(time_cap=0.3, timeout=(2.0, 1.0))
    assert door.call("GET", KEYS) == {"object": "list", "data": [], "total": 0}


@pytest.mark.covers("T26")
@pytest.mark.parametrize("ahead", [-86_400.0, 0.0, 86_400.0])
def test_the_servers_clock_is_compared_with_ours(
    simulator: PortkeySimulator, make_door: MakeDoor, ahead: float
) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    door = make_door(clock=lambda: noon + ahead)
    assert door.clock_skew is None
    simulator.fault("GET", KEYS, answering(200, b"{}", {"Date": "Fri, 20 Nov 2026 12:00:00 GMT"}))
    door.call("GET", KEYS)
    assert door.clock_skew == ahead


def test_a_server_without_a_date_tells_no_skew(simulator: PortkeySimulator, make_door: MakeDoor) -> None:
    simulator.fault("GET", KEYS, answering(200, b"{}", {"Date": "yesterday"}))
    door = make_door()
    door.call("GET", KEYS)
    assert door.clock_skew is None


# --- their exceptions


def test_every_exception_of_requests_is_translated() -> None:
    theirs = {
        thing
        for _, thing in inspect.getmembers(requests.exceptions, inspect.isclass)
        if issubclass(thing, requests.exceptions.RequestException)
    }
    assert theirs == set(TRANSLATIONS)
    assert all(issubclass(ours, GatewayError) for ours in TRANSLATIONS.values())


def test_the_most_special_exception_of_requests_is_met_first() -> None:
    order = list(TRANSLATIONS)
    for place, special in enumerate(order):
        for general in order[:place]:
            assert not issubclass(special, general) or TRANSLATIONS[special] is TRANSLATIONS[general]


def test_whatever_requests_raises_comes_out_as_ours(
    monkeypatch: pytest.MonkeyPatch, make_door: MakeDoor
) -> None:
    door = make_door()
    for theirs, ours in TRANSLATIONS.items():

        def fail(*args: object, _theirs: type[Exception] = theirs, **kwargs: object) -> None:
            raise _theirs(
                *(["x", "y", 0] if issubclass(_theirs, ValueError) and "JSON" in _theirs.__name__ else [])
            )

        monkeypatch.setattr(door._session, "send", fail)
        with pytest.raises(ours):
            door.call("GET", KEYS, tries=1)

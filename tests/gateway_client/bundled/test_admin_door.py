"""Who gets into the admin API, and what every answer of it looks like (facts/portkey.md 3)."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
import requests

from gateway_client.bundled.admin.routes import TABLE


def unauthorised(reply: requests.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["data"]["errorCode"]


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in TABLE])
def test_nobody_enters_without_the_admin_token(wire: Any, method: str, path: str) -> None:
    key = wire.mint()["key"]
    url = wire.url + re.sub(r"{\w+}", "x", path.replace("{type}/{sub_type}", "workspace/service"))
    attempts = [
        ({}, 401, "AB05"),
        ({"x-portkey-api-key": "wrong"}, 401, "AB05"),
        ({"x-api-key": "test-admin-token-0123456789abcdefghijklmnopqrstuv"}, 401, "AB05"),
        ({"x-portkey-api-key": key}, 403, "AB03"),
        ({"authorization": f"Bearer {key}"}, 403, "AB03"),
    ]
    for headers, status, code in attempts:
        reply = requests.request(method, url, headers=headers, timeout=20)
        assert unauthorised(reply) == (status, code)


def test_every_answer_carries_a_trace_id_and_json(wire: Any) -> None:
    """Without the header the official SDK repeats a failed POST, a create too (11.3)."""
    replies = [
        wire.admin("GET", "/configs?"),
        wire.admin("POST", "/configs", data=b"{"),
        wire.admin("GET", "/nothing-here"),
        wire.admin("PATCH", "/configs"),
        wire.session.get(wire.url + "/v1/configs"),
        wire.ask(None),
        wire.session.get(wire.url + "/v1/health"),
    ]
    assert [reply.status_code for reply in replies] == [200, 400, 404, 405, 401, 401, 200]
    for reply in replies:
        assert reply.headers["x-portkey-trace-id"]
        assert reply.headers["content-type"] == "application/json"
        assert isinstance(reply.json(), dict)
    mine = wire.admin("GET", "/configs", headers={"x-portkey-trace-id": "my-trace"})
    assert mine.headers["x-portkey-trace-id"] == "my-trace"
    strange = wire.admin("GET", "/configs", headers={"x-portkey-trace-id": "a b"})
    assert strange.headers["x-portkey-trace-id"] != "a b"


def test_unknown_routes_say_so_in_the_admin_shape(wire: Any) -> None:
    reply = wire.admin("GET", "/v1/messages")
    assert reply.status_code == 404
    message = "GET /v1/v1/messages is not served here"
    assert reply.json() == {"success": False, "data": {"message": message, "errorCode": "AB08"}}


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=-1", "pageSize=x", "page_size=1001", "current_page=1e9", "current_page=²"],
)
def test_paging_is_checked(wire: Any, query: str) -> None:
    reply = wire.admin("GET", f"/api-keys?{query}")
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"name": "\\ud800"}', b'{"a":1,"a":2}'],
)
def test_a_body_that_is_no_object_is_one_clear_400(wire: Any, body: bytes) -> None:
    reply = wire.admin("POST", "/configs", data=body)
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (400, "AB01")


def test_an_oversized_body_is_refused(wire: Any) -> None:
    assert wire.admin("POST", "/configs", data=b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize("host", ["[::1", "a b", "", "x" * 5000])
def test_a_strange_host_header_or_query_harms_nothing(wire: Any, host: str) -> None:
    address = wire.url.removeprefix("http://").split(":")
    for path in (b"/v1/configs?a=%ff&\xff", b"/nothing?\xff", b"/v1/configs?page_size=%00"):
        with socket.create_connection((address[0], int(address[1])), timeout=20) as connection:
            head = b"GET %s HTTP/1.1\r\nhost: %s\r\nx-portkey-api-key: wrong\r\nconnection: close\r\n\r\n"
            connection.sendall(head % (path, host.encode()))
            status = connection.makefile("rb").readline()
        assert status.split()[1] in (b"400", b"401", b"404"), status


def test_health_tells_which_gateway_answers(wire: Any) -> None:
    found = requests.get(wire.url + "/v1/health", timeout=20).json()
    assert found["status"] == "success"
    assert found["product"] == "provision-bundled-gateway"
    assert len(found["instance_id"]) == 36
    assert found["version"]

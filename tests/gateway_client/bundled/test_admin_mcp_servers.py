"""`/v1/mcp-servers` and `/v1/mcp-integrations`: the servers of the settings, and never their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from gateway_client.bundled.settings import McpServer

KEY = "upstream-key-canary-8277e0910d750195b448797616e091ad"
DOCS = "https://docs.example.com/mcp"


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Any]) -> Any:
    local = McpServer("http://127.0.0.1:9/mcp", keys=("nobody",))
    return start_gateway(mcp_servers={"docs": McpServer(DOCS, SecretStr(KEY)), "local": local})


@pytest.mark.covers("S98", "T2")
def test_servers_and_their_integrations_are_listed(gateway: Any) -> None:
    reply = gateway.admin("GET", "/mcp-servers")
    servers = reply.json()
    assert (servers["object"], servers["total"]) == ("list", 2)
    shown = [
        (row["slug"], row["url"], row["mcp_integration_url"], row["auth_type"]) for row in servers["data"]
    ]
    assert shown == [
        ("docs", f"{gateway.url}/docs/mcp", DOCS, "headers"),
        ("local", f"{gateway.url}/local/mcp", "http://127.0.0.1:9/mcp", "none"),
    ]
    integrations = gateway.admin("GET", "/mcp-integrations")
    assert [row["id"] for row in integrations.json()["data"]] == [
        row["mcp_integration_id"] for row in servers["data"]
    ]
    assert all(UUID(row["id"]) for row in servers["data"])
    assert KEY not in reply.text + integrations.text


@pytest.mark.parametrize("path", ["/mcp-servers", "/mcp-integrations"])
def test_pages_filters_and_what_can_not_be(gateway: Any, path: str) -> None:
    page = gateway.admin("GET", path, params={"page_size": 1, "current_page": 1}).json()
    assert (page["total"], [row["slug"] for row in page["data"]]) == (2, ["local"])
    workspace = gateway.admin("POST", "/admin/workspaces", json={"name": "Eng"}).json()
    assert gateway.admin("GET", path, params={"workspace_id": workspace["slug"]}).json()["total"] == 2
    assert gateway.admin("GET", path, params={"workspace_id": "nowhere"}).status_code == 403
    assert gateway.admin("POST", path, json={"name": "m"}).status_code == 405


@pytest.mark.parametrize(("kind", "total"), [("organisation", 2), ("all", 2), ("workspace", 0), ("x", None)])
def test_integrations_are_the_organisations(gateway: Any, kind: str, total: int | None) -> None:
    reply = gateway.admin("GET", "/mcp-integrations", params={"type": kind})
    assert reply.json().get("total") == total
    assert reply.status_code == (400 if total is None else 200)


@pytest.mark.parametrize(("scope", "status"), [("mcp_servers.list", 200), ("mcp.invoke", 403)])
def test_a_scope_of_its_own(gateway: Any, scope: str, status: int) -> None:
    key = gateway.mint(scopes=[scope])["key"]
    headers = {"x-portkey-api-key": key}
    assert gateway.admin("GET", "/mcp-servers", headers=headers).status_code == status
    assert gateway.admin("GET", "/mcp-integrations", headers=headers).status_code == 403

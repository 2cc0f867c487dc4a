"""Every recorded request of the real Portkey SDK for our resources is accepted as it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RESOURCES = ("api_keys.", "configs.", "admin.workspaces.", "providers.")
NOT_YET = ("admin.workspaces.users.", "providers.create", "providers.update", "providers.delete")
"""Members and changes of providers are not part of this cut; they must say so, not pretend."""


def recorded(shared: Path) -> list[dict[str, Any]]:
    calls = json.loads((shared / "contracts" / "portkey-sdk-requests.json").read_text())
    return [
        {"call": call["call"], **request}
        for call in calls
        if call["call"].startswith(RESOURCES)
        for request in call["requests"]
    ]


def test_recorded_requests_are_accepted(wire: Any, shared: Path) -> None:
    """The recorder's made-up ids stand for things that exist; all else is sent as it was recorded."""
    requests = recorded(shared)
    assert len(requests) > 20
    for request in requests:
        workspace = wire.admin("POST", "/admin/workspaces", json={"name": "Eng"}).json()
        body = {"provider": "@anthropic-prod"}
        sent = {"name": "c", "config": body, "workspace_id": workspace["id"]}
        config = wire.admin("POST", "/configs", json=sent).json()["slug"]
        key = wire.mint(workspace_id=workspace["id"])["id"]
        target, text = request["target"], json.dumps(request["body"])
        if request["call"] == "admin.workspaces.delete":
            wire.admin("DELETE", f"/api-keys/{key}")
            wire.admin("DELETE", f"/configs/{config}")
        for made_up, real in (
            ("00000000-0000-4000-8000-000000000001", key),
            ("ws-eng-000000", workspace["slug"]),
            ("pc-deskto-000000", config),
            ('"pc-x"', f'"{config}"'),
            ("/pc-x", f"/{config}"),
        ):
            target, text = target.replace(made_up, real), text.replace(made_up, real)
        headers = {
            name: value
            for name, value in request["headers"]
            if name.lower() not in ("host", "content-length", "connection", "x-portkey-api-key")
        }
        data = None if request["body"] is None else text.encode()
        reply = wire.admin(request["method"], target.removeprefix("/v1"), headers=headers, data=data)
        expected = (404, 405) if request["call"].startswith(NOT_YET) else (200,)
        assert reply.status_code in expected, (request["call"], reply.text)
        assert isinstance(reply.json(), dict)
        assert reply.headers["x-portkey-trace-id"]


def test_nothing_recorded_for_our_resources_is_left_out(shared: Path) -> None:
    called = {request["call"].partition(" ")[0] for request in recorded(shared)}
    assert {f"api_keys.{verb}" for verb in ("create", "retrieve", "list", "update", "delete")} <= called
    assert {f"configs.{verb}" for verb in ("create", "retrieve", "list", "update", "delete")} <= called


@pytest.mark.parametrize("path", ["/admin/workspaces/x/users", "/integrations", "/policies/usage-limits"])
def test_what_is_not_there_says_so(wire: Any, path: str) -> None:
    reply = wire.admin("GET", path)
    assert (reply.status_code, reply.json()["data"]["errorCode"]) == (404, "AB08")

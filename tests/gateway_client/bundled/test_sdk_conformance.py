"""The real `portkey-ai` SDK makes its recorded calls again, parses our answers, and they fit Portkey's spec.

Data-driven: a call is found by its recorded name, its arguments are read off the recorded request, and
what the SDK then sends must be that request again. Ids that the recorder made up stand for things that
are there. The two tables below say which calls are not carried out, and where an answer differs from
the specification, each with its reason.
"""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from gateway_client.bundled.admin.routes import TABLE

portkey_ai = pytest.importorskip("portkey_ai", reason="the portkey-ai SDK is not installed")
exceptions = pytest.importorskip(
    "portkey_ai.api_resources.exceptions", reason="the portkey-ai SDK is not installed"
)

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
MADE_UP = "00000000-0000-4000-8000-000000000001"
NEVER_SENT = {
    "api_keys.rotate": "the SDK has no such method",
    "admin.workspaces.create usage_limits": "the SDK takes no such argument",
    "admin.workspaces.update usage_limits (documented)": "the SDK takes no such argument",
}
NOT_SERVED = {
    "virtual_keys.create": "providers are the operator's, listed and got only (issue 4, Admin API)",
    "providers.create": "as virtual_keys.create",
    "providers.update": "as virtual_keys.create",
    "providers.delete": "as virtual_keys.create",
    "integrations.create": "as virtual_keys.create",
    "mcp_integrations.create": "MCP servers are the operator's settings, listed only",
    "mcp_servers.create": "as mcp_integrations.create",
}
OTHERWISE = {
    r"(api_keys|providers|virtual_keys)\..*\b(description|user_id|workspace_id|usage_limits|expires_at|"
    r"reset_usage|alert_emails|metadata|config_id): null": (
        "the specification forgets `nullable`; the real service answers null (facts/portkey.md 4.2)"
    ),
    r"configs\.list.*: data\.\*\.(owner_id|updated_by): null": "the admin token is no user",
    r"analytics\.groups\.(group_by api_key|workspaces): is not in the specification": (
        "newer than it (facts/portkey.md 7)"
    ),
    r"models\.list: data\.\*: '(created|object|owned_by)' is a required property": (
        "the models are in Anthropic's shape, for Claude's clients (facts/claude-code.md 5)"
    ),
}
"""Where answers differ from the specification (patterns for `call: place: fault`), and why."""

DATA_PLANE = ("models.",)
RENAMED = {"pageSize": "page_size", "currentPage": "current_page", "sub-type": "sub_type"}


def recorded(shared: Path) -> list[dict[str, Any]]:
    calls = json.loads((shared / "contracts" / "portkey-sdk-requests.json").read_text())
    return [call for call in calls if call["call"] not in NEVER_SENT]


_numbers = itertools.count()


class World:
    """A workspace with one of everything that the recorded ids may mean."""

    def __init__(self, wire: Any) -> None:
        self.wire = wire
        made = wire.admin("POST", "/admin/workspaces", json={"name": "Eng"}).json()
        self.workspace, self.slug = made["id"], made["slug"]
        self.member, self.stranger = self.person(self.workspace), self.person(None)
        body = {"name": "c", "config": {"provider": "@anthropic-prod"}, "workspace_id": self.workspace}
        self.config = wire.admin("POST", "/configs", json=body).json()["slug"]
        self.key = wire.mint(workspace_id=self.workspace)["id"]
        self.bearer = wire.mint(workspace_id=self.workspace, defaults={"config_id": self.config})["key"]
        wire.ask(self.bearer)

    def person(self, workspace: str | None) -> tuple[str, str]:
        """Invite somebody; returns the ids of user and invite."""
        email = f"person-{next(_numbers)}@example.com"
        places = [{"id": workspace, "role": "manager"}] if workspace else []
        body = {"email": email, "role": "member", "workspaces": places}
        invite = self.wire.admin("POST", "/admin/users/invites", json=body).json()["id"]
        (user,) = self.wire.admin("GET", f"/admin/users?email={email}").json()["data"]
        return user["id"], invite

    def export(self, call: str) -> str:
        body = {
            "workspace_id": self.workspace,
            "filters": {"time_of_generation_min": "2026-11-01T00:00:00Z"},
            "requested_data": ["id", "cost", "metadata"],
        }
        identity = str(self.wire.admin("POST", "/logs/exports", json=body).json()["id"])
        if call.endswith("download"):
            self.wire.admin("POST", f"/logs/exports/{identity}/start")
        return identity

    def real(self, call: str, text: str) -> str:
        """Put real ids for made-up ones."""
        match call.split(".")[:3]:
            case ["api_keys", "create (user)"] | ["admin", "workspaces", "users"]:
                identity = self.stranger[0] if call == "admin.workspaces.users.create" else self.member[0]
            case ["admin", "users", "invites"]:
                identity = self.member[1]
            case ["admin", *_]:
                identity = self.member[0]
            case ["logs", "exports", _]:
                identity = self.export(call) if MADE_UP in text else ""
            case _:
                identity = self.key
        for made_up, real in (
            (MADE_UP, identity),
            ("ws-eng-000000", self.slug),
            ("pc-deskto-000000", self.config),
            ('"pc-x"', f'"{self.config}"'),
            ("/pc-x", f"/{self.config}"),
            ("anthropic-org", "anthropic-prod"),
        ):
            text = text.replace(made_up, real)
        if call == "admin.workspaces.delete":
            self.wire.admin("PUT", f"/admin/workspaces/{self.slug}", json={"name": "Eng"})
            for key in self.wire.admin("GET", f"/api-keys?workspace_id={self.workspace}").json()["data"]:
                self.wire.admin("DELETE", f"/api-keys/{key['id']}")
            self.wire.admin("DELETE", f"/configs/{self.config}")
        return text


class Wiretap:
    """Keeps what an SDK client sends, and what comes back."""

    def __init__(self, client: Any) -> None:
        self.sent: list[httpx.Request] = []
        self.got: list[httpx.Response] = []
        for speaking in (client._client, client.openai_client._client):  # the second makes inference calls
            speaking.event_hooks = {
                "request": [self.sent.append],
                "response": [lambda reply: reply.read(), self.got.append],
            }


def arguments(method: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arguments of an SDK method off the request that it made."""
    parts = urlsplit(request["target"])
    given = dict(request["body"] or {}) | dict(parse_qsl(parts.query))
    named = {RENAMED.get(name, name): value for name, value in given.items()}
    found = (matched(path, parts.path) for verb, path, _ in TABLE if verb == request["method"])
    in_path = next((values for values in found if values is not None), {})
    taken = inspect.signature(method).parameters
    wanted = [n for n, taking in taken.items() if taking.kind is taking.KEYWORD_ONLY and n not in named]
    for name, value in in_path.items():  # by the name that our route gives it, else by its place
        if value not in named.values():  # some bodies repeat the path
            place = name if name in (*named, *wanted) else wanted[0]
            named[place] = value
            wanted = [other for other in wanted if other != place]
    for name in wanted:
        if taken[name].default is inspect.Parameter.empty:  # what our path has no name for
            named[name] = parts.path.rpartition("/")[2]
    return named


def matched(template: str, path: str) -> dict[str, str] | None:
    names = re.findall(r"{(\w+)}", template)
    found = re.fullmatch(re.sub(r"{\w+}", "([^/]+)", template), path)
    return dict(zip(names, found.groups(), strict=True)) if found else None


def method_of(client: Any, call: str) -> Any:
    found = client
    for name in call.partition(" ")[0].split("."):
        found = getattr(found, name)
    return found


def replay(wire: Any, call: dict[str, Any]) -> tuple[Any, Wiretap, list[dict[str, Any]]]:
    """Make a recorded call with the real SDK; returns its result, what passed, and what should have."""
    world = World(wire)
    name = call["call"]
    expected = json.loads(world.real(name, json.dumps(call["requests"])))
    credential = world.bearer if name.startswith(DATA_PLANE) else ADMIN
    with portkey_ai.Portkey(api_key=credential, base_url=f"{wire.url}/v1") as client:
        tap = Wiretap(client)
        method = method_of(client, name)
        result = method(**arguments(method, expected[0]))
    return result, tap, expected


def test_every_recorded_call_is_made_again_and_parsed(
    wire: Any, shared: Path, openapi: dict[str, Any]
) -> None:
    served = [call for call in recorded(shared) if call["call"] not in NOT_SERVED]
    assert len(served) > 50
    problems: list[str] = []
    excused: set[str | None] = set()
    for call in served:
        try:
            result, tap, expected = replay(wire, call)
        except exceptions.APIError as exc:
            problems.append(f"{call['call']}: {type(exc).__name__} {exc}")
            continue
        problems += [f"{call['call']}: {text}" for text in differences(tap, expected)]
        if not isinstance(result, BaseModel | httpx.Response):
            problems.append(f"{call['call']}: parsed as {type(result)}")
        for told in (f"{call['call']}: {text}" for reply in tap.got for text in misfits(openapi, reply)):
            excuse = next((known for known in OTHERWISE if re.fullmatch(known, told)), None)
            excused.add(excuse)
            problems += [told] if excuse is None else []
    assert not problems, "\n".join(problems)
    assert set(OTHERWISE) <= excused, "an excuse that nobody needs any more"


def differences(tap: Wiretap, expected: list[dict[str, Any]]) -> Iterator[str]:
    if len(tap.sent) != len(expected):
        yield f"{len(tap.sent)} requests were sent, {len(expected)} recorded"
    for request, wanted in zip(tap.sent, expected, strict=False):
        if (request.method, request.url.raw_path.decode()) != (wanted["method"], wanted["target"]):
            yield f"sent {request.method} {request.url.raw_path.decode()} for {wanted['target']}"
        body = json.loads(request.content) if request.content else None
        if body != wanted["body"]:
            yield f"sent {body} for {wanted['body']}"


@pytest.fixture(scope="module")
def openapi(shared: Path) -> dict[str, Any]:
    text = (shared / "contracts" / "portkey-openapi.yaml").read_bytes()
    document: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return document


def misfits(openapi: dict[str, Any], reply: httpx.Response) -> Iterator[str]:
    """Yield where an answer breaks what Portkey's specification says of it: path in the answer, and why."""
    path = reply.request.url.path.removeprefix("/v1")
    operation = next(
        (
            methods[reply.request.method.lower()]
            for template, methods in sorted(openapi["paths"].items(), key=lambda item: item[0].count("{"))
            if re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", template), path)
            and reply.request.method.lower() in methods
        ),
        None,
    )
    if operation is None:
        yield "is not in the specification"
        return
    content = operation["responses"]["200"].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is None:
        return
    validator = jsonschema.Draft202012Validator(
        {**modern(schema), "components": modern(openapi["components"])}
    )
    for error in validator.iter_errors(reply.json()):
        place = ".".join("*" if isinstance(part, int) else str(part) for part in error.absolute_path)
        kind = "null" if error.instance is None else error.message[:120]
        yield f"{place or 'answer'}: {kind}"


def modern(schema: Any) -> Any:
    """Rewrite a schema of OpenAPI 3.0: `nullable` is a type of its own now."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    rewritten = {key: modern(value) for key, value in schema.items() if key not in ("nullable", "example")}
    if schema.get("nullable") is not True:
        return rewritten
    if "type" not in schema:
        return {"anyOf": [{"type": "null"}, rewritten]}
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return rewritten | enum | {"type": [schema["type"], "null"]}


def test_what_is_not_served_says_so(wire: Any, shared: Path) -> None:
    calls = {call["call"]: call for call in recorded(shared)}
    assert set(NOT_SERVED) <= set(calls)
    for name in NOT_SERVED:
        with pytest.raises((exceptions.NotFoundError, exceptions.APIStatusError)) as caught:
            replay(wire, calls[name])
        assert caught.value.status_code in (404, 405), name

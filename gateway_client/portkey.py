"""Portkey's admin API and data plane behind the neutral port; the bundled gateway speaks the same wire.

What travels is in `portkey_wire`, how it travels in `http`; here are the calls, and what to do
where the API is ambiguous: listings that do not add up, creates that tell no slug, a 403 that
may mean "gone".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from gateway_client import portkey_wire as wire
from gateway_client.contract import KeySpec, Minted, Probe, RemoteConfig, RemoteKey
from gateway_client.errors import (
    BadReply,
    GatewayError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    Refused,
    RotationInTransition,
)
from gateway_client.http import Door, Method

ANTHROPIC_VERSION = "2023-06-01"

_PAGE_SIZE = 100
_MOST_PAGES = 5000
_LOOKS = 3
_HIDDEN = "AB03"
"""Portkey's code for "not allowed" and for "not in this workspace, or deleted" alike."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class PortkeyGateway:
    """The admin API of one workspace; implements `contract.Gateway`.

    `workspace` is a UUID or a slug (`ws-…`), which is looked up once, since configs take UUIDs only
    (facts/portkey.md 6.1). None with a workspace's own key, which implies it. `prefix` is the part
    between the base URL and the routes; Portkey's public one is `/v1` (facts/portkey.md 2).
    """

    def __init__(self, door: Door, workspace: str | None = None, *, prefix: str = "/v1") -> None:
        self._door = door
        self._workspace = workspace
        self._prefix = prefix

    @property
    def url(self) -> str:
        """Where the gateway is, for people to read."""
        return str(self._door.base)

    def check(self) -> None:
        """Read the first key of the workspace: proves URL, TLS, credential and workspace."""
        wire.page(self._call("GET", "/api-keys", query={**self._scope(), "page_size": 1, "current_page": 0}))

    def list_keys(self) -> tuple[RemoteKey, ...]:
        """Return every key of the workspace, other people's and other kinds included."""
        keys = tuple(wire.key(item) for item in self._listing("/api-keys"))
        if not any(key.config and _UUID.match(key.config) for key in keys):
            return keys
        slugs = {config.id: config.slug for config in self.list_configs()}
        return tuple(replace(key, config=slugs.get(key.config or "", key.config)) for key in keys)

    def list_configs(self) -> tuple[RemoteConfig, ...]:
        """Return every config of the workspace; Portkey leaves the bodies out."""
        return tuple(wire.config(item) for item in self._listing("/configs"))

    def get_config(self, slug: str) -> RemoteConfig:
        """Return one config with its body; `NotFound` also for one in another workspace."""
        try:
            reply = self._call("GET", f"/configs/{quote(slug, safe='')}", query=self._scope())
        except NotAuthorised as error:
            if error.code != _HIDDEN:
                raise
            raise NotFound(error.message, error.hint, status=error.status, code=error.code) from error
        item = wire.unwrapped(reply)
        if not {"id", "slug", "name"} <= item.keys():  # the specification's shape: the body alone
            item = {**self._listed_config(slug=slug).raw, **item}
        config = wire.config(item)
        if config.body is None:
            raise BadReply(f"a config without a body - {slug}")
        return config

    def create_config(self, name: str, body: Mapping[str, Any]) -> RemoteConfig:
        """Create a config; where the answer tells no slug, find it in the listing by id."""
        reply = self._call("POST", "/configs", body=wire.config_body(name, body, self._workspace_id()))
        try:
            created = wire.created_config(reply)
            slug = created.slug or self._listed_config(config_id=created.id).slug
        except GatewayError as error:
            raise OutcomeUnknown(
                f"config {name} was made, but not told under which slug - {error.message}",
                hint="run again: what exists is looked up first",
            ) from error
        return RemoteConfig(created.id, slug, name, dict(body), created.version)

    def update_config(self, slug: str, name: str, body: Mapping[str, Any]) -> None:
        """Replace a config's body."""
        self._call("PUT", f"/configs/{quote(slug, safe='')}", body={"name": name, "config": dict(body)})

    def create_key(self, spec: KeySpec) -> Minted:
        """Mint a service key of the workspace."""
        reply = self._call(
            "POST", "/api-keys/workspace/service", body=wire.key_body(spec, self._workspace_id())
        )
        return _minted(reply, f"key {spec.name} was made")

    def update_key(self, key_id: str, spec: KeySpec) -> None:
        """Bring a key to the spec; limits that the spec has not are cleared."""
        self._call("PUT", f"/api-keys/{quote(key_id, safe='')}", body=wire.key_update_body(spec))

    def rotate_key(self, key_id: str) -> Minted:
        """Give a key a new secret; the old one works on for 30 minutes (facts/portkey.md 4.4).

        Raises `RotationInTransition` while a former rotation's old secret still works.
        """
        try:
            reply = self._call("POST", f"/api-keys/{quote(key_id, safe='')}/rotate", body={})
        except Refused as error:
            if error.status not in {400, 409, 412} or "transition" not in error.message.lower():
                raise
            raise RotationInTransition(
                f"key {key_id} still has two live secrets from its last rotation - {error.message}",
                hint="wait until the old one has ended (30 minutes by default), then rotate",
                status=error.status,
                code=error.code,
            ) from error
        return _minted(reply, f"key {key_id} was rotated")

    def delete_key(self, key_id: str) -> None:
        """Revoke a key for good; success when it is gone already.

        A 403 AB03 says "gone" and "not allowed" alike. The listing decides, so that a missing scope
        is never taken for a revoked key.
        """
        try:
            self._call("DELETE", f"/api-keys/{quote(key_id, safe='')}")
        except NotFound:
            return
        except NotAuthorised as error:
            if error.code != _HIDDEN or any(item["id"] == key_id for item in self._listing("/api-keys")):
                raise

    def _call(
        self,
        method: Method,
        route: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        return self._door.call(method, f"{self._prefix}{route}", query=query, body=body)

    def _scope(self) -> dict[str, str | int]:
        workspace = self._workspace_id()
        return {} if workspace is None else {"workspace_id": workspace}

    def _workspace_id(self) -> str | None:
        """Return the workspace's UUID, looking a slug up the first time."""
        if self._workspace is not None and not _UUID.match(self._workspace):
            try:
                reply = self._call("GET", f"/admin/workspaces/{quote(self._workspace, safe='')}")
            except (NotAuthorised, NotFound) as error:
                raise type(error)(
                    f"can't look up workspace {self._workspace} - {error.message}",
                    hint="give its UUID; or none at all with a key that belongs to one workspace",
                    status=error.status,
                    code=error.code,
                ) from error
            self._workspace = wire.workspace_id(reply)
        return self._workspace

    def _listed_config(self, *, slug: str | None = None, config_id: str | None = None) -> RemoteConfig:
        """Return one config out of the listing, which may lag behind a create."""
        for look in range(_LOOKS):
            for config in self.list_configs():
                if config.slug == slug or config.id == config_id:
                    return config
            self._door.pause(look)
        raise BadReply(f"a config that is not in the listing - {slug or config_id}")

    def _listing(self, route: str) -> tuple[Mapping[str, Any], ...]:
        """Return a whole list; read it again when it moved under us, and give up when it never adds up."""
        for look in range(_LOOKS):
            items, fault = self._walk(route)
            if fault is None:
                return items
            self._door.pause(look)
        raise BadReply(
            f"a list that does not add up - {route} - {fault}",
            hint="somebody else may be changing it; nothing was done, run again",
        )

    def _walk(self, route: str) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """Read pages until an empty one, and say what is wrong with them, if anything.

        Not only until `total`: the check is worth nothing when a wrong total also ends the reading
        (T28). A page that brings nothing new ends it too, for gateways that ignore `current_page`.
        """
        seen: dict[str, Mapping[str, Any]] = {}
        total: int | None = None
        for number in range(_MOST_PAGES):
            query: dict[str, str | int] = {"page_size": _PAGE_SIZE, "current_page": number}
            page = wire.page(self._call("GET", route, query=query | self._scope()))
            if number == 0:
                total = page.total
            fresh = {wire.item_id(item): item for item in page.items}
            known = fresh.keys() & seen.keys()
            if len(known) == len(fresh):
                break
            if page.total != total:
                return (), f"its total went from {total} to {page.total}"
            if known or len(fresh) < len(page.items):
                return (), "an item stands in it twice"
            seen |= fresh
            if total is not None and len(seen) > total:
                break
        else:
            return (), f"it has no end after {_MOST_PAGES} pages"
        if total is not None and len(seen) != total:
            return (), f"{len(seen)} items of {total}"
        return tuple(seen.values()), None


class PortkeyDataPlane:
    """The inference side, with keys as bearers; implements `contract.DataPlane`. Its door has no
    credential of its own, so that all probes share one connection."""

    def __init__(self, door: Door, *, prefix: str = "/v1") -> None:
        self._door = door
        self._prefix = prefix

    def try_model(self, secret: SecretStr, model: str) -> Probe:
        """Send one minimal message, once; tell what came back. The detail never holds the key."""
        try:
            reply = self._door.call(
                "POST",
                f"{self._prefix}/messages",
                body={"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "ping"}]},
                headers={"anthropic-version": ANTHROPIC_VERSION},
                bearer=secret,
                effect="read",
                tries=1,
            )
        except Refused as error:
            return Probe(model, ok=False, status=error.status, detail=error.message)
        except GatewayError as error:
            return Probe(model, ok=False, status=None, detail=error.message)
        if not isinstance(reply, Mapping) or reply.get("type") != "message":
            return Probe(model, ok=False, status=200, detail="the answer is no message of the Anthropic API")
        return Probe(model, ok=True, status=200)


def _minted(reply: object, happened: str) -> Minted:
    """Read a secret; without it the call did its work all the same, and must not be repeated."""
    try:
        return wire.minted(reply)
    except BadReply as error:
        raise OutcomeUnknown(
            f"{happened}, but its secret was not told - {error.message}",
            hint="run again: what exists is looked up first",
        ) from error

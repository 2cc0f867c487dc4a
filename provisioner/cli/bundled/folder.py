"""What the bundled gateway keeps in a state folder: its token, its address, its database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.errors import ServeError
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.errors import GatewayError
from gateway_client.http import Door
from gateway_client.url import parse_gateway_url
from provisioner import files
from provisioner.errors import ProvisionError

ADDRESS_FILE = "gateway.json"
TOKEN_FILE = "gateway-admin.token"  # noqa: S105  # a file's name
DATABASE_FILE = "gateway.db"
PATIENCE = (1.0, 2.0)
"""Seconds to connect and to answer, when asking whether a gateway is being served."""


def admin_token(state: Path) -> SecretStr:
    """Return the gateway's admin token: 256 random bits, made at the first call, in a file of 0600."""
    path = state / TOKEN_FILE
    if not path.exists():
        files.write_whole(path, secrets.token_urlsafe(32).encode() + b"\n")
    return SecretStr(path.read_text(encoding="ascii").strip())


@contextmanager
def store(state: Path) -> Iterator[Store]:
    """Give the database's store; what is wrong with it is an error of the tool's."""
    with told(), closing(open_store(state / DATABASE_FILE, datetime.now(UTC))) as store:
        yield store


@contextmanager
def told() -> Iterator[None]:
    """Tell what keeps a gateway from serving as an error of the tool's."""
    try:
        yield
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc


def port(known: Mapping[str, str] | None) -> int:
    """Return the port of the first run, or the default."""
    return server.DEFAULT_PORT if known is None else parse_gateway_url(known["url"]).port


def remembered(state: Path) -> dict[str, str] | None:
    """Return `url` and `instance` of the first run, or None. Raises `ProvisionError` for a damaged file."""
    path = state / ADDRESS_FILE
    if not path.exists():
        return None
    try:
        known = json.loads(path.read_bytes())
        return {"url": str(known["url"]), "instance": str(known["instance"])}
    except (ValueError, KeyError, TypeError) as exc:
        raise ProvisionError(f"{path} is damaged", hint="restore it from a backup, or delete it") from exc


def remember(state: Path, url: str, instance: str) -> None:
    """Keep where the gateway listens, for later runs."""
    known = {"url": url, "instance": instance}
    if remembered(state) != known:
        files.write_whole(state / ADDRESS_FILE, json.dumps(known, sort_keys=True).encode() + b"\n")


def is_served(known: Mapping[str, str]) -> bool:
    """Tell whether what listens at the remembered address is this state's gateway."""
    try:
        return _instance_at(known["url"]) == known["instance"]
    except GatewayError:
        return False


def _instance_at(url: str) -> str:
    door = Door(parse_gateway_url(url), None, timeout=PATIENCE)
    try:
        health = door.call("GET", "/v1/health", tries=1)
    finally:
        door.close()
    return str(health.get("instance_id", "")) if isinstance(health, dict) else ""

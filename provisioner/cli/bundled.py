"""The bundled gateway of a state folder: found running, embedded for one run, or served.

The only module of the tool that imports it, and itself imported only when no gateway is configured.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.errors import BindRefused, PortTaken, ServeError
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream
from gateway_client.errors import GatewayError
from gateway_client.http import Door
from gateway_client.url import parse_gateway_url
from provisioner import files
from provisioner.cli import output
from provisioner.errors import Busy, ProvisionError, UsageError

ADDRESS_FILE = "gateway.json"
TOKEN_FILE = "gateway-admin.token"  # noqa: S105  # a file's name
DATABASE_FILE = "gateway.db"
PATIENCE = (1.0, 2.0)
"""Seconds to connect and to answer, when asking whether a gateway is being served."""


@contextmanager
def running(state: Path) -> Iterator[tuple[str, SecretStr]]:
    """Give the URL and admin token of this state's gateway; embed it where it is not being served.

    The address of the first run is kept, because the artifacts carry it.
    """
    token = admin_token(state)
    known = _remembered(state)
    if known is not None and _is_served(known):
        yield known["url"], token
        return
    with _embedded(GatewaySettings(state / DATABASE_FILE, token), known) as gateway:
        _remember(state, gateway.url, gateway.instance_id)
        yield gateway.url, token


def serve(
    state: Path,
    *,
    host: str | None,
    port: int | None,
    tls: tuple[Path, Path] | None,
    allow_insecure_bind: bool,
    upstreams: Mapping[str, HttpUpstream],
) -> None:
    """Serve this state's gateway until Ctrl-C or SIGTERM.

    Raises:
        UsageError: an address off loopback without TLS (T32), or upstreams that can't be.
        Busy: it is being served already.
    """
    token, known = admin_token(state), _remembered(state)
    if known is not None and _is_served(known):
        raise Busy(f"this gateway is being served already: {known['url']}", hint="use it, or stop it first")
    try:
        settings = GatewaySettings(state / DATABASE_FILE, token, upstreams=upstreams)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc

    def ready(url: str, instance: str) -> None:
        if host is None and tls is None:
            _remember(state, url, instance)
        output.say(f"the bundled gateway, for a pilot on this machine, is at {url}; Ctrl-C stops it")
        output.say(f"its admin token is in {state / TOKEN_FILE}")

    try:
        server.serve(
            settings,
            host=host or server.LOOPBACK,
            port=port if port is not None else _port(known),
            tls=server.Tls(*tls) if tls else None,
            allow_insecure_bind=allow_insecure_bind,
            on_ready=ready,
        )
    except BindRefused as exc:
        hint = "give --tls-cert and --tls-key, or say --insecure-bind if that is meant"
        raise UsageError(exc.message, hint) from exc
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc
    except KeyboardInterrupt:
        output.say("stopped")


def admin_token(state: Path) -> SecretStr:
    """Return the gateway's admin token: 256 random bits, made at the first call, in a file of 0600."""
    path = state / TOKEN_FILE
    if not path.exists():
        files.write_whole(path, secrets.token_urlsafe(32).encode() + b"\n")
    return SecretStr(path.read_text(encoding="ascii").strip())


@contextmanager
def _embedded(settings: GatewaySettings, known: Mapping[str, str] | None) -> Iterator[server.Embedded]:
    try:
        gateway = server.Embedded(settings, port=_port(known))
        gateway.__enter__()
    except PortTaken as exc:
        if known is not None:
            raise ProvisionError(
                f"{known['url']}, which the artifacts point to, is taken by something else",
                hint="stop what listens there, then run again",
            ) from exc
        gateway = server.Embedded(settings, port=0)
        gateway.__enter__()
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc
    try:
        yield gateway
    finally:
        gateway.__exit__(None, None, None)


def _port(known: Mapping[str, str] | None) -> int:
    return server.DEFAULT_PORT if known is None else parse_gateway_url(known["url"]).port


def _remembered(state: Path) -> dict[str, str] | None:
    path = state / ADDRESS_FILE
    if not path.exists():
        return None
    try:
        known = json.loads(path.read_bytes())
        return {"url": str(known["url"]), "instance": str(known["instance"])}
    except (ValueError, KeyError, TypeError) as exc:
        raise ProvisionError(f"{path} is damaged", hint="restore it from a backup, or delete it") from exc


def _remember(state: Path, url: str, instance: str) -> None:
    known = {"url": url, "instance": instance}
    if _remembered(state) != known:
        files.write_whole(state / ADDRESS_FILE, json.dumps(known, sort_keys=True).encode() + b"\n")


def _is_served(known: Mapping[str, str]) -> bool:
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


def upstream(url: str, key_variable: str) -> HttpUpstream:
    """Return an upstream whose key is in an environment variable."""
    key = os.environ.get(key_variable, "")
    if not key and not key_variable.isupper():  # it may be the key itself, which is not repeated
        raise UsageError("the last part of --upstream names no environment variable in capitals")
    if not key:
        raise UsageError(f"no upstream key in the environment variable {key_variable}")
    try:
        return HttpUpstream(url, SecretStr(key))
    except ValueError as exc:
        raise UsageError(str(exc)) from exc

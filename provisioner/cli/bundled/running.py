"""The gateway of a run: the one that is being served, or one embedded for as long as it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.errors import PortTaken, ServeError
from gateway_client.bundled.settings import GatewaySettings
from provisioner.cli.bundled import folder
from provisioner.errors import ProvisionError


@contextmanager
def running(state: Path) -> Iterator[tuple[str, SecretStr]]:
    """Give the URL and admin token of this state's gateway; embed it where it is not being served.

    The address of the first run is kept, because the artifacts carry it.
    """
    token = folder.admin_token(state)
    known = folder.remembered(state)
    if known is not None and folder.is_served(known):
        yield known["url"], token
        return
    # Deletes nothing from the log: how long that is kept is said to `serve` only.
    settings = GatewaySettings(state / folder.DATABASE_FILE, token, retention_days=None)
    with _embedded(settings, known) as gateway:
        folder.remember(state, gateway.url, gateway.instance_id)
        yield gateway.url, token


@contextmanager
def _embedded(settings: GatewaySettings, known: Mapping[str, str] | None) -> Iterator[server.Embedded]:
    try:
        gateway = server.Embedded(settings, port=folder.port(known))
        gateway.__enter__()
    except PortTaken as exc:
        if known is not None:
            raise ProvisionError(
                f"{known['url']}, which the artifacts point to, is taken by something else",
                hint="stop what listens there, then run again",
            ) from exc
        gateway = server.Embedded(settings, port=0)
        with folder.told():
            gateway.__enter__()
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc
    try:
        yield gateway
    finally:
        gateway.__exit__(None, None, None)

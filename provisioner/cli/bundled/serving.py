"""`provision gateway serve`: the gateway in the foreground, and what it says there."""

from __future__ import annotations

import ipaddress
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gateway_client.bundled import server
from gateway_client.bundled.errors import BindRefused, ServeError
from gateway_client.bundled.settings import GatewaySettings
from gateway_client.bundled.store import keys, providers
from provisioner.cli import output
from provisioner.cli.bundled import folder
from provisioner.cli.bundled.events import told
from provisioner.cli.bundled.settings import Options, together
from provisioner.errors import Busy, ProvisionError, UsageError


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a gateway listens; None leaves it to the first run, or the default."""

    host: str | None = None
    port: int | None = None
    tls: tuple[Path, Path] | None = None
    allow_insecure_bind: bool = False


def serve(state: Path, listening: Listening, options: Options) -> None:
    """Serve this state's gateway until Ctrl-C or SIGTERM.

    Raises:
        UsageError: an address off loopback without TLS (T32), or settings that can't be.
        Busy: it is being served already.
    """
    token, known = folder.admin_token(state), folder.remembered(state)
    if known is not None and folder.is_served(known):
        raise Busy(f"this gateway is being served already: {known['url']}", hint="use it, or stop it first")
    settings = together(state, token, options)
    port = listening.port if listening.port is not None else folder.port(known)
    moved = known is not None and port != folder.port(known)

    def ready(url: str, instance: str) -> None:
        if listening.host is None and listening.tls is None and not moved:
            folder.remember(state, url, instance)
        everywhere = _is_unspecified(listening.host)
        where = (
            f"on all addresses of this machine, port {url.rpartition(':')[2]}" if everywhere else f"at {url}"
        )
        base = "" if everywhere else url
        output.say(f"the bundled gateway, for a pilot on this machine, is {where}; Ctrl-C stops it")
        output.say(f"its admin token is in {state / folder.TOKEN_FILE}")
        output.say(f"its log is at {base}/logs, its figures at {base}/analytics, MCP at {base}/mcp")
        if moved and known is not None:
            output.say(f"what is rolled out points to {known['url']}; serve without --port for that")
        _say_who_answers(state, settings)
        if settings.log_bodies:
            output.say(
                "WARNING: prompts and answers are written down, redacted; tell the people whose they are"
            )

    try:
        with _terminable(), told(options.quiet):
            server.serve(
                settings,
                host=listening.host or server.LOOPBACK,
                port=port,
                tls=server.Tls(*listening.tls) if listening.tls else None,
                allow_insecure_bind=listening.allow_insecure_bind,
                on_ready=ready,
            )
    except BindRefused as exc:
        hint = "give --tls-cert and --tls-key, or say --insecure-bind if that is meant"
        raise UsageError(exc.message, hint) from exc
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc
    except KeyboardInterrupt:
        output.say("stopped")
    except _Terminated:
        output.say("stopped")
        signal.raise_signal(signal.SIGTERM)  # so that whoever sent it sees the usual end


class _Terminated(BaseException):
    """SIGTERM came; the gateway stopped gracefully before."""


@contextmanager
def _terminable() -> Iterator[None]:
    def terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_unspecified(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _say_who_answers(state: Path, settings: GatewaySettings) -> None:
    with folder.store(state) as store, store.reading() as db:
        added, no_key_yet = providers.listed(db), not keys.held(db)
    services = {row.slug: row.base_url for row in added if row.base_url}
    services |= {slug: upstream.base_url for slug, upstream in settings.upstreams.items()}
    slugs = dict.fromkeys([*settings.providers, *(row.slug for row in added)])
    told = [f"@{slug} {services[slug]}" for slug in slugs if slug in services]
    if echoed := [f"@{slug}" for slug in slugs if slug not in services]:
        told.append(f"{', '.join(echoed)} the echo")
    output.say(f"providers: {'; '.join(told)}")
    if no_key_yet:
        output.say("it has no keys yet: provision --roster FILE makes them")

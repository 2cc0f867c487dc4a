"""The bundled gateway of a state folder: found running, embedded for one run, or served.

The only module of the tool that imports it, and itself imported only when no gateway is configured.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import secrets
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import Queue
from types import FrameType
from typing import Any, NoReturn

from pydantic import SecretStr

from gateway_client.bundled import server
from gateway_client.bundled.credentials import sendable
from gateway_client.bundled.errors import BindRefused, PortTaken, ServeError
from gateway_client.bundled.settings import (
    MCP_SLUG,
    PROVIDERS,
    GatewaySettings,
    HttpUpstream,
    McpServer,
    check_base_url,
    check_url,
    is_mcp_slug,
)
from gateway_client.bundled.store import keys, providers
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.providers import StoredProvider
from gateway_client.errors import GatewayError
from gateway_client.http import Door
from gateway_client.url import parse_gateway_url
from provisioner import files
from provisioner.cli import gateway_file, output
from provisioner.cli.gateway_file import Auth, Family
from provisioner.errors import Busy, ProvisionError, UsageError
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath

ADDRESS_FILE = "gateway.json"
TOKEN_FILE = "gateway-admin.token"  # noqa: S105  # a file's name
DATABASE_FILE = "gateway.db"
PATIENCE = (1.0, 2.0)
"""Seconds to connect and to answer, when asking whether a gateway is being served."""
EVENTS = "gateway_client.bundled.events"
MOST_WAITING = 10_000
LINE_END = re.compile(r"\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a gateway listens; None leaves it to the first run, or the default."""

    host: str | None = None
    port: int | None = None
    tls: tuple[Path, Path] | None = None
    allow_insecure_bind: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the settings file, which it beats; None says nothing."""

    settings: Path | None = None
    upstreams: Mapping[str, HttpUpstream] | None = None
    log_bodies: bool = False
    retention_days: int | None = None
    quiet: bool = False


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
    # Deletes nothing from the log: how long that is kept is said to `serve` only.
    settings = GatewaySettings(state / DATABASE_FILE, token, retention_days=None)
    with _embedded(settings, known) as gateway:
        _remember(state, gateway.url, gateway.instance_id)
        yield gateway.url, token


def serve(state: Path, listening: Listening, options: Options) -> None:
    """Serve this state's gateway until Ctrl-C or SIGTERM.

    Raises:
        UsageError: an address off loopback without TLS (T32), or settings that can't be.
        Busy: it is being served already.
    """
    token, known = admin_token(state), _remembered(state)
    if known is not None and _is_served(known):
        raise Busy(f"this gateway is being served already: {known['url']}", hint="use it, or stop it first")
    settings = _settings(state, token, options)
    port = listening.port if listening.port is not None else _port(known)
    moved = known is not None and port != _port(known)

    def ready(url: str, instance: str) -> None:
        if listening.host is None and listening.tls is None and not moved:
            _remember(state, url, instance)
        everywhere = _is_unspecified(listening.host)
        where = (
            f"on all addresses of this machine, port {url.rpartition(':')[2]}" if everywhere else f"at {url}"
        )
        base = "" if everywhere else url
        output.say(f"the bundled gateway, for a pilot on this machine, is {where}; Ctrl-C stops it")
        output.say(f"its admin token is in {state / TOKEN_FILE}")
        output.say(f"its log is at {base}/logs, its figures at {base}/analytics, MCP at {base}/mcp")
        if moved and known is not None:
            output.say(f"what is rolled out points to {known['url']}; serve without --port for that")
        _say_who_answers(state, settings)
        if settings.log_bodies:
            output.say(
                "WARNING: prompts and answers are written down, redacted; tell the people whose they are"
            )

    try:
        with _terminable(), _events_told(options.quiet):
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
    with _store(state) as store, store.reading() as db:
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


def _settings(state: Path, token: SecretStr, options: Options) -> GatewaySettings:
    """Put the settings file and the command line together. Raises `UsageError`."""
    found = gateway_file.load(options.settings, state, _flaws)
    try:
        return GatewaySettings(
            state / DATABASE_FILE,
            token,
            saved_only=found.saved_only,
            providers={**PROVIDERS, **{p.slug: _family(p.slug, p.family) for p in found.provider}},
            upstreams={**{p.slug: _upstream_of(p) for p in found.provider}, **(options.upstreams or {})},
            mcp_servers={server.slug: _mcp_server(server) for server in found.mcp_server},
            log_bodies=options.log_bodies or found.log_bodies,
            retention_days=found.retention_days if options.retention_days is None else options.retention_days,
        )
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def _flaws(tree: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield what only this machine, or the gateway itself, can find wrong."""
    for name, check in (("provider", check_base_url), ("mcp_server", check_url)):
        for at, entry in gateway_file.entries(tree, name):
            url, slug, key = entry.get("url"), entry.get("slug"), entry.get("key")
            if isinstance(url, str):
                try:
                    check("url", url)
                except ValueError as exc:
                    yield Flaw((name, at, "url"), "BAD_VALUE", str(exc).removeprefix("url: "), "correct it")
            if name == "mcp_server" and isinstance(slug, str) and not is_mcp_slug(slug):
                yield Flaw((name, at, "slug"), "BAD_VALUE", "is no slug", f"write {MCP_SLUG}", slug)
            if isinstance(key, dict) and isinstance(key.get("env"), str):
                yield from _key_flaws((name, at, "key"), key["env"])


def _key_flaws(path: KeyPath, variable: str) -> Iterator[Flaw]:
    if not os.environ.get(variable):
        message = "names an environment variable that is not set"
        yield Flaw(path, "MISSING_KEY", message, "set it where the gateway starts", variable)
    elif not sendable(_in_environment(variable)):
        message = "names an environment variable whose value no header can carry"
        yield Flaw(
            path, "BAD_KEY", message, "set it without space, line break or letters off ASCII", variable
        )


def _upstream_of(provider: gateway_file.Provider) -> HttpUpstream:
    return HttpUpstream(provider.url, _in_environment(provider.key.env), provider.auth)


def _mcp_server(found: gateway_file.McpServer) -> McpServer:
    key = None if found.key is None else _in_environment(found.key.env)
    return McpServer(found.url, key, found.header, found.tools, found.keys, found.timeout)


def _in_environment(variable: str) -> SecretStr:
    """Return a key without the line break that `$(cat file)` would have left out, too."""
    return SecretStr(LINE_END.sub("", os.environ.get(variable, "")))


def _family(slug: str, family: Family | None) -> str:
    return family or PROVIDERS.get(slug, "anthropic")


class _Lines(logging.Handler):
    """Prints events on stderr, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody reads stderr any more; the log has it all the same
            output.told(record.getMessage())


class _Waiting(QueueHandler):
    """Lets events wait for a slow reader of stderr, and drops them when too many do."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: the request log's own thread, which comes here, must never wait."""


@contextmanager
def _events_told(quiet: bool) -> Iterator[None]:
    if quiet:
        yield
        return
    waiting: Queue[logging.LogRecord] = Queue(MOST_WAITING)
    log, handler, printer = logging.getLogger(EVENTS), _Waiting(waiting), QueueListener(waiting, _Lines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    printer.start()
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        printer.stop()


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to be added; without a URL the echo answers for it."""

    slug: str
    url: str | None
    family: Family | None
    auth: Auth


def add_provider(state: Path, new: NewProvider, key: SecretStr | None) -> None:
    """Keep a provider with its key sealed; a gateway that is being served knows it a second later.

    Raises `UsageError` for a slug or URL that can't be, `ProvisionError` where the seal is broken.
    """
    from gateway_client.bundled.store import seal

    if not gateway_file.SLUG.match(new.slug):
        raise UsageError("a provider's slug is letters, digits, - and _, e.g. anthropic-prod")
    database = state / DATABASE_FILE
    sealed = None
    if new.url is not None and key is not None:
        try:
            HttpUpstream(new.url, key, new.auth)
        except ValueError as exc:
            raise UsageError(str(exc)) from exc
        with _told():
            sealed = seal.of(database, may_create=True).close(new.slug, key)
    stored = StoredProvider(new.slug, _family(new.slug, new.family), new.url, new.auth, sealed)
    with _store(state) as store, store.writing() as db:
        providers.put(db, stored, datetime.now(UTC))


def remove_provider(state: Path, slug: str) -> str:
    """Forget a provider and its key, and return what becomes of requests that name it.

    Raises `UsageError` where there is none of that slug.
    """
    with _store(state) as store, store.writing() as db:
        if not providers.remove(db, slug):
            raise UsageError(f"no provider {slug} was added", hint="see provision gateway provider list")
    if slug in PROVIDERS:
        return f"@{slug} is answered by the echo again"
    return f"requests that name @{slug} are refused"


def listed_providers(state: Path) -> list[dict[str, str | None]]:
    """Return all providers: slug, family, the URL behind it (None for the echo), and where that is from.

    What the state folder's settings file says beats what was added, as it does for the gateway; what
    `serve` is told on its command line is not known here. Raises `InputError` for a file that can't be read.
    """
    named = {entry.slug: entry for entry in gateway_file.load(None, state, lambda _: ()).provider}
    with _store(state) as store, store.reading() as db:
        added = {row.slug: row for row in providers.listed(db)}
    found: list[dict[str, str | None]] = []
    for slug in dict.fromkeys([*PROVIDERS, *named, *added]):
        entry, row = named.get(slug), added.get(slug)
        family = row.family if row else _family(slug, entry.family if entry else None)
        url = entry.url if entry else row.base_url if row else None
        origin = gateway_file.NAME if entry else "added" if row else "shipped"
        found.append({"slug": slug, "family": family, "url": url, "origin": origin})
    return found


@contextmanager
def _store(state: Path) -> Iterator[Store]:
    with _told(), closing(open_store(state / DATABASE_FILE, datetime.now(UTC))) as store:
        yield store


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ServeError as exc:
        raise ProvisionError(exc.message, exc.hint) from exc


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
        with _told():
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


def upstream_key(option: str, variable: str) -> SecretStr:
    """Return an upstream's key from the environment variable that an option names."""
    key = os.environ.get(variable, "")
    if not key and not variable.isupper():  # it may be the key itself, which is not repeated
        raise UsageError(f"{option} names no environment variable in capitals")
    if not key:
        raise UsageError(f"no upstream key in the environment variable {variable}")
    return _in_environment(variable)


def upstreams(options: Iterable[str]) -> dict[str, HttpUpstream]:
    """Return what `--upstream SLUG=URL=VARIABLE` names, by slug. Raises `UsageError`."""
    given = {}
    for text in options:
        slug, _, rest = text.partition("=")
        url, _, variable = rest.rpartition("=")
        if not (slug and url and variable):
            raise UsageError(
                "--upstream is SLUG=URL=VARIABLE, e.g. anthropic-prod=https://api.anthropic.com=UPSTREAM_KEY"
            )
        try:
            given[slug] = HttpUpstream(url, upstream_key("the last part of --upstream", variable))
        except ValueError as exc:
            raise UsageError(f"--upstream {slug}: {exc}") from exc
    return given

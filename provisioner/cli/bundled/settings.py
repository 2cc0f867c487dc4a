"""How the gateway is to run: its settings file and the command line, put together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from gateway_client.bundled.credentials import sendable
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
from provisioner.cli import gateway_file
from provisioner.cli.bundled import folder
from provisioner.cli.gateway_file import Family
from provisioner.errors import UsageError
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath

LINE_END = re.compile(r"\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the settings file, which it beats; None says nothing."""

    settings: Path | None = None
    upstreams: Mapping[str, HttpUpstream] | None = None
    log_bodies: bool = False
    retention_days: int | None = None
    quiet: bool = False


def together(state: Path, token: SecretStr, options: Options) -> GatewaySettings:
    """Put the settings file and the command line together. Raises `UsageError`."""
    found = gateway_file.load(options.settings, state, _flaws)
    try:
        return GatewaySettings(
            state / folder.DATABASE_FILE,
            token,
            saved_only=found.saved_only,
            providers={**PROVIDERS, **{p.slug: family_of(p.slug, p.family) for p in found.provider}},
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


def family_of(slug: str, family: Family | None) -> str:
    """Return a provider's family: as said, as shipped for its slug, else anthropic."""
    return family or PROVIDERS.get(slug, "anthropic")


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

"""`provision gateway serve`, and its providers: the bundled gateway of a state folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli import options
from provisioner.errors import UsageError

if TYPE_CHECKING:
    from provisioner.cli.gateway_file import Auth, Family

state_option = click.option(
    "--state", type=options.FOLDER, default=Path(".provision"), show_default=True, help="Its state folder."
)


@click.group("gateway")
def command() -> None:
    """The bundled gateway: Portkey's wire on one machine, for a pilot."""


@command.command("serve")
@state_option
@click.option("--host", help="Address to listen on  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port; another than the first run's is not remembered  [default: that, or 8080]",
)
@click.option("--tls-cert", type=options.FILE, help="Certificate chain (PEM), for an address off loopback.")
@click.option("--tls-key", type=options.FILE, help="Its private key (PEM).")
@click.option(
    "--insecure-bind", is_flag=True, help="Listen off loopback without TLS: keys travel in the clear."
)
@click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="SLUG=URL=VARIABLE",
    help="Serve a provider, e.g. anthropic-prod, from an Anthropic-compatible URL; its key is in VARIABLE.",
)
@click.option(
    "--settings", type=options.FILE, help="Settings file  [default: gateway.toml in the state folder]"
)
@click.option("--log-bodies", is_flag=True, help="Write prompts and answers down, too, redacted.")
@click.option(
    "--retention-days",
    type=click.IntRange(0, 36_500),
    metavar="N",
    help="Delete logged requests after N days, 0 never  [default: 30]",
)
@click.option("--quiet", is_flag=True, help="Print no line per event.")
def serve(
    state: Path,
    host: str | None,
    port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_bind: bool,
    upstreams: tuple[str, ...],
    settings: Path | None,
    log_bodies: bool,
    retention_days: int | None,
    quiet: bool,
) -> None:
    """Serve until Ctrl-C. Providers without an upstream are answered by an echo."""
    from provisioner.cli import context
    from provisioner.cli.bundled.serving import Listening
    from provisioner.cli.bundled.serving import serve as serve_gateway
    from provisioner.cli.bundled.settings import Options
    from provisioner.cli.bundled.settings import upstreams as given

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    serve_gateway(
        context.state_folder(state),
        Listening(host, port, tls, insecure_bind),
        Options(settings, given(upstreams), log_bodies, retention_days, quiet),
    )


@command.group("provider")
def provider() -> None:
    """The services behind the gateway, with their keys sealed; a gateway that is served notices."""


@provider.command("add")
@click.argument("slug")
@click.option("--url", help="Its Anthropic-compatible base URL, without /v1  [default: the echo answers]")
@click.option(
    "--family",
    type=click.Choice(["anthropic", "bedrock", "vertex", "azure"]),
    help="For models written as family/model  [default: as shipped for the slug, or anthropic]",
)
@click.option(
    "--auth",
    type=click.Choice(["x-api-key", "bearer"]),
    default="x-api-key",
    show_default=True,
    help="The header that carries its key.",
)
@click.option(
    "--key-from", metavar="VARIABLE", help="Where its key is  [default: asked for, or standard input]"
)
@state_option
def add_provider(
    slug: str, url: str | None, family: Family | None, auth: Auth, key_from: str | None, state: Path
) -> None:
    """Add a provider, or replace the one of this SLUG, e.g. anthropic-prod."""
    from provisioner.cli import context, output
    from provisioner.cli.bundled import providers, settings

    if url is None and key_from is not None:
        raise UsageError("--key-from needs --url: the echo has no key")
    folder = context.state_folder(state)
    key = None
    if url is not None:
        key = (
            settings.upstream_key("--key-from", key_from) if key_from else output.ask_secret(f"key of {slug}")
        )
    providers.add_provider(folder, providers.NewProvider(slug, url, family, auth), key)
    output.say(f"@{slug} is answered by {url or 'the echo'}")


@provider.command("list")
@state_option
@options.format_option
def list_providers(state: Path, json: bool) -> None:
    """List the providers: shipped, of gateway.toml, and added; never their keys."""
    from provisioner.cli import context, output
    from provisioner.cli.bundled import providers
    from provisioner.report import columns

    found = providers.listed_providers(context.state_folder(state))
    if json:
        output.result_json({"version": 1, "kind": "providers", "providers": found})
        return
    rows = [
        (f"@{row['slug']}", row["family"] or "", row["url"] or "the echo", row["origin"] or "")
        for row in found
    ]
    table = columns.table([("provider", "family", "answered by", "origin"), *rows], output.width(), indent=0)
    output.result("\n".join(table))


@provider.command("remove")
@click.argument("slug")
@state_option
def remove_provider(slug: str, state: Path) -> None:
    """Forget an added provider and its key; one of the shipped slugs is answered by the echo again."""
    from provisioner.cli import context, output
    from provisioner.cli.bundled import providers

    now = providers.remove_provider(context.state_folder(state), slug)
    output.say(f"removed @{slug}; {now}")

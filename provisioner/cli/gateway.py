"""`provision gateway serve`: the bundled gateway in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options
from provisioner.errors import UsageError


@click.group("gateway")
def command() -> None:
    """The bundled gateway: Portkey's wire on one machine, for a pilot."""


@command.command("serve")
@click.option(
    "--state", type=options.FOLDER, default=Path(".provision"), show_default=True, help="Its state folder."
)
@click.option("--host", help="Address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port  [default: that of the first run, or 8080]")
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
def serve(
    state: Path,
    host: str | None,
    port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_bind: bool,
    upstreams: tuple[str, ...],
) -> None:
    """Serve until Ctrl-C. Providers without an upstream are answered by an echo."""
    from provisioner.cli import bundled, context

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    given = {}
    for text in upstreams:
        slug, _, rest = text.partition("=")
        url, _, variable = rest.rpartition("=")
        if not (slug and url and variable):
            raise UsageError(
                "--upstream is SLUG=URL=VARIABLE, e.g. anthropic-prod=https://api.anthropic.com=UPSTREAM_KEY"
            )
        given[slug] = bundled.upstream(url, variable)
    bundled.serve(
        context.state_folder(state),
        host=host,
        port=port,
        tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
        allow_insecure_bind=insecure_bind,
        upstreams=given,
    )

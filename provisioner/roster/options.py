"""What the fleet file and the command line say about a roster, checked and canonical."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner import naming
from provisioner.errors import UsageError
from provisioner.roster.address import canonical_domain
from provisioner.roster.text import Flaw, foreign

METADATA_KEY = re.compile(r"[a-z][a-z0-9_.-]{0,63}\Z")
RESERVED_METADATA = frozenset({"tenant", "user", "_user", "team", "env", "rev"})
"""Metadata keys that the tool sets itself."""


@dataclass(frozen=True, slots=True)
class RosterOptions:
    """How to read a roster; names may be given as people write them."""

    tenant: str | None = None
    metadata_columns: tuple[str, ...] = ()
    """Columns that become metadata under their own names, in this order."""
    domains: tuple[str, ...] = ()
    """The only domains of addresses, subdomains not included; empty allows any that is plain ASCII."""
    envs: tuple[str, ...] | None = None
    """The only envs; None allows any."""


def canonical(options: RosterOptions) -> RosterOptions:
    """Return options with slugs and canonical domains; raise `UsageError` for one that has none."""
    keys: set[str] = set()
    for key in options.metadata_columns:
        if not METADATA_KEY.match(key) or key in RESERVED_METADATA or key in keys:
            raise UsageError(
                f"metadata column {naming.shown(key)} can't be used",
                "name each once, of a-z, 0-9, _ . - and starting with a letter; "
                f"{', '.join(sorted(RESERVED_METADATA))} are the tool's own",
            )
        keys.add(key)
    return RosterOptions(
        tenant=None if options.tenant is None else _slugs("tenant", [options.tenant])[0],
        metadata_columns=options.metadata_columns,
        domains=tuple(_domain(domain) for domain in options.domains),
        envs=None if options.envs is None else tuple(_slugs("env", options.envs)),
    )


def _slugs(what: str, names: Sequence[str]) -> list[str]:
    slugs = []
    for name in names:
        slug = None if foreign(name) else naming.slug(name)
        if slug is None:
            raise UsageError(
                f"{what} {naming.shown(name)} gives no name", "use letters from a to z and digits"
            )
        slugs.append(slug)
    return slugs


def _domain(text: str) -> str:
    domain = canonical_domain(text)
    if isinstance(domain, Flaw):
        raise UsageError(f"allowed domain {naming.shown(text)} is no domain: {domain.message}", domain.fix)
    return domain

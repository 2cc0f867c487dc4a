"""`provision gateway provider`: services behind the gateway, added, listed and removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from gateway_client.bundled.settings import PROVIDERS, HttpUpstream
from gateway_client.bundled.store import providers
from gateway_client.bundled.store.providers import StoredProvider
from provisioner.cli import gateway_file
from provisioner.cli.bundled import folder
from provisioner.cli.bundled.settings import family_of
from provisioner.cli.gateway_file import Auth, Family
from provisioner.errors import UsageError


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
    database = state / folder.DATABASE_FILE
    sealed = None
    if new.url is not None and key is not None:
        try:
            HttpUpstream(new.url, key, new.auth)
        except ValueError as exc:
            raise UsageError(str(exc)) from exc
        with folder.told():
            sealed = seal.of(database, may_create=True).close(new.slug, key)
    stored = StoredProvider(new.slug, family_of(new.slug, new.family), new.url, new.auth, sealed)
    with folder.store(state) as store, store.writing() as db:
        providers.put(db, stored, datetime.now(UTC))


def remove_provider(state: Path, slug: str) -> str:
    """Forget a provider and its key, and return what becomes of requests that name it.

    Raises `UsageError` where there is none of that slug.
    """
    with folder.store(state) as store, store.writing() as db:
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
    with folder.store(state) as store, store.reading() as db:
        added = {row.slug: row for row in providers.listed(db)}
    found: list[dict[str, str | None]] = []
    for slug in dict.fromkeys([*PROVIDERS, *named, *added]):
        entry, row = named.get(slug), added.get(slug)
        family = row.family if row else family_of(slug, entry.family if entry else None)
        url = entry.url if entry else row.base_url if row else None
        origin = gateway_file.NAME if entry else "added" if row else "shipped"
        found.append({"slug": slug, "family": family, "url": url, "origin": origin})
    return found

"""Providers of the operator's own: their keys sealed, known while the gateway runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway_client.bundled.errors import SealBroken, ServeError
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream
from gateway_client.bundled.store import providers, seal
from gateway_client.bundled.store.database import open_store
from gateway_client.bundled.store.providers import StoredProvider
from gateway_client.bundled.upstreams.catalog import Catalog

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
KEY = SecretStr("sk-upstream-canary")


def opened(secret: SecretStr) -> str:
    return secret.get_secret_value()


def add(database: Path, slug: str, url: str | None = "http://127.0.0.1:9", family: str = "anthropic") -> None:
    """Add a provider as another process does."""
    database.parent.mkdir(exist_ok=True)
    sealed = seal.of(database, may_create=True).close(slug, KEY) if url else None
    with closing(open_store(database, NOW)) as store, store.writing() as db:
        providers.put(db, StoredProvider(slug, family, url, "x-api-key", sealed), NOW)


def remove(database: Path, slug: str) -> None:
    with closing(open_store(database, NOW)) as store, store.writing() as db:
        assert providers.remove(db, slug)


def settings(database: Path, **fields: Any) -> GatewaySettings:
    return GatewaySettings(database, SecretStr("admin"), **fields)


def test_two_that_make_the_seals_key_at_once_have_the_same(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.parent.mkdir()
    other: list[seal.Seal] = []
    link = os.link

    def late(draft: Path, path: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        other.append(seal.of(database, may_create=True))  # by another process, after we had looked
        link(draft, path)

    monkeypatch.setattr(os, "link", late)
    ours = seal.of(database, may_create=True)
    assert opened(other[0].open("anthropic-prod", ours.close("anthropic-prod", KEY))) == opened(KEY)
    assert [path.name for path in database.parent.iterdir()] == [seal.FILE]
    assert database.with_name(seal.FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_opens_for_its_own_slug_and_seal_only(database: Path, tmp_path: Path) -> None:
    database.parent.mkdir()
    ours = seal.of(database, may_create=True)
    box = ours.close("anthropic-prod", KEY)
    assert opened(seal.of(database).open("anthropic-prod", box)) == opened(KEY)
    changed = box[:-6] + ("A" if box[-6] != "A" else "B") + box[-5:]
    for slug, sealed in (("bedrock-prod", box), ("anthropic-prod", changed), ("anthropic-prod", "%%%")):
        with pytest.raises(SealBroken, match="does not open"):
            ours.open(slug, sealed)
    other = seal.of(tmp_path / "gateway.db", may_create=True)
    with pytest.raises(SealBroken, match="does not open"):
        other.open("anthropic-prod", box)


@pytest.mark.parametrize("content", [None, b"", b"damaged", b"AAAA\n"])
def test_a_gateway_without_its_seals_key_does_not_start(database: Path, content: bytes | None) -> None:
    add(database, "anthropic-prod")
    key_file = database.with_name(seal.FILE)
    assert key_file.stat().st_mode & 0o777 == 0o600
    if content is None:
        key_file.unlink()
    else:
        key_file.write_bytes(content)
    with pytest.raises(SealBroken, match=r"gateway-seal\.key"), Embedded(settings(database)):
        pytest.fail("it started")


@pytest.mark.covers("S151")
def test_a_running_gateway_learns_of_providers(
    start_gateway: Callable[..., Any], fake_upstream: Any, tmp_path: Path
) -> None:
    database = tmp_path / "state" / "gateway.db"
    add(database, "our-own", None)  # a config may name only what there is
    wire = start_gateway(database=database)
    key = wire.bound({"provider": "@our-own"})["key"]
    remove(database, "our-own")
    fake_upstream.answer("claude-opus-4-8", 200, b'{"from":"upstream"}')
    until(lambda: wire.ask(key), 400, "Following keys are not valid: our-own")
    add(database, "our-own", fake_upstream.url)
    assert until(lambda: wire.ask(key), 200).json() == {"from": "upstream"}
    assert fake_upstream.seen[-1][1]["x-api-key"] == opened(KEY)
    add(database, "our-own", None)
    assert until(lambda: wire.ask(key), 200, "echo: hi").headers["x-portkey-provider"] == "our-own"
    remove(database, "our-own")
    until(lambda: wire.ask(key), 400, "Following keys are not valid: our-own")


def until(ask: Callable[[], Any], status: int, text: str = "") -> Any:
    """Ask until the answer is the wanted one; the gateway looks once a second."""
    deadline = time.monotonic() + 10
    while (reply := ask()).status_code != status or text not in reply.text:
        assert time.monotonic() < deadline, reply.text
        time.sleep(0.05)
    return reply


def test_a_family_goes_to_its_service_before_the_echo(database: Path) -> None:
    add(database, "vertex-eu", family="vertex")
    with closing(open_store(database, NOW)) as store:
        known = Catalog(settings(database), store).known()
    assert next(slug for slug, family in known.families.items() if family == "vertex") == "vertex-eu"
    assert known.services == {"vertex-eu"}
    assert known.families.keys() == known.upstreams.keys()


def test_what_the_gateway_was_started_with_wins(database: Path, fake_upstream: Any) -> None:
    add(database, "anthropic-prod")
    given = {"anthropic-prod": HttpUpstream(fake_upstream.url, SecretStr("from-the-command-line"))}
    with closing(open_store(database, NOW)) as store:
        catalog = Catalog(settings(database, upstreams=given), store)
        first = catalog.known().upstreams["anthropic-prod"]
        with store.writing() as db:
            providers.put(db, StoredProvider("more", "azure", None, "bearer", None), NOW)
        assert "more" in catalog.known().families, "a change in this process is known at once"
        assert catalog.known().upstreams["anthropic-prod"] is first, "connections are kept"


def test_a_key_that_does_not_open_leaves_the_providers_as_they_were(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(database, "anthropic-prod")
    with closing(open_store(database, NOW)) as store:
        catalog = Catalog(settings(database), store)
        before = catalog.known()
        with store.writing() as db:
            providers.put(db, StoredProvider("bad", "azure", "https://h", "bearer", "no box"), NOW)
        assert catalog.known() is before
        assert catalog.known() is before
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "provider bad does not open" in caplog.text
    assert opened(KEY) not in caplog.text


def test_an_added_provider_that_can_not_be_is_told_by_its_slug(database: Path) -> None:
    """One of a release that checked less."""
    add(database, "old", "https://x.example/v1")
    with pytest.raises(ServeError, match="provider old: upstream url: ends in /v1") as caught:
        Embedded(settings(database)).__enter__()
    assert caught.value.hint == "add it again, or remove it"

"""Faults on demand, the far end of the tool's crash tests: each has its effect, and our adapter copes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled.settings import Faults
from gateway_client.contract import KeySpec
from gateway_client.errors import BadReply, NotAuthorised, OutcomeUnknown, Refused
from gateway_client.http import Door
from gateway_client.portkey import PortkeyDataPlane, PortkeyGateway
from gateway_client.url import parse_gateway_url

ADMIN = "test-admin-token-0123456789abcdefghijklmnopqrstuv"
BODY = {"provider": "@anthropic-prod"}
SPEC = KeySpec(
    name="claude-desktop-eng-prod",
    description="provision:ledger-1",
    config="",
    metadata={},
    budget=None,
    rate_limits=(),
    expires_at=None,
)


@pytest.fixture
def door_to() -> Iterator[Callable[..., Door]]:
    """Open doors as the tool does; they note in `slept` how long they would have waited."""
    with ExitStack() as stack:

        def opened(wire: Any, slept: list[float] | None = None) -> Door:
            noted = [] if slept is None else slept
            door = Door(parse_gateway_url(wire.url), SecretStr(ADMIN), sleep=noted.append)
            return stack.enter_context(closing(door))

        yield opened


def names(wire: Any) -> list[str]:
    return [config["name"] for config in wire.admin("GET", "/configs").json()["data"]]


@pytest.mark.covers("T1")
def test_created_then_dropped_and_dropped_before(start_gateway: Callable[..., Any]) -> None:
    """Calls are numbered over every changing method; reading ones do not count."""
    wire = start_gateway(faults=Faults(drop_after=frozenset({2}), drop_before=frozenset({3})))

    def create(name: str) -> None:
        wire.config({"provider": "@anthropic-prod"}, name)

    create("one")
    wire.admin("GET", "/configs")
    with pytest.raises(requests.ConnectionError):
        create("two")
    assert names(wire) == ["one", "two"]
    with pytest.raises(requests.ConnectionError):
        create("three")
    assert names(wire) == ["one", "two"]
    create("four")
    assert names(wire) == ["one", "two", "four"]
    audit = wire.admin("GET", "/audit").json()["data"]
    assert [call["method"] for call in audit].count("POST") == 3  # the third never came through the door


@pytest.mark.covers("T1")
def test_a_minted_key_whose_answer_is_lost_lives(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway(faults=Faults(drop_after=frozenset({1})))
    with pytest.raises(requests.ConnectionError):
        wire.mint(name="orphan")
    (orphan,) = wire.admin("GET", "/api-keys").json()["data"]
    assert (orphan["name"], orphan["status"]) == ("orphan", "active")


def told(reply: requests.Response) -> tuple[int, str | None]:
    return reply.status_code, reply.json().get("data", {}).get("errorCode")


def test_without_faults_nothing_stands_between(wire: Any) -> None:
    assert not Faults()
    assert all(told(wire.admin("GET", "/configs/x")) == (403, "AB03") for _ in range(3))


@pytest.mark.covers("T27")
def test_too_many_calls(start_gateway: Callable[..., Any], door_to: Callable[..., Door]) -> None:
    """The adapter waits the fraction of a second that it is told, and makes its config once."""
    wire, slept = start_gateway(faults=Faults(busy=frozenset({1, 2}), retry_after=0.2)), []
    reply = wire.admin("GET", "/configs")
    assert (told(reply), reply.headers["retry-after"]) == ((429, "AB06"), "0.2")
    PortkeyGateway(door_to(wire, slept)).create_config("desktop-eng-prod", BODY)
    assert slept == [0.2]
    assert names(wire) == ["desktop-eng-prod"]


@pytest.mark.covers("T27")
def test_failures_before_and_after_the_work(
    start_gateway: Callable[..., Any], door_to: Callable[..., Door]
) -> None:
    """A create is never repeated: it is said that nobody knows, and the listing tells."""
    wire, slept = start_gateway(faults=Faults(fail_before=frozenset({1}), fail_after=frozenset({3}))), []
    gateway = PortkeyGateway(door_to(wire, slept))
    for happened in ([], ["desktop-eng-prod"]):
        with pytest.raises(OutcomeUnknown):
            gateway.create_config("desktop-eng-prod", BODY)
        assert [
            config.name for config in gateway.list_configs()
        ] == happened  # two calls: one page, an empty one
    assert slept == []


@pytest.mark.covers("T27")
def test_reading_goes_on_past_failures(
    start_gateway: Callable[..., Any], door_to: Callable[..., Door]
) -> None:
    wire = start_gateway(faults=Faults(fail_before=frozenset({2, 3}), busy=frozenset({4})))
    slug, slept = wire.config(), []
    gateway = PortkeyGateway(door_to(wire, slept))
    assert [config.slug for config in gateway.list_configs()] == [slug]
    assert len(slept) == 3


@pytest.mark.covers("T27")
def test_a_gateway_that_only_fails_is_told_as_such(
    start_gateway: Callable[..., Any], door_to: Callable[..., Door]
) -> None:
    wire = start_gateway(faults=Faults(fail_before=frozenset(range(1, 100))))
    with pytest.raises(Refused) as caught:
        PortkeyGateway(door_to(wire)).check()
    assert (caught.value.status, caught.value.code) == (500, "AB04")


@pytest.mark.covers("T28")
def test_stale_reads_show_what_was_before_the_last_change(
    start_gateway: Callable[..., Any],
) -> None:
    wire = start_gateway(faults=Faults(stale_reads=2))
    wire.config(BODY, "one")
    assert [names(wire) for _ in range(3)] == [[], [], ["one"]]
    slug = wire.config(BODY, "two")
    assert told(wire.admin("GET", f"/configs/{slug}")) == (403, "AB03")
    assert [names(wire) for _ in range(2)] == [["one"], ["one", "two"]]
    wire.admin("DELETE", f"/configs/{slug}")
    assert [names(wire) for _ in range(3)] == [["one", "two"], ["one", "two"], ["one"]]


@pytest.mark.covers("T28")
def test_the_adapter_on_stale_reads(start_gateway: Callable[..., Any], door_to: Callable[..., Door]) -> None:
    """It can't tell a listing that is merely old from a new one; the next one is right."""
    wire = start_gateway(faults=Faults(stale_reads=1))
    gateway = PortkeyGateway(door_to(wire))
    config = gateway.create_config("desktop-eng-prod", BODY)
    assert [found.slug for found in gateway.list_configs()] == []
    minted = gateway.create_key(replace(SPEC, config=config.slug))
    assert [len(gateway.list_keys()) for _ in range(2)] == [0, 1]
    gateway.delete_key(minted.id)
    with pytest.raises(NotAuthorised):  # refused as gone, and the old listing says that it is there
        gateway.delete_key(minted.id)
    gateway.delete_key(minted.id)
    assert gateway.list_keys() == ()


@pytest.mark.covers("T28")
def test_short_pages(start_gateway: Callable[..., Any], door_to: Callable[..., Door]) -> None:
    """The adapter reads on until a page is empty, whatever size it asked for."""
    wire = start_gateway(faults=Faults(page_cap=2))
    for number in range(5):
        wire.config(BODY, f"config-{number}")
    page = wire.admin("GET", "/configs?page_size=100&current_page=1").json()
    assert ([config["name"] for config in page["data"]], page["total"]) == (["config-2", "config-3"], 5)
    assert len(wire.admin("GET", "/configs?page_size=1").json()["data"]) == 1
    assert len(wire.admin("GET", "/configs").json()["data"]) == 2
    assert told(wire.admin("GET", "/configs?pageSize=0")) == (400, "AB01")
    assert len(PortkeyGateway(door_to(wire)).list_configs()) == 5


@pytest.mark.parametrize("ahead", [3600.0, -86400.0])
def test_a_wrong_clock(start_gateway: Callable[..., Any], door_to: Callable[..., Door], ahead: float) -> None:
    """Moments and the `Date` header are wrong alike; the adapter's door notices by how much."""
    wire = start_gateway(faults=Faults(clock_skew=ahead))
    reply = wire.admin("POST", "/configs", json={"name": "c", "config": BODY})
    wrong = wire.clock.now + timedelta(seconds=ahead)
    assert parsedate_to_datetime(reply.headers["date"]) == wrong
    assert len(reply.raw.headers.getlist("date")) == 1
    created = wire.admin("GET", "/configs").json()["data"][0]["created_at"]
    assert created == wrong.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    door = door_to(wire)
    PortkeyGateway(door).check()
    assert door.clock_skew == pytest.approx(time.time() - wrong.timestamp(), abs=5)


def test_a_revocation_that_takes_its_time(
    start_gateway: Callable[..., Any], door_to: Callable[..., Door]
) -> None:
    """As on a hybrid gateway (facts/portkey.md 2.2); the probe says that the key still works."""
    wire = start_gateway(faults=Faults(revocation_delay=60.0))
    gateway, plane = PortkeyGateway(door_to(wire)), PortkeyDataPlane(door_to(wire))
    minted = wire.bound()
    assert wire.ask(minted["key"]).status_code == 200
    gateway.delete_key(minted["id"])
    assert gateway.list_keys() == ()
    assert plane.try_model(SecretStr(minted["key"]), "claude-opus-4-8").ok
    wire.clock.forward(seconds=61)
    assert plane.try_model(SecretStr(minted["key"]), "claude-opus-4-8").status == 401


def test_a_total_that_never_adds_up_is_said(
    start_gateway: Callable[..., Any], door_to: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change between the pages of a listing: read again, and given up in words when it goes on."""
    wire = start_gateway(faults=Faults(page_cap=1))
    for number in range(3):
        wire.config(BODY, f"config-{number}")
    door, count = door_to(wire), iter(range(1000))
    call = door.call

    def disturbed(*args: Any, **options: Any) -> object:
        wire.config(BODY, f"another-{next(count)}")
        return call(*args, **options)

    monkeypatch.setattr(door, "call", disturbed)
    with pytest.raises(BadReply, match="does not add up"):
        PortkeyGateway(door).list_configs()

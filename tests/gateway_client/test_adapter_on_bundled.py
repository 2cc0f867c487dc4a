"""One contract suite, every implementation: the adapter on the simulator and on the bundled gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import Faults, GatewaySettings
from gateway_client.compare import config_differences, key_differences
from gateway_client.contract import Budget, KeySpec, RateLimit
from gateway_client.errors import NotAuthorised, NotFound, OutcomeUnknown, RotationInTransition
from gateway_client.http import Door
from gateway_client.portkey import PortkeyDataPlane, PortkeyGateway
from gateway_client.url import parse_gateway_url
from tests.support.gateway_portkey import ADMIN_KEY, WORKSPACE_SLUG, hanging_up, simulating

NAME = "desktop-eng-prod"
BODY = {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}
FALLBACK = {
    "strategy": {"mode": "fallback"},
    "targets": [{"provider": "@anthropic-prod"}, {"provider": "@bedrock-prod"}],
}
MODEL = "claude-sonnet-4-5"


@dataclass
class Place:
    """A running gateway, and how to open doors to it."""

    open: Callable[[str], Door]
    workspace: Callable[[], str]
    """Give the slug of a workspace."""

    def gateway(self, workspace: str | None = None, key: str = ADMIN_KEY) -> PortkeyGateway:
        return PortkeyGateway(self.open(key), workspace)


def spec_for(config: str) -> KeySpec:
    return KeySpec(
        name="claude-desktop-eng-prod",
        description="provision:ledger-1:nonce-1",
        config=config,
        metadata={"tenant": "acme", "team": "eng", "env": "prod"},
        budget=Budget(500, "monthly", 400),
        rate_limits=(RateLimit("requests", "rpm", 60), RateLimit("tokens", "rpd", 9_000)),
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(params=["simulator", "bundled"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Start one of the two; with `lossy`, the second changing call is carried out and its answer lost."""
    with ExitStack() as stack:

        def opener(url: str) -> Callable[[str], Door]:
            def opened(key: str) -> Door:
                door = Door(parse_gateway_url(url), SecretStr(key), sleep=lambda _: None)
                return stack.enter_context(closing(door))

            return opened

        def begin(*, lossy: bool = False) -> Place:
            if request.param == "simulator":
                simulator = stack.enter_context(simulating())
                simulator.fault("POST", "/v1/api-keys", hanging_up, after=True, times=int(lossy))
                return Place(opener(simulator.url), lambda: WORKSPACE_SLUG)
            settings = GatewaySettings(
                database=tmp_path / "gateway.db",
                admin_token=SecretStr(ADMIN_KEY),
                faults=Faults(drop_after=frozenset({2} if lossy else ())),
            )
            opened = opener(stack.enter_context(Embedded(settings)).url)

            def workspace() -> str:
                made = opened(ADMIN_KEY).call("POST", "/v1/admin/workspaces", body={"name": "engineering"})
                assert isinstance(made, dict)
                return str(made["slug"])

            return Place(opened, workspace)

        yield begin


@pytest.fixture
def place(start: Callable[..., Place]) -> Place:
    return start()


@pytest.fixture
def gateway(place: Place) -> PortkeyGateway:
    return place.gateway()


def test_an_empty_gateway(gateway: PortkeyGateway) -> None:
    gateway.check()
    assert gateway.list_keys() == ()
    assert gateway.list_configs() == ()


@pytest.mark.covers("S157", "S158")
def test_the_life_of_a_config(gateway: PortkeyGateway) -> None:
    made = gateway.create_config(NAME, BODY)
    assert made.slug.startswith("pc-")
    assert config_differences(NAME, BODY, gateway.get_config(made.slug)) == ()
    gateway.update_config(made.slug, NAME, FALLBACK)
    assert config_differences(NAME, FALLBACK, gateway.get_config(made.slug)) == ()
    (listed,) = gateway.list_configs()
    assert (listed.id, listed.slug, listed.name, listed.body) == (made.id, made.slug, NAME, None)


def test_names_are_not_unique(gateway: PortkeyGateway) -> None:
    slugs = {gateway.create_config(NAME, BODY).slug for _ in range(2)}
    assert {config.slug for config in gateway.list_configs()} == slugs
    assert len(slugs) == 2


def test_a_config_that_is_not_there(gateway: PortkeyGateway) -> None:
    with pytest.raises(NotFound):
        gateway.get_config("pc-gone00-000000")


@pytest.mark.covers("S166", "S169", "S170")
def test_the_life_of_a_key(gateway: PortkeyGateway) -> None:
    spec = spec_for(gateway.create_config(NAME, BODY).slug)
    minted = gateway.create_key(spec)
    (key,) = gateway.list_keys()
    assert (key.id, key.status) == (minted.id, "active")
    assert key_differences(spec, key) == ()
    assert minted.secret.get_secret_value() not in repr(key.raw)

    less = replace(
        spec, description="", metadata={"team": "sales"}, budget=None, rate_limits=(), expires_at=None
    )
    gateway.update_key(minted.id, less)
    assert key_differences(less, gateway.list_keys()[0]) == ()
    gateway.update_key(minted.id, spec)
    assert key_differences(spec, gateway.list_keys()[0]) == ()

    gateway.delete_key(minted.id)
    assert gateway.list_keys() == ()
    gateway.delete_key(minted.id)


def test_a_rotation(gateway: PortkeyGateway) -> None:
    spec = spec_for(gateway.create_config(NAME, BODY).slug)
    minted = gateway.create_key(spec)
    rotated = gateway.rotate_key(minted.id)
    assert rotated.id == minted.id
    assert rotated.secret.get_secret_value() != minted.secret.get_secret_value()
    with pytest.raises(RotationInTransition):
        gateway.rotate_key(minted.id)


@pytest.mark.covers("T28")
def test_more_keys_than_a_page_holds(gateway: PortkeyGateway) -> None:
    spec = spec_for(gateway.create_config(NAME, BODY).slug)
    ids = {gateway.create_key(spec).id for _ in range(103)}
    assert {key.id for key in gateway.list_keys()} == ids


def test_a_workspace_by_its_slug(place: Place) -> None:
    gateway = place.gateway(place.workspace())
    spec = spec_for(gateway.create_config(NAME, BODY).slug)
    minted = gateway.create_key(spec)
    assert [key.id for key in gateway.list_keys()] == [minted.id]
    assert [config.slug for config in gateway.list_configs()] == [spec.config]


def test_a_wrong_admin_key(place: Place) -> None:
    with pytest.raises(NotAuthorised):
        place.gateway(key="not-the-admin-key-0123456789").check()


@pytest.mark.covers("T1")
def test_a_key_whose_answer_was_lost_is_there_once(start: Callable[..., Place]) -> None:
    gateway = start(lossy=True).gateway()
    spec = spec_for(gateway.create_config(NAME, BODY).slug)
    with pytest.raises(OutcomeUnknown):
        gateway.create_key(spec)
    (key,) = gateway.list_keys()
    assert key_differences(spec, key) == ()


def test_a_probe_works_until_the_key_is_gone(place: Place, gateway: PortkeyGateway) -> None:
    plane = PortkeyDataPlane(place.open(ADMIN_KEY))
    minted = gateway.create_key(spec_for(gateway.create_config(NAME, BODY).slug))
    probe = plane.try_model(minted.secret, MODEL)
    assert (probe.ok, probe.status, probe.detail) == (True, 200, "")
    gateway.delete_key(minted.id)
    gone = plane.try_model(minted.secret, MODEL)
    assert (gone.ok, gone.status) == (False, 401)
    assert minted.secret.get_secret_value() not in gone.detail

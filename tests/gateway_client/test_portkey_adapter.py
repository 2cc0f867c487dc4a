"""The Portkey adapter against the simulator: paging, envelopes, quirks, ambiguous answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from gateway_client import portkey, portkey_wire
from gateway_client.compare import key_differences
from gateway_client.contract import Budget, DataPlane, Gateway, KeySpec, Minted, RateLimit
from gateway_client.errors import (
    BadReply,
    GatewayError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    Refused,
    RotationInTransition,
    Unreachable,
)
from gateway_client.http import Door
from gateway_client.portkey import PortkeyDataPlane, PortkeyGateway
from gateway_client.url import parse_gateway_url
from tests.support.gateway_portkey import (
    ADMIN_KEY,
    WORKSPACE,
    WORKSPACE_SLUG,
    PortkeySimulator,
    Quirks,
    Request,
    answering,
    hanging_up,
    simulating,
    truncating,
)

BODY = {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}
SPEC = KeySpec(
    name="claude-desktop-eng-prod",
    description="provision:ledger-1",
    config="pc-desktop-000001",
    metadata={"tenant": "acme", "team": "eng", "env": "prod"},
    budget=Budget(usd=500, reset="monthly", alert_at_usd=400),
    rate_limits=(RateLimit("tokens", "rpd", 9), RateLimit("requests", "rpm", 60)),
    expires_at=datetime(2027, 1, 1, tzinfo=UTC),
)
BARE = KeySpec(name="k", description="", config="pc-k-000001", metadata={})


@pytest.fixture
def simulator() -> Iterator[PortkeySimulator]:
    with simulating() as running:
        yield running


@pytest.fixture
def door(simulator: PortkeySimulator) -> Iterator[Door]:
    made = Door(parse_gateway_url(simulator.url), SecretStr(ADMIN_KEY), sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def gateway(door: Door) -> PortkeyGateway:
    return PortkeyGateway(door, WORKSPACE)


def test_the_adapter_is_the_port(gateway: PortkeyGateway, door: Door) -> None:
    port: Gateway = gateway
    plane: DataPlane = PortkeyDataPlane(door)
    assert port.url.startswith("http://127.0.0.1:")
    assert plane.try_model(SecretStr("unknown-key"), "m").ok is False


# --- what is sent


def test_the_body_that_mints_a_key(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    gateway.create_key(SPEC)
    (request,) = simulator.requests
    assert (request.method, request.path) == ("POST", "/v1/api-keys/workspace/service")
    assert request.body == {
        "name": "claude-desktop-eng-prod",
        "description": "provision:ledger-1",
        "workspace_id": WORKSPACE,
        "scopes": ["completions.write"],
        "defaults": {
            "metadata": {"tenant": "acme", "team": "eng", "env": "prod"},
            "config_id": "pc-desktop-000001",
            "allow_config_override": False,
        },
        "usage_limits": {
            "type": "cost",
            "credit_limit": 500,
            "alert_threshold": 400,
            "periodic_reset": "monthly",
        },
        "rate_limits": [
            {"type": "requests", "unit": "rpm", "value": 60},
            {"type": "tokens", "unit": "rpd", "value": 9},
        ],
        "expires_at": "2027-01-01T00:00:00.000Z",
    }


def test_an_update_clears_what_the_spec_has_not(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    minted = gateway.create_key(SPEC)
    gateway.update_key(minted.id, BARE)
    body = simulator.requests[-1].body
    assert {name: body[name] for name in ("usage_limits", "rate_limits", "expires_at")} == {
        "usage_limits": None,
        "rate_limits": None,
        "expires_at": None,
    }
    assert key_differences(BARE, gateway.list_keys()[0]) == ()


def test_a_time_without_a_zone_is_our_bug(gateway: PortkeyGateway) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        gateway.create_key(replace(SPEC, expires_at=datetime(2027, 1, 1)))


def test_without_a_workspace_none_is_sent(simulator: PortkeySimulator, door: Door) -> None:
    gateway = PortkeyGateway(door)
    gateway.create_key(BARE)
    gateway.list_keys()
    assert "workspace_id" not in simulator.requests[0].body
    assert all("workspace_id" not in request.query for request in simulator.requests)


def test_the_workspace_goes_into_queries(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    slug = simulator.add_config("desktop-eng-prod", BODY)
    gateway.check()
    gateway.list_keys()
    gateway.list_configs()
    gateway.get_config(slug)
    assert {request.query["workspace_id"] for request in simulator.requests} == {WORKSPACE}


def test_a_workspace_slug_is_looked_up_once(simulator: PortkeySimulator, door: Door) -> None:
    gateway = PortkeyGateway(door, WORKSPACE_SLUG)
    gateway.create_config("desktop-eng-prod", BODY)
    gateway.create_key(BARE)
    assert simulator.count("GET", "/v1/admin/workspaces/") == 1
    assert [request.body["workspace_id"] for request in simulator.requests[1:]] == [WORKSPACE] * 2


def test_an_unknown_workspace_slug_is_told_with_the_way_out(door: Door) -> None:
    with pytest.raises(NotFound, match="can't look up workspace ws-other") as caught:
        PortkeyGateway(door, "ws-other").check()
    assert "UUID" in str(caught.value.hint)


def test_the_prefix_is_a_setting(simulator: PortkeySimulator, door: Door) -> None:
    with pytest.raises(NotFound):
        PortkeyGateway(door, prefix="/ai_gw/v2").check()
    assert simulator.requests[0].path == "/ai_gw/v2/api-keys"


# --- paging


@pytest.mark.covers("T28")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize(
    "quirks",
    [
        {"page_size": 2},
        {"page_size": 2, "lists": "nested"},
        {"page_size": 2, "lists": "success"},
        {"page_size": 2, "total": lambda count, page: None},
        {"ignores_paging": True},
        {"ignores_paging": True, "lists": "success"},
        {},
    ],
    ids=["small", "nested", "no total, wrapped", "no total", "unpaged", "unpaged, no total", "plain"],
)
def test_lists_are_read_to_their_end(
    simulator: PortkeySimulator, gateway: PortkeyGateway, count: int, quirks: dict[str, Any]
) -> None:
    simulator.quirks = Quirks(**quirks)
    simulator.add_keys(count)
    assert [key.name for key in gateway.list_keys()] == [f"key-{number}" for number in range(count)]


@pytest.mark.covers("T28")
@pytest.mark.parametrize(
    ("quirks", "words"),
    [
        ({"page_size": 2, "total": lambda count, page: count + 1}, "5 items of 6"),
        ({"page_size": 2, "total": lambda count, page: 2}, "4 items of 2"),
        ({"page_size": 2, "total": lambda count, page: count + page}, "its total went from 5 to 6"),
        ({"ignores_paging": True, "total": lambda count, page: 9}, "5 items of 9"),
        ({"endless": True, "total": lambda count, page: None}, "no end after 50 pages"),
        ({"endless": True}, "6 items of 5"),
    ],
    ids=["total too high", "total too low", "total moves", "unpaged", "endless", "endless beyond total"],
)
def test_a_list_that_does_not_add_up_is_refused(
    simulator: PortkeySimulator,
    gateway: PortkeyGateway,
    monkeypatch: pytest.MonkeyPatch,
    quirks: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.setattr(portkey, "_MOST_PAGES", 50)
    simulator.add_keys(5)
    simulator.quirks = Quirks(**quirks)
    with pytest.raises(BadReply, match=words):
        gateway.list_keys()


@pytest.mark.covers("T28")
def test_a_list_that_moved_while_it_was_read_is_read_again(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    simulator.add_keys(5)
    simulator.keys = dict(reversed(simulator.keys.items()))  # newest first, as the real one
    simulator.quirks = Quirks(page_size=2, total=lambda count, page: None)
    answer = simulator.answer

    def then_somebody_mints(request: Request) -> dict[str, Any]:
        told = answer(request)
        if len(simulator.requests) == 1:
            simulator.keys = {"k-new": {"id": "k-new", "name": "new", "scopes": []}, **simulator.keys}
        return told

    simulator.answer = then_somebody_mints  # type: ignore[method-assign]  # moves between two pages
    assert [key.name for key in gateway.list_keys()] == ["new", "key-4", "key-3", "key-2", "key-1", "key-0"]


# --- quirks of keys


def test_every_field_comes_back(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    gateway.create_key(SPEC)
    (key,) = gateway.list_keys()
    assert key_differences(SPEC, key) == ()
    assert (key.status, key.scopes) == ("active", ("completions.write",))
    assert key.allow_config_override is None, "false inside `defaults` says nothing"
    assert key.raw["creation_mode"] == "api"
    assert "key" not in key.raw


MIDNIGHT = datetime(2027, 1, 1, tzinfo=UTC)
ROTATION = {"rotation_period": "monthly", "status": "ACTIVE"}


def limited(budget: Budget | None, *, unmapped: str | None = None, **limits: object) -> Any:
    """A case of `usage_limits`: what the gateway tells, and what we read."""
    return {"usage_limits": limits}, {
        "budget": budget,
        "unmapped": {} if unmapped is None else {"budget": unmapped},
    }


FIELDS = [
    ({"usage_limits": None}, {"budget": None, "unmapped": {}}),
    limited(None, is_expired_alerts_sent=True),
    limited(Budget(5, None), credit_limit=5),
    limited(
        Budget(5, "weekly", 4), credit_limit=5.0, type="cost", periodic_reset="weekly", alert_threshold=4
    ),
    limited(None, credit_limit=5, type="tokens", unmapped='{"credit_limit":5.0,"type":"tokens"}'),
    limited(None, credit_limit=0.5, unmapped='{"credit_limit":0.5}'),
    limited(
        None, credit_limit=5, periodic_reset_days=9, unmapped='{"credit_limit":5.0,"periodic_reset_days":9}'
    ),
    limited(
        None, credit_limit=5, periodic_reset="daily", unmapped='{"credit_limit":5.0,"periodic_reset":"daily"}'
    ),
    ({"rate_limits": None}, {"rate_limits": (), "unmapped": {}}),
    ({"rate_limits": []}, {"rate_limits": (), "unmapped": {}}),
    (
        {"rate_limits": [{"type": "requests", "unit": "rpx", "value": 1}]},
        {"rate_limits": (), "unmapped": {"rate_limits": "1 requests rpx"}},
    ),
    ({"allow_config_override": None}, {"allow_config_override": None}),
    ({"allow_config_override": 0}, {"allow_config_override": False}),
    ({"allow_config_override": 1}, {"allow_config_override": True}),
    ({"defaults": {"allow_config_override": True}}, {"allow_config_override": True}),
    ({"defaults": {"allow_config_override": False}}, {"allow_config_override": None}),
    ({"defaults": None}, {"config": None, "metadata": {}, "allow_config_override": None}),
    (
        {"defaults": {"metadata": {"n": 1, "b": True, "s": "x"}}},
        {"metadata": {"n": "1", "b": "true", "s": "x"}},
    ),
    ({"description": None}, {"description": ""}),
    ({"status": "exhausted"}, {"status": "exhausted"}),
    ({"status": None}, {"status": "unknown"}),
    ({"scopes": None}, {"scopes": ()}),
    ({"expires_at": None}, {"expires_at": None}),
    ({"expires_at": "2027-01-01T00:00:00.000Z"}, {"expires_at": MIDNIGHT}),
    ({"expires_at": "2027-01-01T02:00:00.5+02:00"}, {"expires_at": MIDNIGHT}),
    ({"expires_at": "2027-01-01T00:00:00"}, {"expires_at": MIDNIGHT}),
    (
        {"rotation_policy": ROTATION},
        {"unmapped": {"rotation": 'automatic, {"rotation_period":"monthly","status":"ACTIVE"}'}},
    ),
    ({"rotation_policy": None}, {"unmapped": {}}),
    ({"key": "a secret in full, as other gateways list it", "new_field": [1]}, {"unmapped": {}}),
]


@pytest.mark.parametrize(("told", "read"), FIELDS)
def test_fields_of_a_key(told: dict[str, Any], read: dict[str, Any]) -> None:
    key = portkey_wire.key({"id": "k-1", "name": "n", **told})
    assert {name: getattr(key, name) for name in read} == read
    assert "secret" not in repr(key) + repr(key.raw)


def test_a_config_told_by_its_uuid_is_shown_by_its_slug(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    slug = simulator.add_config("desktop-eng-prod", BODY)
    gateway.create_key(replace(BARE, config=simulator.configs[slug]["id"]))
    gateway.create_key(replace(BARE, config="00000000-0000-4000-8000-000000000000"))
    assert [key.config for key in gateway.list_keys()] == [slug, "00000000-0000-4000-8000-000000000000"]


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"id": "../../admin"},
        {"id": ".."},
        {"id": ""},
        {"id": "k?x=1"},
        {"id": "k\n"},
        {"id": "k", "expires_at": "soon"},
        {"id": "k", "rate_limits": "none"},
        {"id": "k", "name": ["x"]},
    ],
)
def test_a_key_of_another_shape_is_a_bad_reply(item: dict[str, Any]) -> None:
    with pytest.raises(BadReply, match="not a key"):
        portkey_wire.key(item)


@pytest.mark.parametrize(
    "reply",
    [
        [],
        None,
        "x",
        {},
        {"data": None},
        {"data": {"total": 1}},
        {"data": [1]},
        {"data": [], "total": "many"},
    ],
)
def test_a_list_of_another_shape_is_a_bad_reply(reply: object) -> None:
    with pytest.raises(BadReply, match="not a list"):
        portkey_wire.page(reply)


# --- configs


@pytest.mark.parametrize("created", ["flat", "wrapped"])
@pytest.mark.parametrize("read", ["string", "object", "wrapped"])
def test_configs_in_every_shape(
    simulator: PortkeySimulator, gateway: PortkeyGateway, created: Any, read: Any
) -> None:
    simulator.quirks = Quirks(created_config=created, read_config=read)
    simulator.add_config("desktop-eng-prod", {"other": True})  # names are not unique
    made = gateway.create_config("desktop-eng-prod", BODY)
    assert simulator.configs[made.slug]["config"] == BODY
    config = gateway.get_config(made.slug)
    assert (config.id, config.slug, config.name, config.body) == (
        made.id,
        made.slug,
        "desktop-eng-prod",
        BODY,
    )
    assert [listed.body for listed in gateway.list_configs()] == [None, None]


def test_a_config_is_not_made_the_workspaces_default(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    gateway.create_config("desktop-eng-prod", BODY)
    assert simulator.requests[0].body == {
        "name": "desktop-eng-prod",
        "config": BODY,
        "isDefault": 0,
        "workspace_id": WORKSPACE,
    }


def test_update_config(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    slug = simulator.add_config("old", {})
    gateway.update_config(slug, "new", BODY)
    config = gateway.get_config(slug)
    assert (config.name, config.body) == ("new", BODY)


@pytest.mark.covers("T28")
def test_a_new_config_may_show_up_late(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    simulator.quirks = Quirks(created_config="wrapped", listing_lag=2)
    assert gateway.create_config("desktop-eng-prod", BODY).slug in simulator.configs


@pytest.mark.covers("T1")
def test_a_new_config_that_never_shows_up_is_unknown(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    simulator.quirks = Quirks(created_config="wrapped", listing_lag=99)
    with pytest.raises(OutcomeUnknown, match="config desktop-eng-prod was made"):
        gateway.create_config("desktop-eng-prod", BODY)
    assert simulator.count("POST", "/v1/configs") == 1


@pytest.mark.parametrize("body", ["[1]", "not json", "[" * 100_000], ids=["list", "text", "deep"])
def test_a_config_body_of_another_shape_is_a_bad_reply(body: str) -> None:
    with pytest.raises(BadReply, match="a config whose body is"):
        portkey_wire.config({"id": "i", "slug": "pc-x", "name": "n", "config": body})


# --- errors of the API


@pytest.mark.parametrize("errors", ["data", "error", "flat"])
@pytest.mark.parametrize("hides", [False, True], ids=["404", "403 AB03"])
def test_what_is_missing_is_not_found_and_deleting_it_is_success(
    simulator: PortkeySimulator, gateway: PortkeyGateway, errors: Any, hides: bool
) -> None:
    simulator.quirks = Quirks(errors=errors, hides_missing=hides)
    with pytest.raises(NotFound):
        gateway.get_config("pc-gone-000000")
    gateway.delete_key("00000000-0000-4000-8000-00000000dead")


@pytest.mark.covers("T9", "T10")
def test_a_scope_that_lacks_is_never_taken_for_a_key_that_is_gone(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    minted = gateway.create_key(SPEC)
    simulator.quirks.denied = frozenset({"DELETE"})
    with pytest.raises(NotAuthorised):
        gateway.delete_key(minted.id)
    simulator.quirks.denied = frozenset({"DELETE", "GET"})
    with pytest.raises(NotAuthorised):
        gateway.delete_key("00000000-0000-4000-8000-00000000dead")


@pytest.mark.parametrize("errors", ["data", "error", "flat"])
def test_a_wrong_admin_key(simulator: PortkeySimulator, errors: Any) -> None:
    simulator.quirks.errors = errors
    door = Door(parse_gateway_url(simulator.url), SecretStr("wrong"), sleep=lambda _: None)
    with pytest.raises(NotAuthorised, match="401 AB05: Unauthorized"):
        PortkeyGateway(door).check()
    door.close()


def test_delete_removes(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    minted = gateway.create_key(SPEC)
    gateway.delete_key(minted.id)
    assert simulator.keys == {}


def test_a_delete_whose_answer_is_lost_is_repeated_and_succeeds(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    minted = gateway.create_key(SPEC)
    simulator.fault("DELETE", "/v1/api-keys", hanging_up, after=True)
    gateway.delete_key(minted.id)
    assert simulator.keys == {}
    assert simulator.count("DELETE", "/v1/api-keys") == 2


def test_rotation_and_its_transition(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    minted = gateway.create_key(SPEC)
    rotated = gateway.rotate_key(minted.id)
    assert rotated.id == minted.id
    assert rotated.secret.get_secret_value() != minted.secret.get_secret_value()
    with pytest.raises(RotationInTransition, match="two live secrets") as caught:
        gateway.rotate_key(minted.id)
    assert "wait" in str(caught.value.hint)


def test_another_refusal_of_a_rotation_stays_itself(
    simulator: PortkeySimulator, gateway: PortkeyGateway
) -> None:
    simulator.fault("POST", "/v1/api-keys", answering(400, b'{"errorCode": "AB01", "message": "bad"}'))
    with pytest.raises(Refused, match="AB01: bad") as caught:
        gateway.rotate_key("k")
    assert type(caught.value) is Refused


@pytest.mark.covers("T1", "T27")
@pytest.mark.parametrize("fault", [hanging_up, truncating, answering(500), answering(200, b'{"id": "k"}')])
@pytest.mark.parametrize("call", ["create_key", "create_config", "rotate_key"])
def test_a_lost_answer_to_a_create_is_unknown_and_not_repeated(
    simulator: PortkeySimulator, gateway: PortkeyGateway, fault: Any, call: str
) -> None:
    key_id = gateway.create_key(SPEC).id
    simulator.requests.clear()
    simulator.quirks.listing_lag = 99
    simulator.fault("POST", "/v1/", fault, after=True, times=9)
    arguments: dict[str, tuple[Any, ...]] = {
        "create_key": (SPEC,),
        "create_config": ("desktop-eng-prod", BODY),
        "rotate_key": (key_id,),
    }
    with pytest.raises(OutcomeUnknown) as caught:
        getattr(gateway, call)(*arguments[call])
    assert caught.value.hint == "run again: what exists is looked up first"
    assert simulator.count("POST", "/v1/") == 1


@pytest.mark.covers("T2")
def test_no_secret_is_in_an_error_about_a_reply() -> None:
    with pytest.raises(BadReply) as caught:
        portkey_wire.minted({"id": "not an id", "key": "sk-live-0123456789"})
    error: BaseException | None = caught.value
    while error is not None:
        assert "sk-live" not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__


@pytest.mark.covers("T2")
def test_not_even_an_error_that_escapes_would_hold_a_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        portkey_wire._Minted.model_validate({"id": "not an id", "key": "sk-live-0123456789"})
    assert "not an id" not in str(caught.value)


@pytest.mark.covers("T2")
def test_a_minted_secret_is_masked() -> None:
    minted = portkey_wire.minted({"id": "k", "key": "sk-live-0123456789", "object": "api-key"})
    assert isinstance(minted, Minted)
    assert "sk-live" not in repr(minted) + str(minted.secret)


# --- the data plane


def test_a_probe_that_works(simulator: PortkeySimulator, gateway: PortkeyGateway, door: Door) -> None:
    minted = gateway.create_key(SPEC)
    probe = PortkeyDataPlane(door).try_model(minted.secret, "@anthropic-prod/claude-sonnet-4-5")
    assert (probe.ok, probe.status, probe.model) == (True, 200, "@anthropic-prod/claude-sonnet-4-5")
    request = simulator.requests[-1]
    assert request.path == "/v1/messages"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "x-portkey-api-key" not in request.headers
    assert request.body == {
        "model": "@anthropic-prod/claude-sonnet-4-5",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "ping"}],
    }


@pytest.mark.covers("T2")
def test_a_probe_that_is_refused_tells_why_but_not_the_key(door: Door) -> None:
    probe = PortkeyDataPlane(door).try_model(SecretStr("revoked-key-0123"), "m")
    assert (probe.ok, probe.status) == (False, 401)
    assert "Invalid API Key ***. Error Code: 03" in probe.detail
    assert "revoked-key" not in probe.detail


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (hanging_up, None),
        (answering(412, b'{"message": "Usage Limit Exceeded"}'), 412),
        (answering(503), 503),
        (answering(429, b"{}", {"Retry-After": "1"}), 429),
        (answering(200, b"<html>"), None),
        (answering(200, b'{"type": "completion"}'), 200),
        (answering(302, b"", {"Location": "/elsewhere"}), 302),
    ],
    ids=["hangs up", "412", "503", "429", "html", "other", "redirect"],
)
def test_a_probe_never_raises_and_asks_once(
    simulator: PortkeySimulator, door: Door, fault: Any, status: int | None
) -> None:
    simulator.fault("POST", "/v1/messages", fault, times=9)
    probe = PortkeyDataPlane(door).try_model(SecretStr("some-key"), "m")
    assert (probe.ok, probe.status) == (False, status)
    assert probe.detail
    assert len(simulator.requests) == 1


def test_a_probe_of_nobody_does_not_raise() -> None:
    door = Door(parse_gateway_url("http://127.0.0.1:9"), None)
    probe = PortkeyDataPlane(door).try_model(SecretStr("some-key"), "m")
    door.close()
    assert (probe.ok, probe.status) == (False, None)


# --- properties


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
specs = st.builds(
    KeySpec,
    name=plain.filter(bool),
    description=plain,
    config=st.from_regex(r"pc-[a-z]{1,6}-[0-9a-f]{6}", fullmatch=True),
    metadata=st.dictionaries(plain, plain, max_size=4),
    budget=st.none()
    | st.builds(
        Budget,
        usd=st.integers(1, 10**6),
        reset=st.sampled_from([None, "weekly", "monthly"]),
        alert_at_usd=st.none() | st.integers(1, 10**6),
    ),
    rate_limits=st.lists(
        st.builds(
            RateLimit,
            kind=st.sampled_from(["requests", "tokens"]),
            unit=st.sampled_from(["rps", "rpm", "rph", "rpd", "rpw"]),
            value=st.integers(0, 10**6),
        ),
        max_size=3,
        unique=True,
    ).map(tuple),
    expires_at=st.none()
    | st.datetimes(
        min_value=datetime(2026, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
    ).map(lambda moment: moment.replace(microsecond=0)),
)


@given(specs)
@settings(max_examples=200, deadline=None)
def test_what_we_send_reads_back_as_the_spec(spec: KeySpec) -> None:
    simulator = PortkeySimulator()
    made = simulator._create_key(portkey_wire.key_body(spec, None))
    shown = simulator._shown_key(simulator.keys[made["id"]])
    assert key_differences(spec, portkey_wire.key(shown)) == ()


def test_every_failure_is_ours(simulator: PortkeySimulator, gateway: PortkeyGateway) -> None:
    simulator.fault("GET", "/v1/api-keys", hanging_up, times=99)
    with pytest.raises(GatewayError) as caught:
        gateway.list_keys()
    assert isinstance(caught.value, Unreachable)

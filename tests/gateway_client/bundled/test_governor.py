"""Who may start: counted exactly, by whatever threads, over windows and restarts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway_client.bundled import credentials
from gateway_client.bundled.data_plane.refusals import Refusal
from gateway_client.bundled.governance import answers
from gateway_client.bundled.governance import governor as governor_module
from gateway_client.bundled.governance.governor import Admission, Governor, Subject
from gateway_client.bundled.store import keys, meters, policies, workspaces
from gateway_client.bundled.store.database import Store, open_store
from gateway_client.bundled.store.keys import Caller
from gateway_client.bundled.store.schema import meters as meter_rows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DOLLAR = 1_000_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("governor") / "state" / "gateway.db", NOW)
    yield opened
    opened.close()


def caller(store: Store, workspace: Mapping[str, Any] | None = None, **limits: Any) -> Caller:
    """Make a key in a workspace of its own, and return it as the data plane sees it."""
    secret = credentials.mint()
    with store.writing() as db:
        place = workspaces.create(db, "w", NOW)
        if workspace:
            workspaces.change(db, place["id"], workspace, NOW)
        values = {"name": "k", "type": "workspace-service", "scopes": ["completions.write"], **limits}
        keys.create(db, {**values, "workspace_id": place["id"]}, secret, NOW)
        found = keys.caller(db, secret.digest, NOW)
    assert found is not None
    return found


def subject(who: Caller, model: str = "claude-opus-4-8", **metadata: Any) -> Subject:
    return Subject(who, metadata, "pc-x-000000", "anthropic-prod", model)


def starts(governor: Governor, asked: Subject, times: int, now: datetime = NOW) -> int:
    """Ask so many times, and return how many started."""
    return len([found for found in (attempt(governor, asked, now) for _ in range(times)) if found])


def attempt(governor: Governor, asked: Subject, now: datetime = NOW) -> Admission | None:
    try:
        return governor.admit(asked, now)
    except Refusal:
        return None


def refusal(governor: Governor, asked: Subject, now: datetime = NOW) -> tuple[int, Any]:
    with pytest.raises(Refusal) as caught:
        governor.admit(asked, now)
    return caught.value.status, caught.value.body


def rate(value: int, unit: str = "rpm", kind: str = "requests") -> dict[str, Any]:
    return {"type": kind, "unit": unit, "value": value}


def policy(store: Store, who: Caller, kind: str, **body: Any) -> str:
    conditions = [{"key": "api_key", "value": who.key_id}]
    whole = {"conditions": conditions, "group_by": [{"key": "metadata._user"}], **body}
    assert who.workspace_id is not None
    with store.writing() as db:
        return policies.create(db, kind, workspace_id=who.workspace_id, name=None, body=whole, now=NOW)


def restarted(store: Store, governor: Governor) -> Governor:
    """Write what changed, as the logbook does, and begin anew from the store."""
    with store.logging() as db:
        meters.write(db, governor.changed())
    return Governor(store)


@pytest.mark.covers("S163")
def test_a_limit_of_n_lets_exactly_n_start_in_a_window(store: Store) -> None:
    governor, asked = Governor(store), subject(caller(store, rate_limits=[rate(5)]))
    assert starts(governor, asked, 9) == 5
    assert starts(governor, asked, 9, NOW + timedelta(seconds=59, milliseconds=999)) == 0
    assert starts(governor, asked, 9, NOW + timedelta(seconds=60)) == 5


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(0, 6),
    unit=st.sampled_from([("rps", 1), ("rpm", 60), ("rph", 3600), ("rpd", 86_400), ("rpw", 604_800)]),
    gaps=st.lists(st.floats(0, 1.2), max_size=40),
)
def test_windows_hold_their_limit_wherever_requests_fall(
    store: Store, limit: int, unit: tuple[str, int], gaps: list[float]
) -> None:
    """A window begins with a request that starts; until it is over no more than the limit have started."""
    name, seconds = unit
    governor, asked = Governor(store), subject(caller(store, rate_limits=[rate(limit, name)]))
    now, begin, count = NOW, None, 0
    for gap in gaps:
        now += timedelta(milliseconds=round(gap * seconds * 1000 / 4))
        if begin is None or now >= begin + timedelta(seconds=seconds):
            begin, count = now, 0
        started = attempt(governor, asked, now) is not None
        assert started == (count < limit)
        count += started
        begin = begin if count else None


@pytest.mark.covers("S163")
def test_threads_that_ask_at_once_get_exactly_as_many(store: Store) -> None:
    governor, asked = Governor(store), subject(caller(store, rate_limits=[rate(500)]))
    together, found = threading.Barrier(16), []

    def ask() -> None:
        together.wait()
        found.append(starts(governor, asked, 50))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(found), len(found)) == (500, 16)


@pytest.mark.covers("S162")
def test_a_budget_refuses_from_the_moment_it_is_reached_and_not_before(store: Store) -> None:
    who = caller(store, usage_limits={"credit_limit": 2, "type": "cost"})
    governor, asked = Governor(store), subject(who)
    in_flight = [governor.admit(asked, NOW) for _ in range(3)]  # nothing is reserved for what runs
    governor.settle(in_flight[0], 10, 2 * DOLLAR - 1, NOW)
    in_flight.append(governor.admit(asked, NOW))
    governor.settle(in_flight[1], 10, 1, NOW)
    message = "Portkey Error: Portkey API Key Usage Limit Exceeded. Error Code: 04"
    told = {"status": "failure", "message": message, "error": {"message": message, "code": "04"}}
    assert refusal(governor, asked) == (412, told)
    for admission in in_flight[2:]:
        governor.settle(admission, 10, DOLLAR, NOW)
    assert governor.used(who.key_id, NOW) == {"budget cost ever": 4 * DOLLAR}
    assert governor.exhausted(who.key_id, [who.usage_limits or {}], NOW)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
def test_what_exceeds_a_budget_was_in_flight_when_it_was_reached(
    store: Store, steps: list[tuple[bool, int]]
) -> None:
    governor = Governor(store)
    asked = subject(caller(store, usage_limits={"credit_limit": 100, "type": "tokens"}))
    running: list[Admission] = []
    used = 0
    for begins, tokens in steps:
        if begins:
            started = attempt(governor, asked)
            assert (started is not None) == (used < 100)
            running += [started] if started else []
        elif running:
            governor.settle(running.pop(0), tokens, 0, NOW)
            used += tokens


def test_a_refused_request_counts_nowhere(store: Store) -> None:
    """The workspace's limit is asked last, so the key's own would have counted by then."""
    who = caller(store, {"rate_limits": [rate(2)]}, rate_limits=[rate(3), rate(100, "rpd")])
    governor, asked = Governor(store), subject(who)
    assert starts(governor, asked, 5) == 2
    counted = {row.gauge: row.amount for row in governor.changed()}
    assert set(counted.values()) == {2}
    assert refusal(governor, asked)[1]["error"] == {
        "message": f"Portkey Error: workspace {who.workspace_id} rate limit exceeded. Error Code: 05",
        "code": "05",
    }


def test_token_rates_and_zero(store: Store) -> None:
    governor = Governor(store)
    none = caller(store, rate_limits=[rate(0)])
    told = f"Portkey Error: apikey {none.key_id} rate limit exceded. Error Code: 05"
    assert refusal(governor, subject(none)) == (
        429,
        {"status": "failure", "message": told, "error": {"message": told, "code": "05"}},
    )
    assert refusal(governor, subject(caller(store, rate_limits=[rate(0, "rph", "tokens")])))[0] == 429
    tokens = subject(caller(store, rate_limits=[rate(100, "rpm", "tokens")]))
    for used in (60, 60):
        governor.settle(governor.admit(tokens, NOW), used, 0, NOW)
    assert refusal(governor, tokens)[0] == 429
    later = NOW + timedelta(minutes=1)
    governor.settle(governor.admit(tokens, later), 99, 0, later)
    assert starts(governor, tokens, 3, later) == 3


@pytest.mark.covers("S162")
def test_budgets_of_a_workspace_count_all_its_keys_each_for_its_period(store: Store) -> None:
    weekly = {"credit_limit": 1, "type": "cost", "periodic_reset": "weekly"}
    monthly = {"credit_limit": 2, "type": "cost", "periodic_reset": "monthly"}
    first = caller(store, {"usage_limits": [weekly, monthly]})
    second = replace(first, key_id="another")
    governor = Governor(store)
    governor.settle(governor.admit(subject(first), NOW), 1, DOLLAR, NOW)
    told = "Portkey Error: Portkey Workspace Usage Limit Exceeded. Error Code: 04"
    assert refusal(governor, subject(second))[1]["message"] == told
    sunday = datetime(2026, 11, 22, tzinfo=UTC)
    governor.settle(governor.admit(subject(second), sunday), 1, DOLLAR, sunday)
    assert governor.used(first.workspace_id or "", sunday) == {
        "budget cost weekly": DOLLAR,
        "budget cost monthly": 2 * DOLLAR,
    }
    assert attempt(governor, subject(first), sunday + timedelta(days=7)) is None  # a new week, the same month
    assert attempt(governor, subject(first), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize("unclean", [False, True], ids=["stopped", "killed"])
def test_counts_go_on_after_a_restart_in_the_same_window(store: Store, unclean: bool) -> None:
    who = caller(store, rate_limits=[rate(5)], usage_limits={"credit_limit": 3, "type": "cost"})
    governor, asked = Governor(store), subject(who)
    governor.settle(governor.admit(asked, NOW), 10, 2 * DOLLAR, NOW)
    after = restarted(store, governor)
    if unclean:
        governor.admit(asked, NOW)  # counted, and never written
        after = Governor(store)
    later = NOW + timedelta(seconds=59)
    assert after.used(who.key_id, later) == {"budget cost ever": 2 * DOLLAR}
    assert starts(after, asked, 9, later) == 4
    assert starts(after, asked, 9, NOW + timedelta(seconds=60)) == 5


def test_only_what_changed_is_written_and_what_failed_to_be_comes_again(store: Store) -> None:
    who = caller(store, rate_limits=[rate(50)])
    governor, asked = Governor(store), subject(who)
    governor.admit(asked, NOW)
    (first,) = governor.changed()
    assert (first.subject, first.gauge, first.amount) == (who.key_id, "rate requests rpm", 1)
    assert governor.changed() == []
    governor.admit(asked, NOW)
    governor.changed()
    governor.put_back([first])
    (again,) = governor.changed()
    assert again == first._replace(amount=2)  # as it stands now, not as it stood
    governor.forget(who.key_id)
    governor.put_back([again])
    assert governor.changed() == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["ask", "ask", "flush", "fail", "restart"]), max_size=40))
def test_no_count_is_lost_by_flushes_that_fail(store: Store, steps: Sequence[str]) -> None:
    governor, asked = Governor(store), subject(caller(store, rate_limits=[rate(8, "rpd")]))
    started = 0
    for step in steps:
        match step:
            case "ask":
                started += attempt(governor, asked) is not None
            case "flush":
                with store.logging() as db:
                    meters.write(db, governor.changed())
            case "fail":
                governor.put_back(governor.changed())
            case "restart":
                governor = restarted(store, governor)
    assert started == min(8, sum(step == "ask" for step in steps))


def test_a_clock_that_steps_back_begins_no_new_window(store: Store) -> None:
    governor, asked = Governor(store), subject(caller(store, rate_limits=[rate(3)]))
    assert starts(governor, asked, 3) == 3
    assert starts(governor, asked, 3, NOW - timedelta(seconds=5)) == 0


def test_reset_sets_budgets_back_and_leaves_rates(store: Store) -> None:
    who = caller(store, rate_limits=[rate(5)], usage_limits={"credit_limit": 1, "type": "cost"})
    governor, asked = Governor(store), subject(who)
    governor.settle(governor.admit(asked, NOW), 1, DOLLAR, NOW)
    assert governor.last_reset(who.key_id) is None
    governor.reset(who.key_id, NOW)
    governor = restarted(store, governor)
    assert not governor.exhausted(who.key_id, [who.usage_limits or {}], NOW)
    assert governor.last_reset(who.key_id) == NOW
    assert starts(governor, asked, 9) == 4


def test_changed_limits_hold_at_once_and_keep_what_was_used(store: Store) -> None:
    who = caller(store, usage_limits={"credit_limit": 1, "type": "cost", "periodic_reset": "monthly"})
    governor = Governor(store)
    governor.settle(governor.admit(subject(who), NOW), 1, DOLLAR, NOW)
    assert attempt(governor, subject(who)) is None
    raised = replace(who, usage_limits={**(who.usage_limits or {}), "credit_limit": 2})
    assert attempt(governor, subject(raised))
    reset_at = {
        **(raised.usage_limits or {}),
        "credit_limit": 1,
        "next_usage_reset_at": "2026-11-21T00:00:00Z",
    }
    sooner = replace(raised, usage_limits=reset_at)
    assert attempt(governor, subject(sooner)) is None
    assert attempt(governor, subject(sooner), datetime(2026, 11, 21, tzinfo=UTC))


def test_an_absurd_usage_breaks_nothing(store: Store) -> None:
    who = caller(store, usage_limits={"credit_limit": 10, "type": "tokens"})
    governor, asked = Governor(store), subject(who)
    governor.settle(governor.admit(asked, NOW), -5, -5, NOW)
    assert governor.used(who.key_id, NOW) == {"budget tokens ever": 0}
    governor.settle(governor.admit(asked, NOW), 10**30, 10**30, NOW)
    assert attempt(restarted(store, governor), asked) is None


# Policies


@pytest.mark.covers("S162")
def test_a_usage_policy_counts_each_user(store: Store) -> None:
    who = caller(store)
    identity = policy(store, who, "usage-limits", type="cost", credit_limit=0.5)
    governor = Governor(store)
    for user in ("alice", "bob"):
        governor.settle(governor.admit(subject(who, _user=user), NOW), 1, DOLLAR // 4, NOW)
    governor.settle(governor.admit(subject(who, _user="alice"), NOW), 1, DOLLAR // 4, NOW)
    message = f"Portkey Usage Limits Policy {identity} Exceeded for value key metadata._user:alice"
    kind = "usage_limits_policy_exhaust_error"
    told = {"error": {"message": message, "type": kind, "param": None, "code": "06"}}
    after = restarted(store, governor)
    assert refusal(after, subject(who, _user="alice")) == (412, told)
    assert attempt(after, subject(who, _user="bob"))
    assert after.used(identity, NOW) == {
        "metadata._user:alice": DOLLAR // 2,
        "metadata._user:bob": DOLLAR // 4,
    }
    after.reset(identity, NOW, "metadata._user:alice")
    assert attempt(after, subject(who, _user="alice"))
    assert after.used(identity, NOW)["metadata._user:bob"] == DOLLAR // 4


@pytest.mark.covers("T22")
def test_leaving_the_name_out_does_not_get_around_a_policy(store: Store) -> None:
    who = caller(store)
    identity = policy(store, who, "rate-limits", type="requests", unit="rpm", value=2)
    governor = Governor(store)
    nameless = [subject(who), subject(who, _user=""), subject(who, _user=0), subject(who, _user=None)]
    assert [attempt(governor, asked) is not None for asked in nameless] == [True, True, False, False]
    message = f"Portkey Rate Limit Policy {identity} exceeded for value key metadata._user:"
    kind = "rate_limits_policy_exhaust_error"
    told = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    assert refusal(governor, subject(who)) == (429, told)
    assert starts(governor, subject(who, _user="alice"), 3) == 2


CONDITIONS: list[tuple[str, str, bool]] = [
    ("metadata.team", "eng", True),
    ("metadata.team", "ops", False),
    ("metadata.absent", "eng", False),
    ("metadata.number", "7", True),
    ("provider", "anthropic-prod", True),
    ("provider", "@anthropic-prod", True),
    ("virtual_key", "bedrock-prod", False),
    ("config", "pc-x-000000", True),
    ("model", "claude-opus-4-8", True),
    ("model", "@anthropic-prod/claude-opus-4-8", True),
    ("model", "claude-haiku-4-5", False),
    ("api_key", "another", False),
]


@pytest.mark.parametrize(("key", "value", "holds"), CONDITIONS)
def test_conditions(store: Store, key: str, value: str, holds: bool) -> None:
    who = caller(store)
    conditions = [{"key": "api_key", "value": who.key_id}, {"key": key, "value": value}]
    policy(store, who, "rate-limits", type="requests", unit="rpm", value=0, conditions=conditions)
    started = attempt(Governor(store), subject(who, team="eng", number=7))
    assert (started is None) == holds


def at(who: Caller, provider: str, model: str = "claude-opus-4-8") -> Subject:
    return Subject(who, {}, "pc-x-000000", provider, model)


def test_another_target_is_counted_once_at_each_limit(store: Store) -> None:
    """A request moves on from one provider to another and back; the key's limit and theirs count it once."""
    who = caller(store, rate_limits=[rate(9)])
    groups = [{"key": "provider"}]
    policy(store, who, "rate-limits", type="requests", unit="rpm", value=1, group_by=groups)
    governor = Governor(store)
    admission = governor.admit(at(who, "anthropic-prod"), NOW)
    for provider in ("bedrock-prod", "anthropic-prod", "bedrock-prod", "anthropic-prod"):
        admission = governor.admit(at(who, provider), NOW, admission)
    counted = {row.gauge: row.amount for row in governor.changed()}
    assert counted == {"rate requests rpm": 1, "provider:anthropic-prod": 1, "provider:bedrock-prod": 1}
    assert len(admission.passed) == 3
    for provider in ("anthropic-prod", "bedrock-prod"):
        assert attempt(governor, at(who, provider)) is None
    third = governor.admit(at(who, "vertex-prod"), NOW)
    with pytest.raises(answers.TargetClosed):
        governor.admit(at(who, "bedrock-prod"), NOW, third)


def test_usage_counts_for_the_target_that_answered(store: Store) -> None:
    who = caller(store, usage_limits={"credit_limit": 100, "type": "tokens"})
    groups = [{"key": "provider"}, {"key": "model"}]
    identity = policy(store, who, "usage-limits", type="tokens", credit_limit=9, group_by=groups)
    governor = Governor(store)
    first = governor.admit(at(who, "anthropic-prod"), NOW)
    governor.settle(governor.admit(at(who, "bedrock-prod", "haiku"), NOW, first), 7, 0, NOW)
    assert governor.used(identity, NOW) == {
        "provider:anthropic-prod-model:claude-opus-4-8": 0,
        "provider:bedrock-prod-model:haiku": 7,
    }
    assert governor.used(who.key_id, NOW) == {"budget tokens ever": 7}


@pytest.mark.parametrize(
    ("conditions", "group_by", "of_target"),
    [
        (("provider", "anthropic-prod"), "api_key", True),
        (("virtual_key", "@anthropic-prod"), "api_key", True),
        (("model", "claude-opus-4-8"), "api_key", True),
        (("config", "pc-x-000000"), "model", True),
        (("config", "pc-x-000000"), "metadata._user", False),
    ],
)
@pytest.mark.parametrize("kind", ["usage-limits", "rate-limits"])
def test_only_limits_of_the_target_leave_another_open(
    store: Store, kind: str, conditions: tuple[str, str], group_by: str, of_target: bool
) -> None:
    who = caller(store)
    met = [{"key": conditions[0], "value": conditions[1]}]
    limit = {"type": "tokens", "credit_limit": 0, "unit": "rpm", "value": 0}
    policy(store, who, kind, conditions=met, group_by=[{"key": group_by}], **limit)
    with pytest.raises(Refusal) as caught:
        Governor(store).admit(at(who, "anthropic-prod"), NOW)
    assert isinstance(caught.value, answers.TargetClosed) == of_target
    assert caught.value.status == (412 if kind == "usage-limits" else 429)


def test_a_workspace_can_be_named_by_its_slug_and_others_are_left_alone(store: Store) -> None:
    who, other = caller(store), caller(store)
    with store.reading() as db:
        workspace = workspaces.find(db, who.workspace_id)
    assert workspace is not None
    conditions = [{"key": "workspace_id", "value": workspace["slug"]}]
    policy(store, who, "rate-limits", type="requests", unit="rpm", value=0, conditions=conditions)
    governor = Governor(store)
    assert attempt(governor, subject(who)) is None
    assert attempt(governor, subject(other))


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (("api_key",), "api_key:{key}"),
        (("metadata.team", "metadata._user"), "metadata.team:eng-metadata._user:alice"),
        (("provider", "model", "config"), "provider:anthropic-prod-model:m?-config:pc-x-000000"),
        (("workspace_id",), "workspace_id:{workspace}"),
    ],
)
def test_groups(store: Store, group_by: tuple[str, ...], expected: str) -> None:
    who = caller(store)
    groups = [{"key": key} for key in group_by]
    identity = policy(store, who, "usage-limits", type="tokens", credit_limit=9, group_by=groups)
    governor = Governor(store)
    asked = subject(who, "m\ud800", team="eng", _user="alice")
    governor.settle(governor.admit(asked, NOW), 3, 0, NOW)
    filled = expected.format(key=who.key_id, workspace=who.workspace_id)
    assert restarted(store, governor).used(identity, NOW) == {filled: 3}


def test_made_up_names_do_not_fill_the_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governor_module, "MOST_GROUPS", 3)
    who = caller(store)
    identity = policy(store, who, "rate-limits", type="requests", unit="rpd", value=2)
    governor = Governor(store)
    started = [starts(governor, subject(who, _user=f"u{number}"), 1) for number in range(10)]
    assert started == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert set(governor.used(identity, NOW)) == {*(f"metadata._user:u{n}" for n in range(3)), "(others)"}
    assert starts(governor, subject(who, _user="u0"), 1) == 1


def test_made_up_names_make_room_when_their_window_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governor_module, "MOST_GROUPS", 3)
    who = caller(store)
    identity = policy(store, who, "rate-limits", type="requests", unit="rpm", value=1)
    governor = Governor(store)
    governor.reset(identity, NOW)
    for number in range(5):
        attempt(governor, subject(who, _user=f"u{number}"))
    assert attempt(governor, subject(who, _user="alice")) is None, "shares with u2, u3 and u4"
    later = NOW + timedelta(minutes=1)
    assert starts(governor, subject(who, _user="u1"), 2, later) == 1, "its gate is that of its meter"
    assert starts(governor, subject(who, _user="alice"), 2, later) == 1
    assert starts(governor, subject(who, _user="u1"), 1, later) == 0
    assert starts(governor, subject(who, _user="u0"), 2, later) == 1
    assert governor.used(identity, later).keys() == {"metadata._user:u1", "metadata._user:alice"} | {
        "(others)"
    }
    assert governor.last_reset(identity) == NOW


def test_what_has_ended_is_not_read_at_the_next_start(store: Store) -> None:
    who = caller(store, rate_limits=[rate(5)])
    identity = policy(store, who, "rate-limits", type="requests", unit="rpm", value=5)
    governor = Governor(store)
    governor.reset(identity, NOW)
    governor.admit(subject(who, _user="old"), NOW - timedelta(seconds=60))
    governor.admit(subject(who, _user="new"), NOW - timedelta(seconds=59))
    with store.logging() as db:
        meters.write(db, governor.changed())
    again = Governor(store, NOW)
    assert again.used(identity, NOW) == {"metadata._user:new": 1}
    assert again.last_reset(identity) == NOW
    with store.reading() as db:
        left = db.scalars(select(meter_rows.c.gauge).where(meter_rows.c.subject == identity)).all()
    assert sorted(left) == ["metadata._user:new", "reset"]


def test_an_archived_policy_counts_nothing(store: Store) -> None:
    who = caller(store)
    identity = policy(store, who, "rate-limits", type="requests", unit="rpm", value=0)
    governor = Governor(store)
    assert attempt(governor, subject(who)) is None
    with store.writing() as db:
        policies.archive(db, identity, NOW)
    assert attempt(governor, subject(who))


def test_what_a_late_flush_writes_for_a_deleted_key_goes_at_the_next_start(store: Store) -> None:
    who = caller(store, rate_limits=[rate(5)])
    governor = Governor(store)
    governor.admit(subject(who), NOW)
    rows = governor.changed()
    with store.writing() as db:
        keys.remove(db, who.key_id)
        meters.remove(db, who.key_id)
    with store.logging() as db:
        meters.write(db, rows)
    Governor(store)
    with store.reading() as db:
        assert db.scalar(select(meter_rows.c.amount).where(meter_rows.c.subject == who.key_id)) is None


def test_a_database_from_elsewhere_is_read_whole(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "state" / "gateway.db", NOW)
    governor, who = Governor(opened), caller(opened, rate_limits=[rate(2)])
    assert starts(governor, subject(who), 2) == 2
    restarted(opened, governor)
    opened.close()
    again = open_store(tmp_path / "state" / "gateway.db", NOW)
    assert attempt(Governor(again), subject(who)) is None
    again.close()

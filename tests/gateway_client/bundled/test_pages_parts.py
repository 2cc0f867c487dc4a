"""The pure parts of the pages: texts, charts, limits, questions; and who may try to sign in how fast."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from gateway_client.bundled.governance.gates import budget_gauge
from gateway_client.bundled.pages import charts, limits, paging, search, text
from gateway_client.bundled.pages.rendering import render
from gateway_client.bundled.pages.signing_in import (
    ADDRESSES,
    LIFE,
    LONGEST_PAUSE,
    WAITING,
    Attempts,
    SignedIn,
    TooMany,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("show", "value", "said"),
    [
        (text.number, 1234567, "1,234,567"),
        (text.short_number, 0, "0"),
        (text.short_number, 950, "950"),
        (text.short_number, 999.6, "1k"),
        (text.short_number, 12_345, "12.3k"),
        (text.short_number, 415_200, "415k"),
        (text.short_number, 999_950, "1M"),
        (text.short_number, 8_100_000, "8.1M"),
        (text.dollars, 0, "$0"),
        (text.dollars, 1, "< $0.0001"),
        (text.dollars, 105_000, "$0.0001"),
        (text.dollars, 112_200_000, "$0.1122"),
        (text.dollars, 500_000_000, "$0.50"),
        (text.dollars, 1_234_567_890_000, "$1,234.57"),
        (text.duration, None, "–"),
        (text.duration, 85, "85 ms"),
        (text.duration, 1240, "1.24 s"),
        (text.duration, 200_000, "3 min 20 s"),
        (text.size, 812, "812 B"),
        (text.size, 76_000, "76 kB"),
        (text.size, 1_200_000, "1.2 MB"),
        (text.moment, "2026-11-20T12:00:01.250Z", "2026-11-20 12:00:01"),
        (text.plain, "zoë 田中 🙂", "zoë 田中 🙂"),
        (text.plain, "ev\u202eil\u200b\x1b[2J", r"ev\u202eil\u200b\u001b[2J"),
        (text.plain, "two\nlines\tand \U000e0041", "two\nlines\tand \\U000e0041"),
        (text.indented, "no json {", "no json {"),
    ],
)
def test_values_as_people_read_them(show: Callable[[object], str], value: object, said: str) -> None:
    assert show(value) == said


@pytest.mark.parametrize(("part", "said"), [(0, "0 %"), (1, "< 1 %"), (10, "1 %"), (1000, "100 %")])
def test_a_share_that_is_not_nothing_never_reads_as_nothing(part: int, said: str) -> None:
    assert text.share(part, 1000) == said


def test_what_could_be_a_credential_in_a_config_is_masked_wherever_it_stands() -> None:
    body = {
        "targets": [{"provider": "@a", "api_key": "sk-1"}, {"X-Api-Key": "sk-2", "weight": 1}],
        "override_params": {"max_tokens": 5, "model": "m"},
        "clientSecret": "sk-3",
    }
    shown = text.indented(json.dumps(body))
    assert "sk-" not in shown
    assert json.loads(shown)["override_params"] == {"max_tokens": 5, "model": "m"}


@given(st.lists(st.floats(0, 1e15), min_size=1, max_size=40))
def test_bars_stay_inside_of_the_drawing(values: list[float]) -> None:
    layers = (charts.Layer("a", "first", values), charts.Layer("b", "second", values[::-1]))
    drawn = charts.stacked("Tokens", [str(n) for n in range(len(values))], layers, text.short_number, 2)
    for bar in drawn.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= charts.WIDTH
        assert bar.y >= -0.01
        assert bar.y + bar.height <= charts.HEIGHT + 0.01


@given(st.floats(1e-3, 1e15))
def test_the_scale_is_round_and_never_wastes_more_than_half(value: float) -> None:
    top = charts.ceiling(value)
    assert value <= top * (1 + 1e-9)
    assert top <= 2 * value * (1 + 1e-9)


def test_a_chart_says_in_words_what_it_draws() -> None:
    layers = (charts.Layer("went well", "first", [1, 5]), charts.Layer("failed", "wrong", [0, 2], [0, 3]))
    drawn = charts.stacked("Requests", ["Mon", "Tue"], layers, text.number, 2)
    assert drawn.summary == "Requests over time, at most 7 at Tue"
    assert (drawn.most, drawn.half) == ("8", "4")
    assert [bar.title for bar in drawn.bars] == ["Mon: 1 went well", "Tue: 5 went well", "Tue: 3 failed"]
    nothing = charts.stacked("Requests", ["Mon"], (charts.Layer("all", "first", [0]),), text.number, 2)
    assert (nothing.summary, nothing.bars) == ("Requests: none", [])


def test_budgets_and_rates_in_words() -> None:
    kept = [
        {"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
        {"type": "tokens", "credit_limit": 1000, "periodic_reset_days": 3},
        {"is_expired_alerts_sent": True},
    ]
    used = {budget_gauge(kept[0]): 31_400_000_000}
    said = [(one.used, one.limit, one.said) for one in limits.budgets(kept, used)]
    assert said == [
        (31_400_000_000, 50_000_000_000, "$31.40 of $50 a month"),
        (0, 1000, "0 of 1,000 tokens in 3 days"),
    ]
    assert limits.rates([{"type": "requests", "unit": "rpm", "value": 60}]) == ["60 requests a minute"]


@pytest.mark.parametrize(
    ("asked", "page"), [(None, 1), ("", 1), ("0", 1), ("7", 7), ("-1", 1), ("x", 1), ("9" * 30, 1)]
)
def test_the_page_that_is_asked_for(asked: str | None, page: int) -> None:
    assert paging.asked(asked) == page


def question(query: str, path: str = "/logs") -> search.Search:
    return search.read(QueryParams(query), path, NOW)


@pytest.mark.covers("S37", "S178")
def test_every_field_of_the_form_reaches_the_filters() -> None:
    asked = question(
        "team=support&user=a@b.c&env=prod&tenant=acme&model=m&provider=p&status=429&key=k&session=s"
        "&client=2.1&checksum=c&outcome=refused&text=hello&since=2026-11-20T10:00&until=2026-11-20"
        "&metadata=team%3Dsupport+%22cost+center%3D4+2%22"
    )
    assert asked.problems == ()
    found = asked.filters
    assert (found.team, found.user, found.env, found.tenant) == ("support", "a@b.c", "prod", "acme")
    assert (found.model, found.provider, found.status, found.key_id) == ("m", "p", 429, "k")
    assert (found.session_id, found.client_version, found.settings_checksum) == ("s", "2.1", "c")
    assert (found.outcome, found.content) == ("refused", "hello")
    assert (found.since, found.until) == ("2026-11-20T10:00:00.000Z", "2026-11-20T00:00:00.000Z")
    assert found.metadata == {"team": "support", "cost center": "4 2"}


def test_windows_end_now_and_differ_by_page() -> None:
    assert question("").filters.since is None
    assert question("", "/analytics").filters.since == "2026-11-13T12:00:00.000Z"
    assert question("last=all", "/analytics").filters.since is None
    assert question("last=1h").filters.since == "2026-11-20T11:00:00.000Z"
    assert question("text=x").filters.since == "2026-11-13T12:00:00.000Z"
    assert question("last=1h&since=2026-11-01").filters.since == "2026-11-01T00:00:00.000Z"
    assert question("status=4xx").filters.any_of["status"][::99] == ("400", "499")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("tean=x", "tean: there is no such filter"),
        ("team=a&team=b", "team: is given more than once"),
        ("team=" + "x" * 257, "team: is longer than 256 characters"),
        ("status=20", "status: must be a number such as 429, or 4xx or 5xx"),
        ("last=9y", "time: must be one of 1h, 24h, 7d, 30d, all"),
        ("since=yesterday", "from: must be a date, or a date and time such as 2026-11-20T12:00"),
        ("until=0001-01-01T00:00%2B14:00", "until: is too far from today"),
        ("metadata=team", 'metadata: must be key=value; put blanks between several, and "key=two words" in'),
        ("metadata=a%3D%22b", "metadata: has a quotation mark without its partner"),
        ("metadata=a%3D1+a%3D2", "metadata: names a twice; a request has one value of each"),
        ("outcome=fine", "outcome: must be one of answered"),
    ],
)
def test_what_cannot_be_read_is_said_and_not_left_out(query: str, problem: str) -> None:
    (said,) = question(query).problems
    assert said.startswith(problem)


def test_addresses_carry_what_was_asked_to_other_pages() -> None:
    asked = question("team=a%26b&last=all", "/analytics")
    assert asked.address() == "/analytics?team=a%26b&last=all"
    assert asked.address("/logs") == "/logs?team=a%26b"
    assert question("team=x").address("/analytics", env="prod") == "/analytics?team=x&env=prod&last=all"
    assert [(chip.name, chip.value, chip.without) for chip in asked.chips] == [
        ("team", "a&b", "/analytics?last=all"),
        ("time", "any time", "/analytics?team=a%26b"),
    ]
    assert question("checksum=x").more
    assert not question("team=x").more


@given(st.dictionaries(st.sampled_from(sorted(search.FIELDS)), st.text(max_size=40)))
def test_any_question_is_read_or_refused_and_its_address_asks_the_same(fields: dict[str, str]) -> None:
    asked = search.read(QueryParams(list(fields.items())), "/logs", NOW)
    assert bool(asked.problems) == bool(asked.wrong)
    again = question(asked.address().partition("?")[2])
    assert (again.typed, again.problems) == (asked.typed, asked.problems)


def test_a_template_escapes_markup_and_shows_hidden_characters() -> None:
    values = {"what": "<b>\u202e", "why": "&", "back": '"', "back_name": "'", "here": "/logs", "version": "1"}
    html = render("missing.html.j2", **values)
    assert "<h1>&lt;b&gt;\\u202e</h1>" in html
    assert 'href="&#34;"' in html


def test_a_sign_in_ends_after_its_life_and_when_it_is_ended() -> None:
    signed_in = SignedIn()
    first, second = signed_in.begin(NOW), signed_in.begin(NOW)
    assert first != second
    assert len(first) >= 43
    assert signed_in.holds(first, NOW + LIFE - timedelta(seconds=1))
    assert not signed_in.holds(first, NOW + LIFE)
    signed_in.end(second)
    signed_in.end("unknown")
    assert not signed_in.holds(second, NOW)
    assert not signed_in.holds(None, NOW)


def test_failed_attempts_wait_longer_up_to_a_bound_and_a_right_one_ends_the_row() -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async def run() -> list[int]:
        attempts = Attempts(pause)
        failures = [await attempts.attempt("a", lambda: False) for _ in range(8)]
        other = await attempts.attempt("b", lambda: True)
        right = await attempts.attempt("a", lambda: True)
        return [*failures, other, right, await attempts.attempt("a", lambda: False)]

    assert asyncio.run(run()) == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1]
    assert waited == [0.25, 0.5, 1, 2, 4, 4, 4, 4]
    assert max(waited) == LONGEST_PAUSE


def test_attempts_of_one_address_wait_in_a_short_line_and_addresses_are_bounded() -> None:
    async def run() -> tuple[int, int, int]:
        released = asyncio.Event()

        async def pause(_seconds: float) -> None:
            await released.wait()

        attempts = Attempts(pause)
        assert await attempts.attempt("a", lambda: False) == 1
        tasks = [asyncio.create_task(attempts.attempt("a", lambda: False)) for _ in range(10)]
        await asyncio.sleep(0)
        elsewhere = await attempts.attempt("b", lambda: True)
        released.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number in range(ADDRESSES + 5):
            await attempts.attempt(f"x{number}", lambda: False)
        refused = sum(isinstance(result, TooMany) for result in results)
        return refused, elsewhere, len(attempts._addresses)

    assert asyncio.run(run()) == (10 - WAITING, 0, ADDRESSES)

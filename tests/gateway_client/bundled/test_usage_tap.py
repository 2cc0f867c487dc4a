"""Usage is read while the bytes pass, wherever they are cut."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_client.bundled.data_plane.prices import Usage
from gateway_client.bundled.data_plane.usage import FILE_TOKENS, LINE_LIMIT, Tap, prompt_tokens

START = {
    "type": "message_start",
    "message": {
        "model": "claude-opus-4-8-20260601",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 1,
            "cache_read_input_tokens": 20,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 25, "ephemeral_1h_input_tokens": 5},
        },
    },
}
STREAM = "".join(
    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
    for event in (
        START,
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": '"message_delta" é'}},
        {"type": "message_delta", "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )
).encode()
EXPECTED = Usage(input=10, output=7, cache_read=20, cache_write_5m=25, cache_write_1h=5)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_any_cut_and_line_end_give_the_same_usage(cuts: list[int], crlf: bool) -> None:
    stream = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    edges = sorted({0, *cuts, len(stream)})
    tap = Tap()
    for start, end in pairwise(edges):
        tap.events(stream[start:end])
    assert tap.usage() == EXPECTED
    assert tap.model == "claude-opus-4-8-20260601"
    assert tap.complete
    assert tap.final
    assert tap.said() == len(json.dumps('"message_delta" é')[1:-1]) // 4


def test_complete_only_after_the_last_event() -> None:
    tap = Tap()
    tap.events(STREAM[: STREAM.index(b"event: message_stop")])
    assert not tap.complete
    assert tap.usage() == EXPECTED


def test_a_whole_answer_and_an_error() -> None:
    tap = Tap()
    tap.body(json.dumps(START["message"]).encode())
    assert tap.usage() == Usage(input=10, output=1, cache_read=20, cache_write_5m=25, cache_write_1h=5)
    for body in (b"<html>", b"[1]", b'{"type":"error"}', b'{"usage":5}'):
        tap = Tap()
        tap.body(body)
        assert tap.usage() is None


def test_an_endless_line_is_not_collected() -> None:
    tap = Tap()
    for _ in range(40):
        tap.events(b"x" * (LINE_LIMIT // 10))
    assert len(tap._line) < 2 * LINE_LIMIT
    tap.events(b"\n" + STREAM)
    assert tap.usage() == EXPECTED


def test_before_the_last_usage_what_was_said_counts() -> None:
    tap = Tap()
    deltas = ({"text": "a" * 40}, {"thinking": "b" * 40}, {"partial_json": "c" * 40}, {"signature": "d" * 40})
    for delta in deltas:
        event = {"type": "content_block_delta", "index": 0, "delta": {"type": "some_delta", **delta}}
        for separators in ((",", ":"), (", ", ": ")):
            tap.events(f"data: {json.dumps(event, separators=separators)}\n\n".encode())
    assert (tap.said(), tap.final, tap.usage()) == (60, False, None)


def test_events_that_end_within_a_line_are_read() -> None:
    tap = Tap()
    tap.events(b'data: {"type":"message_delta","usage":{"output_tokens":9}}')
    assert tap.usage() is None
    tap.end()
    assert tap.usage() == Usage(output=9)
    assert tap.final


def test_a_last_usage_that_is_no_number_is_not_the_last() -> None:
    for value in (True, -1, 1.0, 2**31, None):
        tap = Tap()
        tap.events(STREAM[: STREAM.index(b"event: message_delta")])
        event = {"type": "message_delta", "usage": {"output_tokens": value}}
        tap.events(f"data: {json.dumps(event)}\n\n".encode())
        assert not tap.final
        assert tap._counts["output_tokens"] == 1


def test_files_in_a_prompt_count_by_the_piece() -> None:
    assert prompt_tokens(b"w" * 400) == 100
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 1_000_000}}
    assert FILE_TOKENS <= prompt_tokens(json.dumps(image).encode()) < FILE_TOKENS + 50

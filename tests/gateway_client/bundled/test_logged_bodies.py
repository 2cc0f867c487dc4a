"""Bodies in the log: none unless asked for, and never with a credential that can be told as one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_client.bundled import credentials
from gateway_client.bundled.store import bodies, transcript

# Not begun by what could be an escape behind a lone backslash: `\\n` and 43 more would be a key, too.
MINTED = "K" + credentials.told(credentials.mint().secret)[1:]
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":1}', b'{"sub":"abc"}', b"sig")
)
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
SECRETS = {
    "anthropic": ("sk-ant-api03-" + "aB3_-" * 10, "aB3_-aB3"),
    "openai": ("sk-proj-" + "Zx9" * 12, "Zx9Zx9"),
    "ours": (MINTED, MINTED),
    "bearer": ("Authorization: Bearer abc.def~ghi12", "def~ghi"),
    "aws id": ("AKIA" + "Q7" * 8, "Q7Q7"),
    "aws secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "K7MDENG"),
    "aws session": ('"SessionToken":"IQoJb3JpZ2luX2VjEXAMPLE="', "IQoJb3"),
    "github": ("ghp_" + "w5" * 18, "w5w5"),
    "slack": ("xoxb-" + "1234567890-" * 3, "567890-1"),
    "jwt": (JWT, JWT[:12]),
    "pem": (PEM, "IBAAKC"),
    "pem without an end": (PEM.partition("-----END")[0], "IBAAKC"),
}


def stream(*pieces: str, kind: str = "text_delta", name: str = "text") -> bytes:
    """Events of a message whose only block comes in these pieces."""
    block: dict[str, Any] = (
        {"type": "text", "text": ""} if name == "text" else {"type": "tool_use", "input": {}}
    )
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": kind, name: piece}}
            for piece in pieces
        ),
        {"type": "ping"},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


@pytest.mark.covers("T2")
@pytest.mark.parametrize("name", list(SECRETS))
def test_credentials_do_not_get_into_the_log(name: str) -> None:
    secret, part = SECRETS[name]
    asked = json.dumps({"messages": [{"role": "user", "content": f"what is {secret}, please?"}]})
    lines = json.dumps(f"1\n{secret}\nü{secret}\t2")
    pieces = [secret[start : start + 7] for start in range(0, len(secret), 7)]
    spellings = {
        "plain": f"what is {secret} please".encode(),
        "json": asked.encode(),
        "lines": lines.encode(),
        "lines in json": json.dumps(lines).encode(),
        "url": f"GET /x?y=%20{secret}&z=1".encode(),
        "json in json": json.dumps({"tool_result": asked}).encode(),
        "stream": stream("it is ", *pieces, " indeed"),
        "tool input": stream('{"command":"', *pieces, '"}', kind="input_json_delta", name="partial_json"),
    }
    for spelling, body in spellings.items():
        kept = bodies.keepable(body)
        assert part not in kept, spelling
        assert bodies.HIDDEN in kept, spelling


@pytest.mark.parametrize(
    "harmless",
    [
        "dev@acme.com asked about claude-opus-4-8",
        "commit 458c88d0c2f1b7a96e2d4c8a5b3f9e7d1c6a4b20 of sha256:" + "ab" * 32,
        "a bearer of good news, a risk-free task-force",
        "5e55f00d-1111-4222-8333-444455556666",
    ],
)
def test_what_is_no_credential_stays(harmless: str) -> None:
    assert bodies.keepable(harmless.encode()) == harmless


def test_long_bodies_are_cut_and_say_so() -> None:
    kept = bodies.keepable(b"x " * bodies.KEPT)
    assert len(kept) == bodies.KEPT + 1 + len(bodies.CUT)
    assert kept.endswith(bodies.CUT)
    assert bodies.keepable(b"x" * bodies.KEPT) == "x" * bodies.KEPT
    at_the_cut = b" " * (bodies.KEPT - 10) + b"sk-ant-" + b"a" * 100 + b" " * bodies.KEPT
    assert "sk-ant" not in bodies.keepable(at_the_cut)
    assert bodies.keepable(b"\xff\xfe") == "��"


@pytest.mark.covers("T2")
@pytest.mark.parametrize(
    "before", ["", "\\n", "\\\\n", "\\u00e4", "%20", "%C3%A4", ".", "-", "\\", "x=", "ü"]
)
@pytest.mark.parametrize("after", ["", "\\n", "%20", "\\u00e4", ".", "_", "ü"])
def test_a_minted_key_is_found_beside_anything_but_letters_and_digits(before: str, after: str) -> None:
    hidden = bodies.redacted(f"a {before}{MINTED}{after} b {before}{MINTED}{after}")
    assert hidden == f"a {before}{bodies.HIDDEN}{after} b {before}{bodies.HIDDEN}{after}"
    longer = f"{before}{MINTED}x{after}"
    assert bodies.redacted(longer) == longer


def test_a_web_token_is_found_behind_its_own_beginning() -> None:
    assert bodies.redacted(f"-eyJ-eyJ {JWT} a-{JWT}.x") == f"-eyJ-eyJ {bodies.HIDDEN} a-{bodies.HIDDEN}.x"


HOSTILE = {
    "keys that are none": lambda n: " ".join(f"{number:043}" for number in range(n // 44)),
    "one word": lambda n: "a" * n,
    "beginnings of tokens": lambda n: "-eyJ" * (n // 4),
    "halves of tokens": lambda n: "-eyJaaaaaaaa." * (n // 13),
    "beginnings of keys": lambda n: "-----BEGIN PRIVATE KEY " * (n // 23),
    "bearers of nothing": lambda n: ("bearer" + " " * 50) * (n // 56),
    "names without a value": lambda n: "api_key" + "\\" * n,
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_bodies_are_read_to_their_end(name: str) -> None:
    """A pattern that tries anew at each place would not come back (measured)."""
    text = HOSTILE[name](1_000_000)
    hidden = bodies.redacted(text)
    assert bodies.redacted(hidden) == hidden


def test_a_stream_is_kept_as_its_message() -> None:
    whole = json.loads(transcript.message(stream("Hel", "lo").decode()))
    assert whole == {
        "id": "m",
        "usage": {"input_tokens": 5, "output_tokens": 2},
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
    }
    half = stream("half a \ud83d character")
    assert "half a ? character" in bodies.keepable(half)
    cut = stream("Hel", "lo").decode().partition('"lo"')[0]
    assert json.loads(transcript.message(cut))["content"] == [{"type": "text", "text": "Hel"}]
    assert json.loads(transcript.message(cut))["incomplete"] is True
    for other in ("data: nothing of ours\n\n", "event: x", "", '{"type":"message"}', "data: []\n"):
        assert transcript.message(other) in (other, '{"content": []}')


@pytest.mark.covers("S37", "T32")
def test_bodies_are_off_until_they_are_asked_for(start_gateway: Callable[..., Any], tmp_path: Path) -> None:
    for on in (False, True):
        database = tmp_path / str(on) / "gateway.db"
        wire = start_gateway(log_bodies=on, database=database)
        key = wire.bound()["key"]
        wire.ask(key, f"the grüße canary and {MINTED}")
        assert wire.ask(key, "streamed canary", stream=True).content
        shown = [wire.admin("GET", f"/logs/{number}").json() for number in (1, 2)]
        assert [entry["id"] for entry in wire.logs(content="GRüßE canary")] == ([1] if on else [])
        assert [entry["id"] for entry in wire.logs(content="canary", since="2026-11-20T00:00:00Z")] == (
            [2, 1] if on else []
        )
        stored = b"".join(file.read_bytes() for file in database.parent.iterdir())
        assert (b"canary" in stored) is on
        assert MINTED.encode() not in stored
        if on:
            assert shown[0]["request"]["body"]["messages"][0]["content"].endswith(
                f"canary and {bodies.HIDDEN}"
            )
            assert shown[0]["response"]["body"]["content"][0]["type"] == "text"
            assert shown[1]["response"]["body"]["stop_reason"] == "end_turn"
        else:
            assert "body" not in shown[0]["request"] | shown[0]["response"]

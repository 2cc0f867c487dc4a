"""What each check of a guardrail finds, that it never repeats what it found, and that it ends in time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_client.bundled.guardrails import answers, language, pii, texts
from gateway_client.bundled.guardrails.screen import Screen
from gateway_client.bundled.guardrails.text_checks import HEAVIEST, LONGEST, checked_pattern
from gateway_client.bundled.routing.language import Node
from gateway_client.bundled.settings import PROVIDERS


def guardrail(*checks: dict[str, Any], **actions: Any) -> language.Guardrail:
    return language.read("pg-test-000000", list(checks), {"deny": True, **actions})


def screen(*checks: dict[str, Any], config: dict[str, Any] | None = None, **actions: Any) -> Screen:
    rails = (guardrail(*checks, **actions),)
    node = Node.model_validate_json(json.dumps(config or {"provider": "@anthropic-prod"}))
    return Screen(node, PROVIDERS, rails, rails)


def asks(text: Any, model: str = "claude-opus-4-8", **params: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **params}


def passes(check: str, parameters: dict[str, Any], *, text: str = "", **facts: Any) -> bool:
    found = screen({"id": check, "parameters": parameters}).request(
        asks(text, **facts.pop("params", {})), facts.pop("metadata", {})
    )
    assert len(found) == 1
    assert found[0].deny is not found[0].passed
    return found[0].passed


PERSONAL = [
    ("mail o'neil@example.com now", {"EMAIL_ADDRESS": 1}),
    ("a@b, @user, user@localhost", {}),
    ("one@example.com two@sub.example.co.uk", {"EMAIL_ADDRESS": 2}),
    ("call +49 (0)30 1234-5678 now", {"PHONE_NUMBER": 1}),
    ("(555) 123-4567 or 555-123-4567 or 555.123.4567", {"PHONE_NUMBER": 3}),
    ("2026-11-21 10:20:30, 1732150000000, +1 -2", {}),
    ("SSN 123-45-6789.", {"SSN": 1}),
    ("000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000", {}),
    ("card 4111 1111 1111 1111, 5500-0000-0000-0004.", {"CREDIT_CARD": 2}),
    ("card 4111111111111112, id 2222222222222222", {}),
    ("row 2 4111 1111 1111 1111 7, 5555 4111-1111-1111-1111, 3782 822463 10005", {"CREDIT_CARD": 3}),
    ("10 20 30 40 50 60 70 80 90 11 21 31 41 51 61 71 81 91 2000 3000 4000", {}),
    ("DE89 3704 0044 0532 0130 00 is mine", {"IBAN": 1}),
    ("AB12 CD34 DE89 3704 0044 0532 0130 00", {"IBAN": 1}),
    ("GB82WEST12345698765432,NO9386011117947", {"IBAN": 2}),
    ("DE88370400440532013000 XX89370400440532013000", {}),
    ("from 203.0.113.9. to 2001:db8::1", {"IP_ADDRESS": 2}),
    ("127.0.0.1 0.0.0.0 300.1.1.1 1.2.3.4.5 12:30:45 std::vector dead::beef ::1", {}),
    ("id 550e8400-e29b-41d4-a716-446655440000 sha 9f86d081884c7d659a2feaa0c55ad015", {}),
]


@pytest.mark.covers("S164")
@pytest.mark.parametrize(("text", "counts"), PERSONAL, ids=[text for text, _ in PERSONAL])
def test_personal_data(text: str, counts: dict[str, int]) -> None:
    assert pii.found(text, pii.KINDS) == counts
    assert pii.found(text, ()) == {}
    assert passes("default.pii", {}, text=text) is not bool(counts)


@pytest.mark.covers("S164")
def test_only_the_wanted_kinds_of_personal_data() -> None:
    text = "bob@example.com 123-45-6789"
    assert not passes("default.pii", {"categories": ["SSN"]}, text=text)
    assert passes("default.pii", {"categories": ["IBAN", "CREDIT_CARD"]}, text=text)


TEXT_CHECKS = [
    ("default.regexMatch", {"rule": r"(?i)\bfalcon\b", "not": True}, "Project FALCON ships", False),
    ("default.regexMatch", {"rule": r"(?i)\bfalcon\b", "not": True}, "falconry", True),
    ("default.regexMatch", {"rule": "^TICKET-[0-9]+"}, "TICKET-12: fix it", True),
    ("default.regexMatch", {"rule": "^TICKET-[0-9]+"}, "fix it", False),
    ("default.contains", {"words": ["secret", "internal"], "operator": "none"}, "hi", True),
    ("default.contains", {"words": ["secret", "internal"], "operator": "none"}, "an internal memo", False),
    ("default.contains", {"words": ["a", "b"], "operator": "any"}, "xbx", True),
    ("default.contains", {"words": ["a", "b"], "operator": "all"}, "xbx", False),
]


@pytest.mark.covers("S164")
@pytest.mark.parametrize(("check", "parameters", "text", "passed"), TEXT_CHECKS)
def test_patterns_and_words(check: str, parameters: dict[str, Any], text: str, passed: bool) -> None:
    assert passes(check, parameters, text=text) is passed


OPUS, HAIKU = "claude-opus-4-8", "claude-haiku-4-5"
BY_ENV = {"rules": {"defaults": [HAIKU], "metadata": {"env": {"prod": [OPUS], "dev": [HAIKU]}}}}
REQUEST_CHECKS = [
    ("default.modelwhitelist", {"models": [HAIKU]}, {}, OPUS, False),
    ("default.modelWhitelist", {"models": [OPUS]}, {}, OPUS, True),
    ("default.modelwhitelist", {"models": [OPUS], "not": True}, {}, OPUS, False),
    ("default.modelwhitelist", {"models": [OPUS], "not": True}, {}, f"@anthropic-prod/{OPUS}", False),
    ("default.modelwhitelist", {"models": [OPUS], "not": True}, {}, f"vertex/{OPUS}", False),
    ("default.modelwhitelist", {"models": [OPUS]}, {}, f"elsewhere/{OPUS}", False),
    ("default.modelRules", BY_ENV, {"env": "prod"}, OPUS, True),
    ("default.modelRules", BY_ENV, {"env": "dev"}, OPUS, False),
    ("default.modelRules", BY_ENV, {"env": ["dev", "prod"]}, OPUS, True),
    ("default.modelRules", BY_ENV, {"env": "other"}, OPUS, False),
    ("default.modelRules", BY_ENV, {}, HAIKU, True),
    ("default.modelRules", {"rules": {"metadata": {"env": {"prod": [OPUS]}}}}, {}, OPUS, False),
    ("default.modelRules", {**BY_ENV, "not": True}, {"env": "prod"}, OPUS, False),
    (
        "default.requiredMetadataKeys",
        {"metadataKeys": ["team", "env"]},
        {"team": "a", "env": "b"},
        OPUS,
        True,
    ),
    ("default.requiredMetadataKeys", {"metadataKeys": ["team", "env"]}, {"team": "a"}, OPUS, False),
    (
        "default.requiredMetadataKeys",
        {"metadataKeys": ["team", "env"], "operator": "any"},
        {"env": 0},
        OPUS,
        True,
    ),
    (
        "default.requiredMetadataKeys",
        {"metadataKeys": ["debug"], "operator": "none"},
        {"debug": ""},
        OPUS,
        False,
    ),
    (
        "default.requiredMetadataKeyPairs",
        {"metadataPairs": {"env": ["prod", "dev"]}},
        {"env": "dev"},
        OPUS,
        True,
    ),
    (
        "default.requiredMetadataKeyPairs",
        {"metadataPairs": {"env": "prod"}},
        {"env": "production"},
        OPUS,
        False,
    ),
    (
        "default.requiredMetadataKeyPairs",
        {"metadataPairs": {"env": "prod"}, "matchType": "contains"},
        {"env": "production"},
        OPUS,
        True,
    ),
    (
        "default.requiredMetadataKeyPairs",
        {"metadataPairs": {"env": ["p", "x"]}, "matchType": "containsAll"},
        {"env": "prod"},
        OPUS,
        False,
    ),
    (
        "default.requiredMetadataKeyPairs",
        {"metadataPairs": {"user": "@example[.]com$"}, "matchType": "regex"},
        {"user": "a@example.com"},
        OPUS,
        True,
    ),
    ("default.allowedRequestTypes", {"allowedTypes": ["stream-messages"]}, {}, OPUS, False),
    ("default.allowedRequestTypes", {"blockedTypes": ["stream-messages"]}, {}, OPUS, True),
    ("default.allowedRequestTypes", {"blockedTypes": ["messages"]}, {}, OPUS, False),
]


@pytest.mark.covers("S164", "S193")
@pytest.mark.parametrize(("check", "parameters", "metadata", "model", "passed"), REQUEST_CHECKS)
def test_models_metadata_and_types(
    check: str, parameters: dict[str, Any], metadata: dict[str, Any], model: str, passed: bool
) -> None:
    assert passes(check, parameters, metadata=metadata, params={"model": model}) is passed


@pytest.mark.covers("S193")
@pytest.mark.parametrize(
    ("config", "metadata", "passed"),
    [
        ({"provider": "@anthropic-prod", "override_params": {"model": OPUS}}, {}, True),
        ({"override_params": {"model": f"@vertex-prod/{OPUS}"}}, {}, True),
        ({"provider": "@anthropic-prod", "override_params": {"model": HAIKU}}, {}, False),
        (
            {
                "strategy": {"mode": "fallback"},
                "targets": [
                    {"provider": "@anthropic-prod"},
                    {"provider": "@vertex-prod", "override_params": {"model": HAIKU}},
                ],
            },
            {},
            False,
        ),
        *(
            (
                {
                    "strategy": {
                        "mode": "conditional",
                        "conditions": [{"query": {"metadata.env": {"$eq": "dev"}}, "then": "small"}],
                        "default": "large",
                    },
                    "targets": [
                        {"name": "large", "provider": "@anthropic-prod", "override_params": {"model": OPUS}},
                        {"name": "small", "provider": "@anthropic-prod", "override_params": {"model": HAIKU}},
                    ],
                },
                {"env": env},
                env == "prod",
            )
            for env in ("dev", "prod")
        ),
    ],
)
def test_a_model_rule_holds_for_every_model_that_the_request_can_reach(
    config: dict[str, Any], metadata: dict[str, Any], passed: bool
) -> None:
    check = {"id": "default.modelwhitelist", "parameters": {"models": [OPUS]}}
    found = screen(check, config=config).request(asks("hi"), metadata)
    assert [verdict.passed for verdict in found] == [passed]


def test_a_check_that_is_not_enabled_is_not_made() -> None:
    off = {"id": "default.pii", "parameters": {}, "is_enabled": False}
    assert screen(off).request(asks("bob@example.com"), {}) == []


def test_an_async_guardrail_never_denies() -> None:
    quiet = screen({"id": "default.pii"}, **{"async": True})
    verdicts = quiet.request(asks("bob@example.com"), {})
    assert [(v.passed, v.deny, v.quiet) for v in verdicts] == [(False, False, True)]
    assert not quiet.withholds()


REQUEST_TEXTS: list[tuple[Any, str]] = [
    ("hi", "hi"),
    ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
    ([{"type": "tool_result", "tool_use_id": "t", "content": "read"}], "read"),
    ([{"type": "tool_result", "content": [{"type": "text", "text": "read"}]}], "read"),
    ([{"type": "tool_use", "input": {"to": ["x@example.com", 5, None, True]}}], "to\nx@example.com\n5"),
    ([{"type": "document", "source": {"type": "text", "data": "plain"}, "title": "T"}], "T\nplain"),
    ([{"type": "search_result", "source": "https://a.example", "title": "T"}], "T\nhttps://a.example"),
    ([{"type": "image", "source": {"type": "base64", "data": "AAAA"}}], ""),
    ("half \ud800 a character", "half ? a character"),
    (None, ""),
    (17, ""),
    ([None, 5, "x", {"text": 5}], ""),
]


@pytest.mark.parametrize(("content", "text"), REQUEST_TEXTS)
def test_the_text_of_a_request_is_that_of_its_last_turn(content: Any, text: str) -> None:
    earlier = [{"role": "user", "content": "bob@example.com"}, {"role": "assistant", "content": "so?"}]
    params = {"system": "123-45-6789", "messages": [*earlier, {"role": "user", "content": content}]}
    assert texts.of_request(params) == text


@pytest.mark.covers("T27")
@pytest.mark.parametrize(
    ("roles", "text"),
    [
        ("u", "0"),
        ("uu", "0\n1"),
        ("uau", "2"),
        ("uauuu", "2\n3\n4"),
        ("uausu", "2\n3\n4"),
        ("ua", "0\n1"),
        ("uaua", "2\n3"),
        ("uauaa", "2\n3\n4"),
        ("a", "0"),
        ("", ""),
    ],
)
def test_a_turn_begins_after_the_last_answer(roles: str, text: str) -> None:
    names = {"u": "user", "a": "assistant", "s": "system"}
    messages = [{"role": names[role], "content": str(at)} for at, role in enumerate(roles)]
    assert texts.of_request({"messages": messages}) == text


@pytest.mark.covers("T27")
@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
@pytest.mark.parametrize("pieces", [1, 2, 1000])
def test_no_more_is_collected_than_is_looked_at(length: int, pieces: int) -> None:
    words = ["x" * (length // pieces - 1)] * pieces
    words[-1] += "x" * (length - len("\n".join(words)))
    content = [{"type": "text", "text": word} for word in words]
    endless = [{"type": "text", "text": "y" * LONGEST}] * 1000
    assert len(texts.of_request(asks(content))) == length
    found = texts.of_request(asks([*content, *endless]))
    assert LONGEST < len(found) <= 2 * LONGEST + 2


@pytest.mark.covers("T27")
def test_no_depth_is_too_deep() -> None:
    content: Any = "deep"
    value: Any = "down"
    for _ in range(5000):
        content = [{"type": "tool_result", "content": content, "title": None}]
        value = [{"k": value}]
    assert texts.of_request(asks(content)) == "deep"
    assert texts.of_request(asks([{"type": "tool_use", "input": value}])).endswith("k\ndown")


@pytest.mark.parametrize("params", [{}, {"messages": None}, {"messages": []}, {"messages": ["x"]}])
def test_a_request_without_messages_has_no_text(params: dict[str, Any]) -> None:
    assert texts.of_request(params) == ""


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {e.get('type')}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def delta(index: int, **fields: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def test_the_text_of_an_answer() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "tool_use", "name": "t", "input": {"k": "v"}}]
    assert texts.of_answer(json.dumps({"content": content}).encode(), stream=False) == "a\nk\nv"
    events = sse(
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        delta(0, type="text_delta", text="bob@exam"),
        {"type": "ping"},
        delta(1, type="input_json_delta", partial_json='{"to": "a\\u00'),
        delta(0, type="text_delta", text="ple.com"),
        delta(1, type="input_json_delta", partial_json='40b.de"}'),
        delta(2, type="input_json_delta", partial_json='{"cut": "off'),
    )
    assert texts.of_answer(events, stream=True) == 'bob@example.com\nto\na@b.de\n{"cut": "off'


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type":"error"}', b'{"input_tokens": 5}', b"\xff"])
def test_what_is_no_message_has_no_verdicts(body: bytes) -> None:
    assert screen({"id": "default.pii"}).response(body, stream=False) == []
    assert texts.of_answer(body, stream=True) == ""


SECRET = st.one_of(
    st.from_regex(r"[a-z]{3,12}\.[a-z]{3,12}@[a-z]{3,12}\.com", fullmatch=True),
    st.from_regex(r"[1-5][0-9]{2}-[1-9][0-9]-[1-9][0-9]{3}", fullmatch=True),
    st.sampled_from(["4111 1111 1111 1111", "DE89370400440532013000", "203.0.113.77", "(555) 123-4567"]),
)


@pytest.mark.covers("S164", "T2")
@settings(deadline=None)
@given(
    secret=SECRET,
    before=st.text(st.characters(codec="utf-8"), max_size=20),
    after=st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_a_planted_secret_is_found_and_never_repeated(secret: str, before: str, after: str) -> None:
    text = f"{before} {secret} {after}"
    watching = screen(
        {"id": "default.pii", "parameters": {}},
        {"id": "default.contains", "parameters": {"words": [secret], "operator": "none"}},
        {"id": "default.regexMatch", "parameters": {"rule": "(?s).+", "not": True}},
        {"id": "default.modelwhitelist", "parameters": {"models": ["m"]}},
    )
    asked = watching.request(asks(text, model=secret), {"user": secret})
    assert [verdict.passed for verdict in asked] == [False] * 4
    message = {"content": [{"type": "text", "text": text}]}
    parts = [delta(0, type="text_delta", text=character) for character in text]
    answered = watching.response(json.dumps(message).encode(), stream=False)
    assert answered == watching.response(sse(*parts), stream=True)
    assert [verdict.passed for verdict in answered] == [False] * 3
    told = json.dumps(answers.denial(asked, answered).body, ensure_ascii=False) + repr((asked, answered))
    assert secret not in told


@pytest.mark.covers("T27")
def test_a_text_that_is_too_long_does_not_pass_unseen() -> None:
    checks = (
        {"id": "default.pii"},
        {"id": "default.contains", "parameters": {"words": ["x"], "operator": "none"}},
    )
    found = screen(*checks).request(asks("a" * (LONGEST + 1)), {})
    assert [verdict.passed for verdict in found] == [False, False]
    assert "longer than" in found[0].detail
    assert all(verdict.passed for verdict in screen(*checks).request(asks("a" * LONGEST), {}))


HOSTILE = [
    "a",
    "1 ",
    "+1",
    "a@",
    "a.b@a.",
    "DE89 ",
    "1:",
    "1.",
    "AB12AB12 ",
    "abcd:",
    "555-",
    "(555) ",
    "x@a.",
    "4",
]
CATASTROPHIC = ["(a+)+b", "(a|a)*b", ".*.*.*=", r"(\w+\s?)*$x", "(x+x+)+y"]


@pytest.mark.covers("T27")
def test_no_text_and_no_pattern_holds_the_gateway_up() -> None:
    """All of it takes 0.2 s (measured); backtracking would not come back."""
    for unit in HOSTILE:
        pii.found(unit * (LONGEST // len(unit)), pii.KINDS)
    for rule in CATASTROPHIC:
        assert passes("default.regexMatch", {"rule": rule, "not": True}, text="a x" * (LONGEST // 3))


@pytest.mark.covers("T27")
@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(?=a)b", "look-around"),
        (r"(a)\1", "backreferences"),
        ("(a", "unclosed group"),
        ("([ab]{30}){30}", "repeats too much"),
        (f"a{{{HEAVIEST + 2}}}", "repeats too much"),
        ("a{1000000}", "size limit"),
        ("a" * 1001, "longer than 1000"),
    ],
)
def test_patterns_that_are_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        checked_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{4}-\d{4}-\d{4}-\d{4}",
        r"[\]{}]{9}\{400",
        r"(?i)(?:AKIA|ASIA)[A-Z0-9]{16}",
        r"\p{Lu}{2,8}\x{41}",
        "a|b" * 300,
    ],
)
def test_patterns_that_are_taken(pattern: str) -> None:
    assert checked_pattern(pattern) == pattern


def test_model_checks_go_by_the_path_that_was_asked_for() -> None:
    conditions = [{"query": {"url.pathname": {"$eq": "/v1/messages/count_tokens"}}, "then": "count"}]
    config = {
        "strategy": {"mode": "conditional", "conditions": conditions, "default": "rest"},
        "targets": [
            {
                "name": "count",
                "provider": "@anthropic-prod",
                "override_params": {"model": "claude-haiku-4-5"},
            },
            {"name": "rest", "provider": "@anthropic-prod"},
        ],
    }
    check = {"id": "default.modelwhitelist", "parameters": {"models": ["claude-opus-4-8"]}}
    looked = screen(check, config=config)
    assert [found.passed for found in looked.request(asks("hi"), {})] == [True]
    path = "/v1/messages/count_tokens"
    assert [found.passed for found in looked.request(asks("hi"), {}, path)] == [False]

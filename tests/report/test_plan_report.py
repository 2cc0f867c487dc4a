"""The plan as an admin reads it before saying yes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args, get_type_hints

import pytest

from gateway_client.contract import Budget, RateLimit
from provisioner.plan.counts import SecondMatch
from provisioner.plan.model import (
    Action,
    AdoptConfig,
    AdoptKey,
    AdoptRotation,
    Blocked,
    CloseIntent,
    CreateConfig,
    DiscardKey,
    ForgetKey,
    Inputs,
    KeepConfig,
    KeepKey,
    Leaver,
    MintKey,
    Plan,
    RevokeKey,
    RotateKey,
    UpdateConfig,
    UpdateKey,
    WantedKey,
)
from provisioner.report import plan as report


def wanted(name: str) -> WantedKey:
    rates = (RateLimit("requests", "rpm", 600), RateLimit("tokens", "rpd", 2_000_000))
    return WantedKey(
        f"claude-desktop-{name}", name, f"desktop-{name}", {"team": name}, Budget(500), rates, None, ("m",)
    )


CONTRACTOR = replace(
    wanted("ext-prod-eve-0a1b2c"), budget=None, rate_limits=(), expires_at=datetime(2027, 1, 31, tzinfo=UTC)
)
NOTHING = Plan(
    gateway="http://127.0.0.1:8080",
    roster_file="org.csv",
    inputs=Inputs("r", "f", "p", "l", "g"),
    actions=(KeepConfig("desktop-eng-prod", "pc-1"), KeepKey("claude-desktop-eng-prod", "k-1")),
    live_keys=1,
)
FOREIGN = Blocked(
    "claude-desktop-qa-prod",
    "FOREIGN key of this name at the gateway (k_\x1b[31m123); this ledger did not make it",
    "rename or delete that key at the gateway, or give the team another name",
)
# Every kind of action once or more.
EVERYTHING = Plan(
    gateway="https://api.portkey.ai/v1",
    roster_file="org.csv",
    inputs=Inputs("r", "f", "p", "l", "g"),
    actions=(
        CloseIntent("claude-desktop-a-prod", "n-1", "the mint broke off before a key was made"),
        AdoptKey(wanted("b-prod"), "k-2", "n-2"),
        AdoptRotation("claude-desktop-r-prod", "k-9", "n-9"),
        DiscardKey("claude-desktop-c-prod", "k-3", "n-3"),
        AdoptConfig("desktop-b-prod", "pc-2", {}),
        CreateConfig("desktop-eng-prod", {}),
        CreateConfig("desktop-data-ml-prod", {}),
        UpdateConfig("desktop-legal-prod", "pc-3", {}, "the policy changed"),
        KeepConfig("desktop-support-prod", "pc-4"),
        MintKey(wanted("eng-prod"), "new"),
        MintKey(wanted("data-ml-prod"), "the key that the ledger knows is gone at the gateway"),
        MintKey(CONTRACTOR, "new"),
        UpdateKey(wanted("legal-prod"), "k-4", "budget: 100 USD monthly, should be 500 USD monthly"),
        KeepKey("claude-desktop-support-prod", "k-5"),
        RotateKey("claude-desktop-hr-prod", "k-6", "its secret is not in the vault"),
        ForgetKey("claude-desktop-gone-prod", "k-7"),
        RevokeKey("claude-desktop-old-prod", "k-8", "no row of the roster asks for it any more"),
        FOREIGN,
    ),
    leavers=(Leaver("claude-desktop-left-prod", "k-10"),),
    second_matches=(
        SecondMatch("person", "alice@acme.com", "eng-prod", None, ("eng-dev", "legal-prod")),
        SecondMatch("person", "bob@acme.com", "legal-prod", None, ("eng-dev",)),
    ),
    expired=("eve@acme.com",),
    live_keys=6,
)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.covers("T11", "T16")
def test_a_plan_with_everything_in_it(golden: Callable[[str, bytes], None], width: int) -> None:
    golden(f"report/plan-everything-{width}.txt", report.text(EVERYTHING, width).encode() + b"\n")


def test_a_plan_without_changes_says_so() -> None:
    assert report.text(NOTHING, 80) == (
        "plan for org.csv at http://127.0.0.1:8080\n\n"
        "keep 1 config and 1 key as they are\n\n"
        "nothing to do: 1 config and 1 key stand as they should"
    )


def test_a_plan_that_is_only_blocked_does_not_say_that_all_is_well() -> None:
    blocked = replace(NOTHING, actions=(FOREIGN,))
    assert report.text(blocked, 200).splitlines()[-1] == "nothing to do; 1 blocked"


@pytest.mark.covers("T15")
def test_what_a_gateway_said_is_shown_escaped() -> None:
    text = report.text(replace(NOTHING, actions=(FOREIGN,)), 200)
    assert "\x1b" not in text
    assert "k_\\x1b[31m123" in text


def test_every_kind_of_action_has_its_words() -> None:
    kinds = {get_args(get_type_hints(action)["kind"])[0] for action in get_args(get_args(Action)[0])}
    assert kinds - set(report.HEADINGS) == {"keep-config", "keep-key", "blocked"}
    assert {a.kind for a in EVERYTHING.actions} == kinds


@pytest.mark.covers("T11")
def test_what_takes_away_is_listed_whole_and_the_rest_is_cut() -> None:
    revoked = tuple(RevokeKey(f"claude-desktop-old-{n}", f"k-{n}", "left") for n in range(300))
    created = tuple(CreateConfig(f"desktop-new-{n}", {}) for n in range(300))
    text = report.text(replace(NOTHING, actions=(*created, *revoked), live_keys=400), 120)
    assert "revoke 300 keys of 400 live ones" in text
    assert all(f"claude-desktop-old-{n} " in text for n in range(300))
    assert "create 300 configs" in text
    assert "  ... and 260 more; all of them: --format json" in text
    assert text.splitlines()[-1] == "300 configs to create, 300 keys to revoke"


@pytest.mark.covers("T16")
def test_long_lists_of_people_are_cut_and_counted() -> None:
    plan = replace(
        NOTHING,
        second_matches=tuple(
            SecondMatch("person", f"p{n}@acme.com", "eng-prod", None, ("eng-dev",)) for n in range(25)
        ),
        expired=tuple(f"x{n}@acme.com" for n in range(25)),
        leavers=tuple(Leaver(f"claude-desktop-t{n}-prod", str(n)) for n in range(25)),
    )
    text = report.remarks(plan, 120)
    assert "25 people stand in several rows" in text
    assert "  ... and 5 more; all of them: --format json" in text
    assert text.count("... and 5 more") == 3
    assert "--prune revokes them:" in text
    assert text in report.text(plan, 120)


def test_a_leaver_whose_person_has_another_key_is_told_so() -> None:
    leavers = (
        Leaver("claude-desktop-old", "1", "claude-desktop-new"),
        Leaver("claude-desktop-gone-prod", "2"),
    )
    assert report.remarks(replace(NOTHING, leavers=leavers), 120).splitlines()[1:] == [
        "  claude-desktop-old        the same person as claude-desktop-new", "  claude-desktop-gone-prod",
    ]  # fmt: skip


def test_no_remarks_are_no_text() -> None:
    assert report.remarks(NOTHING, 80) == ""


def test_json_carries_the_whole_plan_and_its_counts() -> None:
    value = report.as_json(EVERYTHING)
    assert json.loads(json.dumps(value)) == value
    assert (value["version"], value["kind"], value["nothing_to_do"]) == (1, "plan", False)
    assert value["counts"]["mint-key"] == 3
    assert sum(value["counts"].values()) == len(value["plan"]["actions"]) == len(EVERYTHING.actions)
    assert report.as_json(NOTHING)["nothing_to_do"] is True

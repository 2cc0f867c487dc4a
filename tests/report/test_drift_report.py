"""Drift findings for a person, a machine, and whoever gets the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from provisioner.drift.model import Code, Finding, Layer, Report
from provisioner.report import drift
from tests.report.pages import assert_contained, assert_readable, parsed, words
from tests.report.rollouts import shipped_templates

AGAIN = "run provision --roster FILE again"
FOUND = Report(
    findings=(
        Finding(
            "artifacts",
            "EDITED",
            "eng-prod/jamf/AIGateway-eng-prod.mobileconfig",
            "sha256 0123456789ab",
            "sha256 ba9876543210",
            AGAIN,
        ),
        Finding(
            "gateway",
            "MISSING",
            "claude-desktop-eng-prod",
            "live key k-1",
            "deleted or revoked at the gateway",
            AGAIN,
        ),
        Finding(
            "gateway",
            "CHANGED",
            "claude-desktop-support-prod",
            "budget 500 USD monthly",
            "5,000 USD monthly",
            AGAIN,
        ),
        Finding("gateway", "CHANGED", "claude-desktop-support-prod", "config pc-1", "pc-9", AGAIN),
        Finding(
            "gateway",
            "FOREIGN",
            "claude-desktop-eng-pr\u03bfd",
            "no other key of our naming",
            "key k-9, not made through this ledger",
            "find out who made it",
        ),
        Finding(
            "roster",
            "LEAVER",
            "claude-desktop-old-prod",
            "no key: no row of the roster asks for it",
            "a live key",
            "run provision --roster FILE --prune to revoke it",
        ),
    ),
    keys=4,
    configs=3,
    files=97,
    gateway="https://api.portkey.ai/v1",
    roster_file="org.csv",
)
NONE = replace(FOUND, findings=())
HOSTILE = '<script>alert(1)</script>{{7*7}}"\'=HYPERLINK("http://evil")</style><img src=x onerror=alert(1)>'


@pytest.mark.parametrize("width", [80, 120])
def test_findings_by_layer_then_by_what_mends_them(golden: Callable[[str, bytes], None], width: int) -> None:
    golden(f"report/drift-{width}.txt", drift.text(FOUND, width).encode() + b"\n")


def test_no_drift_is_one_line_with_what_was_looked_at() -> None:
    assert drift.text(NONE, 80) == (
        "no drift: looked at roster org.csv; 4 keys and 3 configs at https://api.portkey.ai/v1;"
        " 97 files in the output folder"
    )


@pytest.mark.covers("T15")
def test_a_look_alike_at_the_gateway_is_shown_for_what_it_is() -> None:
    assert '"claude-desktop-eng-pr\\u03bfd"' in drift.text(FOUND, 100)
    assert '"claude-desktop-eng-pr\\u03bfd"' in parsed(drift.html(FOUND, shipped_templates())).texts("code")


def test_a_thousand_findings_of_one_kind_are_cut() -> None:
    many = tuple(replace(FOUND.findings[1], subject=f"claude-desktop-t{n}-prod") for n in range(1000))
    lines = drift.text(replace(FOUND, findings=many), 120).splitlines()
    assert lines[-1] == "    ... and 900 more; all of them: --format json"
    assert len(lines) < 110


def test_every_code_and_layer_has_its_words() -> None:
    assert set(drift.MEANINGS) == set(get_args(Code))
    assert set(drift.LAYERS) == set(get_args(Layer))


def test_json_has_every_finding() -> None:
    value = drift.as_json(FOUND)
    assert json.loads(json.dumps(value)) == value
    assert (value["version"], value["kind"], value["drift"]) == (1, "drift", True)
    assert value["looked_at"] == {
        "roster": "org.csv",
        "gateway": "https://api.portkey.ai/v1",
        "keys": 4,
        "configs": 3,
        "files": 97,
    }
    assert [f["code"] for f in value["findings"]] == [f.code for f in FOUND.findings]
    assert value["findings"][1]["fix"] == AGAIN
    assert drift.as_json(NONE)["drift"] is False


@pytest.mark.covers("T12")
def test_the_page_is_self_contained_and_runs_nothing(golden: Callable[[str, bytes], None]) -> None:
    data = drift.html(FOUND, shipped_templates())
    golden("report/drift.html", data)
    assert data == drift.html(FOUND, shipped_templates())
    page = parsed(data)
    assert_contained(page, scripts=0)
    assert_readable(page)
    assert page.texts("h1") == ["6 findings"]
    assert page.texts("h2") == [
        "Roster against ledger",
        "Ledger against gateway",
        "Ledger against output folder",
    ]
    rows = [[words(cell) for cell in row] for row in page.all("tr")]
    assert ["claude-desktop-support-prod", "budget 500 USD monthly", "5,000 USD monthly"] in rows
    assert len([r for r in rows if r != ["What", "Expected", "Seen"]]) == len(FOUND.findings)


def test_the_page_without_findings_says_so() -> None:
    page = parsed(drift.html(NONE, shipped_templates()))
    assert_contained(page, scripts=0)
    assert page.texts("h1") == ["No drift"]
    assert page.all("table") == []


@pytest.mark.covers("T12", "T31")
def test_hostile_text_is_only_text() -> None:
    hostile = Finding("gateway", "FOREIGN", HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    report = replace(FOUND, findings=(hostile,), gateway=HOSTILE, roster_file=HOSTILE)
    page = parsed(drift.html(report, shipped_templates()))
    assert_contained(page, scripts=0)
    assert words(page.all("td")[0]) == HOSTILE
    assert words(page.all("td")[2]) == HOSTILE

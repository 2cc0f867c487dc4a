"""A plan on paper: read back whole, or refused with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import PlanRefused
from provisioner.plan import paper
from provisioner.plan.model import PLAN_VERSION
from tests.report.test_plan_report import EVERYTHING


def mac(data: bytes) -> str:
    return f"mac of {len(data)}"


def other_mac(data: bytes) -> str:
    return f"another {len(data)}"


def test_a_plan_reads_back_as_it_was_written() -> None:
    written = paper.written(EVERYTHING, mac)
    assert paper.read(written, mac) == EVERYTHING
    assert paper.written(paper.read(written, mac), mac) == written


def test_a_plan_of_another_version_is_refused_with_what_to_do() -> None:
    former = paper.written(replace(EVERYTHING, version=PLAN_VERSION - 1), mac)
    with pytest.raises(PlanRefused) as caught:
        paper.read(former, mac)
    assert f"has version {PLAN_VERSION - 1}, this provision reads {PLAN_VERSION}" in caught.value.message
    assert "make a new plan" in (caught.value.hint or "")


def shortened(signed: dict[str, Any]) -> None:
    signed["plan"]["actions"].pop()


def without_mac(signed: dict[str, Any]) -> None:
    signed["mac"] = None


@pytest.mark.parametrize("change", [shortened, without_mac])
def test_an_edited_plan_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    signed = json.loads(paper.written(EVERYTHING, mac))
    change(signed)
    with pytest.raises(PlanRefused, match="was edited"):
        paper.read(json.dumps(signed).encode(), mac)


def test_a_plan_of_another_vault_is_refused() -> None:
    with pytest.raises(PlanRefused, match="another vault key"):
        paper.read(paper.written(EVERYTHING, mac), other_mac)

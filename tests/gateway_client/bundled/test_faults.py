"""Connections lost on demand: the far end of the tool's crash tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from gateway_client.bundled.settings import Faults


def names(wire: Any) -> list[str]:
    return [config["name"] for config in wire.admin("GET", "/configs").json()["data"]]


@pytest.mark.covers("T1")
def test_created_then_dropped_and_dropped_before(start_gateway: Callable[..., Any]) -> None:
    """Calls are numbered over every changing method; reading ones do not count."""
    wire = start_gateway(faults=Faults(drop_after=frozenset({2}), drop_before=frozenset({3})))

    def create(name: str) -> None:
        wire.config({"provider": "@anthropic-prod"}, name)

    create("one")
    wire.admin("GET", "/configs")
    with pytest.raises(requests.ConnectionError):
        create("two")
    assert names(wire) == ["one", "two"]
    with pytest.raises(requests.ConnectionError):
        create("three")
    assert names(wire) == ["one", "two"]
    create("four")
    assert names(wire) == ["one", "two", "four"]
    audit = wire.admin("GET", "/audit").json()["data"]
    assert [call["method"] for call in audit].count("POST") == 3  # the third never came through the door


@pytest.mark.covers("T1")
def test_a_minted_key_whose_answer_is_lost_lives(start_gateway: Callable[..., Any]) -> None:
    wire = start_gateway(faults=Faults(drop_after=frozenset({1})))
    with pytest.raises(requests.ConnectionError):
        wire.mint(name="orphan")
    (orphan,) = wire.admin("GET", "/api-keys").json()["data"]
    assert (orphan["name"], orphan["status"]) == ("orphan", "active")

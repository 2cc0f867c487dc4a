"""The profiles that ship, and those of the cases, as texts."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shipped() -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((ROOT / "profiles").glob("*.toml"))}


@pytest.fixture(scope="session")
def cases(shipped: dict[str, str]) -> dict[str, str]:
    folder = ROOT / "tests" / "cases" / "policy"
    return shipped | {path.stem: path.read_text() for path in sorted(folder.glob("*.toml"))}

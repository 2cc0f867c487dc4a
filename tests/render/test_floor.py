"""Client version floors."""

from __future__ import annotations

import pytest

from provisioner.errors import ArtifactError
from provisioner.render import floor


@pytest.mark.parametrize(
    ("at", "version", "expected"),
    [
        (None, "2.1.0", False),
        ("2.1.283", "2.1.283", True),
        ("2.1.282", "2.1.283", False),
        ("2.1.1000", "2.1.283", True),
        ("2.10.0", "2.9.9", True),
        ("1.8089.0", "1.52386.0", False),
    ],
)
@pytest.mark.covers("C12")
def test_versions_compare_by_number(at: str | None, version: str, expected: bool) -> None:
    assert floor.reaches(at, version) is expected


@pytest.mark.parametrize("bad", ["", "2.1", "2.1.x", "v2.1.3", "2.1.3\n", "2.1.3-beta", "٢.1.3", "1.2.3.4"])
def test_a_floor_that_clients_would_ignore_is_refused(bad: str) -> None:
    with pytest.raises(ArtifactError, match="not three numbers"):
        floor.reaches(bad, "2.1.0")

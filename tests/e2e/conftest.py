"""A network of their own for the tests that run the real client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import claude_namespaces as namespaces
from tests.support.claude_namespaces import Network


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    if why := namespaces.missing():
        pytest.skip(why)
    made = Network()
    yield made
    made.close()

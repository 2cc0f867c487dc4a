"""Guards for every test: loopback only, a clean environment, no home directory; and the goldens."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.pilot import Pilot, new_pilot

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
GOLDEN = Path(__file__).parent / "golden"
NOT_HERE = "the reference folder ../shared with third-party contracts is not here"
KEPT_ENVIRONMENT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "CI", "VIRTUAL_ENV"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="rewrite golden files; then look at git diff")
    parser.addoption("--no-skips", action="store_true", help="fail when a test was skipped, as CI must")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Compare bytes with a golden file; `--regen` rewrites it."""

    def compare(name: str, data: bytes) -> None:
        path = GOLDEN / name
        if request.config.getoption("--regen"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        assert path.exists(), f"no golden file {name}; run pytest --regen and read the diff"
        assert data == path.read_bytes()

    return compare


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test an environment of its own: no proxies, no credentials, an empty home."""
    for name in set(os.environ) - KEPT_ENVIRONMENT:
        if not name.startswith(("PYTEST_", "COV_")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Undo what the tool does to its own process, when a test runs it in this one."""
    mask = os.umask(0o022)
    yield
    os.umask(mask)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects anywhere but to loopback or a Unix socket."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def checked(address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise AssertionError(f"a test tried to reach {host}; tests talk to loopback only")

    def guarded(self: socket.socket, address: object) -> None:
        checked(address)
        connect(self, address)  # type: ignore[arg-type]  # passed on as it came

    def guarded_ex(self: socket.socket, address: object) -> int:
        checked(address)
        return connect_ex(self, address)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the reference folder with third-party contracts, or skip."""
    if not SHARED.is_dir():
        pytest.skip(NOT_HERE)
    return SHARED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check that every `covers` mark names an item that can exist; `--regen` runs the golden tests only."""
    if config.getoption("--regen"):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]
    for item in items:
        for mark in item.iter_markers("covers"):
            for name in mark.args:
                if not re.fullmatch(r"S\d{1,3}[a-f]?|C\d{1,2}|T\d{1,2}", name):
                    raise pytest.UsageError(f"{item.nodeid}: covers({name!r}) names no requirement or threat")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Under `--no-skips`, a skipped test fails the run, unless it needs what only some places have."""
    result = yield
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if session.config.getoption("--no-skips") and any(NOT_HERE not in str(s.longrepr) for s in skipped):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return result


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """A desk with a small roster and the bundled gateway."""
    return new_pilot(tmp_path)

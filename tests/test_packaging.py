"""The wheel as people get it: built, listed, installed where no checkout is, and run from `/`.

Nothing is downloaded: the build uses the installed hatchling, and the clean environment borrows
this one's libraries through its site-packages folder. Editable installs do not come along, since
`.pth` files are read in an environment's own folder only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.support.pilot import Pilot

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
DATA = "provisioner/_data/"


def run(*command: str | Path, cwd: Path = Path("/"), home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment of its own: no PYTHONPATH, another home."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environment = {**kept, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_INDEX": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def build(source: Path, out: Path, *what: str) -> list[Path]:
    """Build distributions of a source tree, without network."""
    done = run(
        sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", out, source, home=out.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the sdist; the wheel is made from the sdist, as `build` does it."""
    sdist, wheel = sorted(
        build(ROOT, tmp_path_factory.mktemp("built") / "out"), key=lambda path: path.suffix == ".whl"
    )
    return wheel, sdist


@pytest.fixture(scope="module")
def listing(built: tuple[Path, Path]) -> list[str]:
    """Return the names in the wheel."""
    with zipfile.ZipFile(built[0]) as wheel:
        return wheel.namelist()


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a new environment, and return that environment's programs."""
    home = tmp_path_factory.mktemp("elsewhere")
    folder = home / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    asked = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", home=home)
    borrowed = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (Path(asked.stdout.strip()) / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps")
    done = run(*pip, "--force-reinstall", built[0], home=home)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def sources(*packages: str) -> Iterator[str]:
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix()


def test_the_wheel_holds_the_two_packages_and_the_shipped_data(listing: list[str]) -> None:
    info = f"provision-{VERSION}.dist-info"
    assert {name.split("/")[0] for name in listing} == {"provisioner", "gateway_client", info}
    data = [
        f"{DATA}{path.relative_to(ROOT).as_posix()}"
        for folder in ("templates", "profiles")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    ]
    assert sorted(n for n in listing if n.startswith(DATA)) == sorted(data)
    code = [n for n in listing if not n.startswith((DATA, info))]
    pages = (ROOT / "gateway_client/bundled/pages").rglob("*")
    shown = [p.relative_to(ROOT).as_posix() for p in pages if p.suffix in (".j2", ".css")]
    assert shown
    assert sorted(code) == sorted([*sources("provisioner", "gateway_client"), *shown])


def test_no_code_hides_among_the_data_and_no_tests_are_shipped(listing: list[str]) -> None:
    assert [n for n in listing if n.startswith(DATA) and n.endswith((".py", ".pyc"))] == []
    assert [n for n in listing if any(part.startswith("test") for part in n.split("/"))] == []


def test_the_metadata_says_what_the_project_says(built: tuple[Path, Path]) -> None:
    info = f"provision-{VERSION}.dist-info"
    with zipfile.ZipFile(built[0]) as wheel:
        whole, entry_points = wheel.read(f"{info}/METADATA"), wheel.read(f"{info}/entry_points.txt").decode()
        assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    lines, _, readme = whole.partition(b"\n\n")
    head = message_from_bytes(lines)
    told = {name: head[name] for name in ("Name", "Version", "Requires-Python", "License-Expression")}
    assert told == {
        "Name": "provision",
        "Version": VERSION,
        "Requires-Python": ">=3.11",
        "License-Expression": "Apache-2.0",
    }
    assert head.get_all("License-File") == ["LICENSE"]
    assert readme == (ROOT / "README.md").read_bytes()
    assert entry_points.split() == ["[console_scripts]", "provision", "=", "provisioner.cli.main:main"]
    asked = [line for line in head.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert sorted(asked) == sorted(PROJECT["dependencies"])


def test_the_version_is_said_in_one_place(built: tuple[Path, Path]) -> None:
    again = re.compile(rf"[\"']{re.escape(VERSION)}[\"']")
    told = [
        name for name in sources("provisioner", "gateway_client") if again.search((ROOT / name).read_text())
    ]
    assert told == []
    assert [path.name for path in built] == [
        f"provision-{VERSION}-py3-none-any.whl",
        f"provision-{VERSION}.tar.gz",
    ]


def test_a_checkout_and_the_sdist_give_the_same_wheel_to_the_byte(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    [straight] = build(ROOT, tmp_path / "out", "--wheel")
    assert straight.read_bytes() == built[0].read_bytes()


@pytest.mark.covers("T2")
def test_what_a_trial_run_leaves_in_a_checkout_stays_out(built: tuple[Path, Path], tmp_path: Path) -> None:
    """Keys, state and fleet file of a trial lie in the very folder that is packed."""
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    checkout = tmp_path / f"provision-{VERSION}"
    left = (".provision/ledger.db", "dist/eng-prod/files/managed-settings.json", "provision.toml")
    for name in (*left, ".venv/bin/python", ".hypothesis/unicode_data/x"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("a live key")
    sdist, wheel = sorted(build(checkout, tmp_path / "out"), key=lambda path: path.suffix == ".whl")
    with tarfile.open(sdist) as archive, tarfile.open(built[1]) as former:
        assert set(archive.getnames()) == set(former.getnames())
    assert wheel.read_bytes() == built[0].read_bytes()


def test_the_tool_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-c", "import provisioner; print(provisioner.__file__)", home=tmp_path)
    assert done.stdout.startswith(str(installed.parent))
    for command in ((installed / "provision",), (installed / "python", "-m", "provisioner")):
        assert run(*command, "--version", home=tmp_path).stdout == f"provision, version {VERSION}\n"


def test_the_shipped_profiles_and_templates_are_found(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "provision", "profiles", "list", home=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert re.findall(r"^(\w+) ", listed.stdout, re.MULTILINE)[1:] == ["restricted", "standard"]
    fleet = tmp_path / "provision.toml"
    assert run(installed / "provision", "init", "--fleet", fleet, home=tmp_path).returncode == 0
    assert fleet.read_text() == (ROOT / "templates/provision.toml").read_text()


def test_the_main_job_runs_from_the_root_of_the_disk(installed: Path, pilot: Pilot) -> None:
    fleet = pilot.folder / "provision.toml"
    home = pilot.folder / "home"
    home.mkdir()
    fleet.write_text('tenant = "acme"\n')
    job = (
        installed / "provision",
        *("--roster", pilot.folder / "org.csv", "--fleet", fleet),
        *("--state", pilot.state, "--out", pilot.dist),
    )
    first = run(*job, home=home)
    assert first.returncode == 0, first.stderr
    files = pilot.files()
    assert {"index.html", "manifest.json", "engineering-prod/files/managed-settings.json"} <= files.keys()
    second = run(*job, home=home)
    assert second.returncode == 0
    assert "\nnothing to do: " in second.stdout
    assert pilot.files() == files

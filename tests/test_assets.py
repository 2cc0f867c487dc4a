"""Shipped data: found in a checkout, in a wheel's place first, and missed in words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from provisioner import assets
from provisioner.errors import ProvisionError


def test_a_checkouts_templates_and_profiles_are_found_by_name() -> None:
    texts = assets.template_texts()
    assert "windows/detect.ps1.j2" in texts
    assert texts["windows/detect.ps1.j2"] == assets.template_text("windows/detect.ps1.j2")
    profiles = assets.profile_texts()
    assert {"standard", "restricted"} <= profiles.keys()
    assert all(tomllib.loads(text) for text in profiles.values())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "provisioner"
    folder.mkdir()
    monkeypatch.setattr(assets, "PACKAGE", folder)
    return folder


def fill(folder: Path, text: str) -> None:
    (folder / "templates").mkdir(parents=True)
    (folder / "templates/a.txt.j2").write_text(text)


def test_a_wheels_data_goes_before_a_checkouts(package: Path) -> None:
    fill(package.parent, "checkout")
    (package.parent / "pyproject.toml").write_text("")
    assert assets.template_texts() == {"a.txt.j2": "checkout"}
    fill(package / "_data", "wheel")
    assert assets.template_texts() == {"a.txt.j2": "wheel"}


def test_a_folder_of_that_name_beside_an_installed_package_is_not_ours(package: Path) -> None:
    fill(package.parent, "somebody else's")
    with pytest.raises(ProvisionError, match="templates that come with provision are missing") as caught:
        assets.template_texts()
    assert caught.value.hint == "install provision again"


def test_a_missing_file_is_named(package: Path) -> None:
    fill(package / "_data", "x")
    with pytest.raises(ProvisionError, match=r"b\.txt\.j2: No such file"):
        assets.template_text("b.txt.j2")

"""Shipped data: the text templates and the policy profiles. Read once, handed to pure code as text.

In a wheel they lie in `provisioner/_data`, in a checkout beside the package (architecture, Top
level); nothing is copied for an editable install.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from provisioner.errors import ProvisionError

Kind = Literal["templates", "profiles"]
PACKAGE = Path(__file__).parent


def template_texts() -> dict[str, str]:
    """Return every template by its name below `templates/`, e.g. `windows/detect.ps1.j2`."""
    folder = _folder("templates")
    return {path.relative_to(folder).as_posix(): _text(path) for path in sorted(folder.rglob("*.j2"))}


def profile_texts() -> dict[str, str]:
    """Return the TOML text of every shipped policy profile by its name, e.g. `standard`."""
    return {path.stem: _text(path) for path in sorted(_folder("profiles").glob("*.toml"))}


def template_text(name: str) -> str:
    """Return one template's text."""
    return _text(_folder("templates") / name)


def _folder(kind: Kind) -> Path:
    """Return the folder of a kind of data; the wheel's goes before a checkout's."""
    shipped = PACKAGE / "_data" / kind
    if shipped.is_dir():
        return shipped
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    raise ProvisionError(
        f"the {kind} that come with provision are missing: {shipped}", hint="install provision again"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ProvisionError(
            f"a file that comes with provision can't be read: {path}: {exc.strerror or exc}",
            hint="install provision again",
        ) from exc

"""Templates into pages: every value is escaped, and a name that is missing is an error."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gateway_client.bundled.pages import text

STYLE = (resources.files(__package__) / "pages.css").read_bytes()
STYLE_PATH = f"/pages.css?v={hashlib.sha256(STYLE).hexdigest()[:12]}"


def render(template: str, **values: object) -> str:
    """Return a page as HTML."""
    return _environment.get_template(template).render(values)


def _shown(value: Any) -> Any:
    return text.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(value: str) -> Markup:
    """Keep what was typed into a form to the letter, escaped only as markup."""
    return escape(value)


_environment = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "exact": _exact,
    "number": text.number,
    "short_number": text.short_number,
    "dollars": text.dollars,
    "duration": text.duration,
    "size": text.size,
    "moment": text.moment,
    "indented": text.indented,
}
_environment.globals |= {"style_path": STYLE_PATH, "share": text.share}

"""The shipped text templates, as a renderer gets them. Pure.

Jinja2 in its sandbox, for text only: data formats have serializers. No roster value is ever a
template (T31).
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import DictLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Templates:
    """Templates by name (`index.html.j2`); names that end in `.html.j2` or `.xml.j2` escape their values."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(texts),
            autoescape=select_autoescape(("html.j2", "xml.j2"), default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, name: str, **values: object) -> str:
        """Return a template's text with the values put in."""
        return self._environment.get_template(name).render(**values)

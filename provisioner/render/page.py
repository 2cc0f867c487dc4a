"""A self-contained HTML page: its style and script stand in it, and nothing else can load or run. Pure.

The content security policy names both by hash, so that markup which slipped into a page stays
inert (T12).
"""

from __future__ import annotations

import base64
import hashlib

from provisioner.render.templates import Templates

STYLE = "page.css.j2"


def written(templates: Templates, name: str, *, script: str | None = None, **values: object) -> bytes:
    """Return the page of a template that extends `page.html.j2`.

    Args:
        templates: the shipped ones.
        name: the page's template.
        script: name of the template that is its script; None for a page without.
        values: what the template asks for.
    """
    style = templates.render(STYLE)
    code = None if script is None else templates.render(script)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_source(style)}",
            *(() if code is None else (f"script-src {_source(code)}",)),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return templates.render(name, policy=policy, style=style, script=code, **values).encode()


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"

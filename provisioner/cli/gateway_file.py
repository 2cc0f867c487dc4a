"""`gateway.toml`: how the bundled gateway is to run, as people write it. No key stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from provisioner import strict
from provisioner.errors import InputError, UsageError
from provisioner.strict import Flaw, Many, Strict, wrong

NAME = "gateway.toml"
Family = Literal["anthropic", "bedrock", "vertex", "azure"]
Auth = Literal["x-api-key", "bearer"]


SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
HEADER = re.compile(r"[A-Za-z0-9-]+\Z")


def _slug(text: str) -> str:
    if not SLUG.match(text):
        raise wrong("BAD_VALUE", "is no slug", "write letters, digits, - and _, e.g. anthropic-prod", text)
    return text


def _variable(text: str) -> str:
    if not VARIABLE.match(text):  # it may be the key itself, which is not repeated
        fix = "write the variable's name in capitals, e.g. UPSTREAM_KEY"
        raise wrong("BAD_VALUE", "is no name of an environment variable", fix)
    return text


def _header(text: str) -> str:
    if not HEADER.match(text):
        raise wrong("BAD_VALUE", "is no header's name", "write letters, digits and dashes, e.g. x-api-key")
    return text


class FromEnvironment(Strict):
    """Where a key is: `{ env = "NAME" }`."""

    env: Annotated[str, AfterValidator(_variable)]


class Provider(Strict):
    """One `[[provider]]`: an Anthropic-compatible service behind a slug."""

    slug: Annotated[str, AfterValidator(_slug)]
    url: str
    key: FromEnvironment
    family: Family | None = None
    auth: Auth = "x-api-key"


class McpServer(Strict):
    """One `[[mcp_server]]`, whose tools `/mcp` offers; `tools` and `keys` are patterns with `*`."""

    slug: str
    url: str
    key: FromEnvironment | None = None
    header: Annotated[str, AfterValidator(_header)] = "authorization"
    tools: Many[str] | None = None
    keys: Many[str] = ("*",)
    timeout: Annotated[float, Field(gt=0, le=600, strict=False)] = 60.0


class GatewayFile(Strict):
    """The whole file. `retention_days` 0 keeps requests for ever."""

    log_bodies: bool = False
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    saved_only: bool = True
    provider: Many[Provider] = ()
    mcp_server: Many[McpServer] = ()


Cross = Callable[[Mapping[str, Any]], Iterable[Flaw]]


def load(path: Path | None, state: Path, cross: Cross) -> GatewayFile:
    """Return the named file, else the state folder's, else the defaults. Raises `InputError`.

    `cross` finds what single values can't show. It looks at the file's tree, so that it can look at
    every entry of a list, also where others are wrong.
    """
    if path is None and not (state / NAME).exists():
        return GatewayFile()
    path = path or state / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is no UTF-8 text") from exc
    except OSError as exc:
        raise UsageError(f"can't read {path}: {exc.strerror}") from exc
    source = strict.read(text, str(path))
    value, flaws = strict.check(GatewayFile, source.tree)
    flaws += strict.unrelated((*_twice(source.tree), *cross(source.tree)), flaws)
    if value is None or flaws:
        raise InputError(source.problems(flaws))
    return value


def entries(tree: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the tables of a list with their positions; what is none is another check's."""
    found = tree.get(name)
    for at, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield at, entry


def _twice(tree: Mapping[str, Any]) -> Iterator[Flaw]:
    for name in ("provider", "mcp_server"):
        seen: set[str] = set()
        for at, entry in entries(tree, name):
            slug = entry.get("slug")
            if not isinstance(slug, str):
                continue
            if slug in seen:
                yield Flaw((name, at, "slug"), "DUPLICATE", "is there twice", "keep one of them", slug)
            seen.add(slug)

"""`gateway.toml`: how the bundled gateway is to run, as people write it. No key stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from provisioner import strict
from provisioner.errors import UsageError
from provisioner.strict import Flaw, Many, Strict

NAME = "gateway.toml"
Family = Literal["anthropic", "bedrock", "vertex", "azure"]
Auth = Literal["x-api-key", "bearer"]


class FromEnvironment(Strict):
    """Where a key is: `{ env = "NAME" }`."""

    env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Provider(Strict):
    """One `[[provider]]`: an Anthropic-compatible service behind a slug."""

    slug: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")]
    url: str
    key: FromEnvironment
    family: Family | None = None
    auth: Auth = "x-api-key"


class McpServer(Strict):
    """One `[[mcp_server]]`, whose tools `/mcp` offers; `tools` and `keys` are patterns with `*`."""

    slug: str
    url: str
    key: FromEnvironment | None = None
    header: str = "authorization"
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


def load(path: Path | None, state: Path, cross: Callable[[GatewayFile], Iterable[Flaw]]) -> GatewayFile:
    """Return the named file, else the state folder's, else the defaults. Raises `InputError`.

    `cross` finds what single values can't show.
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
    return strict.load(GatewayFile, text, str(path), lambda found: (*_twice(found), *cross(found)))


def _twice(found: GatewayFile) -> Iterator[Flaw]:
    for name in ("provider", "mcp_server"):
        seen: set[str] = set()
        for at, entry in enumerate(getattr(found, name)):
            if entry.slug in seen:
                yield Flaw((name, at, "slug"), "DUPLICATE", "is there twice", "keep one of them", entry.slug)
            seen.add(entry.slug)

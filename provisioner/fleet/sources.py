"""`[roster]` and `[[roster.source]]`: which files tell who there is, and how they are read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from provisioner import spelling
from provisioner.fleet.patterns import Wanted, values
from provisioner.roster.titles import normal
from provisioner.spelling import Slug, Text
from provisioner.strict import Many, Refused, Strict, wrong

Preset = Literal[
    "plain",
    "entra-users",
    "entra-group-members",
    "intune-devices",
    "okta-users-json",
    "google-users",
    "jamf-computers",
    "kandji-devices",
]


def _column_name(text: str) -> str:
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise wrong("BAD_VALUE", "is no title of a column", "write it as it stands in the file's header")
    return text


def _pattern(text: str | None) -> str | None:
    if text and any("**" in part and part != "**" for part in PurePath(text).parts):
        fix = 'write "in/**/*.csv" for all folders below, and one * within a name'
        raise wrong("BAD_VALUE", "has ** beside something else", fix, text)
    return text


class Source(Strict):
    """One file of an export, or many of the same kind."""

    REFUSED: ClassVar[Refused] = {
        "type": ("is called preset here", 'write preset = "entra-users"'),
        "path": ("is called file here", 'write file = "in/users.csv"'),
    }

    preset: Preset
    file: Text = None
    """Relative to the fleet file's folder."""
    files: Annotated[Text, AfterValidator(_pattern)] = None
    """A pattern with `*`, relative to the fleet file's folder; every file that fits is read."""
    columns: dict[str, Annotated[str, AfterValidator(_column_name)]] = Field(default_factory=dict)
    """Field or fact to the title that its column has in this file; only what differs from the preset."""
    group: Text = None
    """For `entra-group-members`: the group, where the file is not called after it."""

    @property
    def place(self) -> str:
        """The file or pattern, as written."""
        return self.file or self.files or ""


def _team_text(teams: dict[str, str]) -> dict[str, str]:
    for text in teams:
        if not text.strip("* ") and text != "*":
            raise wrong("BAD_VALUE", "has a pattern without text", 'write "*" for everything', text)
    return teams


EXCLUDED: Mapping[str, tuple[Wanted, ...]] = {"enabled": (False,), "type": ("Guest",)}
"""Who is left out unless the fleet file says otherwise: disabled accounts and guests."""


def _over_defaults(given: object) -> object:
    """Return the exclusions over the default ones, name by name; an empty list switches one of these off."""
    if not isinstance(given, Mapping):
        return given  # pydantic says that a table is wanted
    named = {normal(name) for name in given}
    kept = {name: wanted for name, wanted in EXCLUDED.items() if name not in named}
    own = {n: v for n, v in given.items() if not (v in ([], ()) and normal(n) in EXCLUDED)}
    return kept | {name: values(name, value) for name, value in own.items()}


class RosterRules(Strict):
    """What the roster is made of, and what it may hold."""

    metadata: Annotated[Many[spelling.MetadataName], spelling.distinct] = ()
    envs: Annotated[Many[Slug], spelling.distinct] = ()
    """The only envs that a row may have; none named: any."""
    domains: Annotated[Many[spelling.Domain], spelling.distinct] = ()
    """Domains that addresses may have, lower case; none named: any."""
    source: Many[Source] = ()
    identity: Literal["mail", "upn"] = "mail"
    """Which of a person's addresses is sent as `user`; the other ones are aliases."""
    exclude: Annotated[dict[str, tuple[Wanted, ...]], BeforeValidator(_over_defaults)] = Field(
        default_factory=lambda: dict(EXCLUDED)
    )
    """People for whom any of these holds are left out; the defaults count unless they are named."""
    unmatched: Literal["error", "skip"] = "error"
    """What becomes of people whom no rule matches: problems, or lines in `not-covered.csv`."""
    teams: Annotated[dict[str, Slug], AfterValidator(_team_text)] = Field(default_factory=dict)
    """Dirty text (any case, `*` for anything) to the team's slug; the first that fits counts."""

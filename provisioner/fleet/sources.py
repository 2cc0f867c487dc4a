"""`[roster]` and `[[roster.source]]`: which files tell who there is, and how they are read. Pure."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from provisioner import spelling
from provisioner.fleet.patterns import Conditions, Wanted
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


class Source(Strict):
    """One file of an export, or many of the same kind."""

    REFUSED: ClassVar[Refused] = {
        "type": ("is called preset here", 'write preset = "entra-users"'),
        "path": ("is called file here", 'write file = "in/users.csv"'),
    }

    preset: Preset
    file: Text = None
    """Relative to the fleet file's folder."""
    files: Text = None
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


def _disabled_and_guests() -> dict[str, tuple[Wanted, ...]]:
    return {"enabled": (False,), "type": ("Guest",)}


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
    exclude: Conditions = Field(default_factory=_disabled_and_guests)
    """People for whom any of these holds are left out."""
    unmatched: Literal["error", "skip"] = "error"
    """What becomes of people whom no rule matches: problems, or lines in `not-covered.csv`."""
    teams: Annotated[dict[str, Slug], AfterValidator(_team_text)] = Field(default_factory=dict)
    """Dirty text (any case, `*` for anything) to the team's slug; the first that fits counts."""

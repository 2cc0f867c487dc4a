"""`[[assign]]`: ordered rules that say who gets what; the first that matches wins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field

from provisioner import naming
from provisioner.fleet.patterns import FACT_NAME, Conditions
from provisioner.roster.model import Enrolment, Inventory, Platform, RowKind
from provisioner.spelling import MaybeSlug
from provisioner.strict import Refused, Strict, suggestion, wrong

Scope = Literal["team", "person"]
Gives = Literal["artifact", "key-only", "skip"]
Labelling = Literal["variable", "device", "none"]


@dataclass(frozen=True, slots=True)
class From:
    """A value that is read from a fact of the person or device: `{ from = "department" }`.

    `group` is the group that the rule matched by; anything else names a fact.
    """

    fact: str


@dataclass(frozen=True, slots=True)
class Column:
    """A date that is read from a column: `{ column = "contractEnd" }`."""

    fact: str


@dataclass(frozen=True, slots=True)
class Pool:
    """Devices that are made from one image: `{ pool = "vdi-east" }`; they share a folder and a label."""

    name: str


def _slug_or_fact(value: object) -> object:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _slug(value)
    return From(_inline(value, "from", 'write a name, or { from = "department" }'))


def _day(value: object) -> object:
    fix = 'write "2027-01-31", or { column = "contractEnd" }'
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise wrong("BAD_VALUE", "is no date", fix, value) from None
    return value if type(value) is date else Column(_inline(value, "column", fix))


def _attribution(value: object) -> object:
    if isinstance(value, dict):
        return Pool(_slug(_inline(value, "pool", 'write { pool = "vdi-east" }')))
    if isinstance(value, str) and value not in get_args(Labelling):
        fix = suggestion(value, get_args(Labelling))
        raise wrong("BAD_VALUE", "is not a known value", fix, value)
    if not isinstance(value, str | Pool):
        fix = 'write "variable", "device", "none", or { pool = "vdi-east" }'
        raise wrong("WRONG_TYPE", "is no text and no table", fix)
    return value


def _inline(value: object, key: str, fix: str) -> str:
    """Return the text of a table with one key."""
    text: Any = value.get(key) if isinstance(value, dict) and set(value) == {key} else None
    if not isinstance(text, str) or not FACT_NAME.fullmatch(text):
        raise wrong("BAD_VALUE", f"is no text and no table with the one key {key}", fix)
    return text


def _slug(text: str) -> str:
    near = naming.slug(text)
    if near == text:
        return text
    fix = f'write "{near}"' if near else "write a-z, 0-9 and hyphens, 48 characters at most"
    raise wrong("BAD_NAME", "is not in the form that names have here", fix, text)


Derived = Annotated[str | From | None, BeforeValidator(_slug_or_fact)]


OWN_CONDITIONS = frozenset({"kind", "group", "name", "platform", "managed", "mdm", "enrolment"})
"""What rules can ask of the joined roster itself; any other name is a fact that some column holds.

`kind`: `person` (somebody stands behind it), `device` (there is a device), `service`. `name`: the
device's name. `managed`: an MDM manages it. `enrolment`: `company`, `byod-device`, `byod-user`.
"""
CLOSED: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(RowKind),
    "platform": get_args(Platform),
    "mdm": get_args(Inventory),
    "enrolment": get_args(Enrolment),
}
"""Those of them that can only be one of a few words."""


class Rule(Strict):
    """One rule: when it matches, and what it gives."""

    REFUSED: ClassVar[Refused] = {
        "if": ("is called when here", 'write when = { group = "AI-Pilot" }'),
        "scope": ("is called key here", 'write key = "person"'),
    }

    when: Conditions = Field(default_factory=dict)
    """Every condition must hold; none: everybody and everything."""
    team: Derived = None
    """`{ from = ... }` goes through `[roster.teams]`; text without a team leaves it to the next rule."""
    env: Derived = None
    profile: MaybeSlug = None
    """None: what `profile` and `[[override]]` say for the team and env."""
    ring: Annotated[int, Field(ge=0, le=99)] | None = None
    """A ring is a scope, not an artifact: it only names a smaller group of devices."""
    key: Scope | None = None
    """None: `keys.scope`."""
    attribution: Annotated[Labelling | Pool, BeforeValidator(_attribution)] = "variable"
    """How the person gets into the metadata; `device`: the device's serial number stands there instead."""
    expires: Annotated[date | Column | None, BeforeValidator(_day)] = None
    """The first day on which it no longer counts, and the end of a person's key."""
    gives: Gives = "artifact"
    second: Literal["skip", "key-only"] = "skip"
    """What it gives where an earlier rule has decided already."""

    @property
    def facts(self) -> frozenset[str]:
        """The facts that it needs, by name as written."""
        derived = (self.team, self.env, self.expires)
        asked = frozenset(self.when) | {d.fact for d in derived if isinstance(d, From | Column)}
        return asked - OWN_CONDITIONS

    @property
    def labelled(self) -> bool:
        """Whether devices carry a label in a person's place; they share their team's key."""
        return self.attribution == "device" or isinstance(self.attribution, Pool)

    def shared(self, scope: Scope) -> bool:
        """Tell whether it gives a key of many people; `scope` is `keys.scope`."""
        return self.labelled or (self.key or scope) == "team"

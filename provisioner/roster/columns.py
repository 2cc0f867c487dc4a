"""The header line: which column is which, under the names that real exports use (rollout 4.1).

Names match in any case and without regard to spaces, hyphens, dots and underscores; a suffix in
brackets, as in Google's `Email Address [Required]`, does not count. The names of a field stand in
ranks: a later rank is looked at only where no column has a name of an earlier one, so that
`department` is the team only in a file without a `team`. Two columns of one rank are a problem,
because nobody can say which one is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from provisioner.naming import shown
from provisioner.roster.problems import Problems
from provisioner.roster.table import Row
from provisioner.roster.text import BLANK, Flaw, hidden, plain, skeleton
from provisioner.roster.titles import normal

Field = Literal["email", "team", "env", "name", "tenant", "platform", "serial", "expires", "kind", "owner"]
REQUIRED: tuple[Field, ...] = ("email", "team", "env")
_LATER: tuple[Field, ...] = ("kind", "owner")
"""Younger than declared metadata of these names, which keeps them."""

_NAMES: dict[Field, tuple[str, ...]] = {
    "email": (
        "email mail emailaddress mailaddress workemail primaryemail useremail",
        "userprincipalname upn",
    ),
    "team": ("team teamname", "group groupname department dept"),
    "env": ("env environment", "stage"),
    "name": ("name fullname", "displayname"),
    "tenant": ("tenant tenantname", "organisation organization org"),
    "platform": ("platform", "os operatingsystem"),
    "serial": ("serial serialnumber serialno deviceserial deviceserialnumber",),
    "expires": (
        "expires expiry expiration expirydate expirationdate expireson expiresat",
        "validuntil enddate contractend contractenddate",
    ),
    "kind": ("kind rowkind",),
    "owner": ("owner serviceowner",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its index, and its title as written, safe to print."""

    index: int
    title: str


@dataclass(frozen=True, slots=True)
class Columns:
    """What the header says."""

    fields: dict[Field, Column]
    """The known fields that have a column."""
    metadata: tuple[tuple[str, Column], ...]
    """Declared metadata keys with their columns, in declared order."""
    ignored: tuple[str, ...]
    """Titles of the columns that nobody asked for, safe to print."""


def find_columns(header: Row, metadata: Sequence[str], problems: Problems) -> Columns:
    """Return the columns; a missing, doubled or forged one is added to the problems."""
    titles = [cell.strip(BLANK) for cell in header.cells]
    for title in titles:
        if flaw := hidden(title):
            problems.add(flaw, header.number, None, title)
    names = [normal(title) for title in titles]
    columns = [Column(index, _printable(title, index)) for index, title in enumerate(titles)]
    declared = {normal(key) for key in metadata}

    def choose(wanted: set[str], meaning: str) -> Column | None:
        found = [columns[i] for i, name in enumerate(names) if name in wanted]
        if len(found) > 1:
            message = f"{' and '.join(c.title for c in found)} can both mean {meaning}"
            fix = "keep one of them; rename or delete the other"
            problems.add(Flaw("COLUMN_TWICE", message, fix), header.number, found[1].title)
        return found[0] if found else None

    fields: dict[Field, Column] = {}
    for field in get_args(Field):
        for rank, spellings in enumerate(_NAMES[field]):
            # A declared metadata column is no second candidate for a stand-in name.
            wanted = set(spellings.split()) - (declared if field in _LATER else set())
            others = wanted - declared if rank else wanted
            column = choose(others, field) or choose(wanted, field)
            if column:
                fields[field] = column
                break
    for field in REQUIRED:
        if field not in fields:
            problems.add(_missing(field, titles, names), header.number, field, ", ".join(titles))
    extra = []
    for key in metadata:
        column = choose({normal(key)}, key)
        if column:
            extra.append((key, column))
        else:
            message = "the header has no column for this declared metadata"
            fix = "add the column, or take it off the metadata columns in provision.toml"
            problems.add(Flaw("METADATA_COLUMN_MISSING", message, fix), header.number, key)
    used = {c.index for c in fields.values()} | {c.index for _, c in extra}
    return Columns(fields, tuple(extra), tuple(c.title for c in columns if c.index not in used))


def _printable(title: str, index: int) -> str:
    if not title:
        return f"column {index + 1}"
    return title if plain(title) and len(title) <= 40 else shown(title, 40)


def _missing(field: Field, titles: list[str], names: list[str]) -> Flaw:
    """Say that a column is missing, and what in the header may be meant for it."""
    message = "the header has no such column"
    if any("@" in title for title in titles):
        fix = "put a header above the people: email,team,env"
        return Flaw("COLUMN_MISSING", "the first line names no columns, it looks like a person", fix)
    known = [name for spellings in _NAMES[field] for name in spellings.split()]
    for title, name in zip(titles, names, strict=True):
        if normal(skeleton(title)) in known or get_close_matches(name, known, 1, 0.8):
            return Flaw("COLUMN_MISSING", message, f'if {_printable(title, 0)} is meant, name it "{field}"')
    fix = f'name a column "{field}", and separate columns by comma, semicolon or tab'
    return Flaw("COLUMN_MISSING", message, fix)

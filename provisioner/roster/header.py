"""The header of an export: which column gives which field or fact. Pure.

What the source's `columns` say goes first, then the titles of the preset, then, for a fact, any column
that is called like it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

from provisioner.naming import shown
from provisioner.roster.exports import ALSO_CALLED, FIELDS, KEYS, Export, Ranks
from provisioner.roster.problems import Problems
from provisioner.roster.table import Table
from provisioner.roster.text import BLANK, Flaw, hidden
from provisioner.roster.titles import normal

MANY = "others"
"""The one field that several columns may give."""
LISTED = 12
"""How many titles of a file a message names."""
LONG_TITLE = 60


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one export, by index."""

    titles: tuple[str, ...]
    """As written, without the blanks around them."""
    fields: Mapping[str, int]
    """By the names of `exports.FIELDS`, without `others`."""
    others: tuple[int, ...]
    facts: Mapping[str, int]
    """By normal name; those that were asked for and have a column."""
    missing: tuple[str, ...]
    """Fields without which the file can't be used: the first of the keys, or a required one."""

    @property
    def ignored(self) -> tuple[int, ...]:
        """The columns that nobody asked for."""
        used = {*self.fields.values(), *self.others, *self.facts.values()}
        return tuple(index for index in range(len(self.titles)) if index not in used)


def read_header(
    table: Table, export: Export, columns: Mapping[str, str], asked: frozenset[str], problems: Problems
) -> Header:
    """Return the columns; one that is missing, doubled, forged or not there is added to the problems.

    Args:
        table: its header is read, its rows are left alone.
        columns: field or fact to the title that it has in this file.
        asked: normal names of the facts that somebody asks about.
    """
    return _Reading(table, export, columns, asked, problems).header()


class _Reading:
    def __init__(
        self,
        table: Table,
        export: Export,
        columns: Mapping[str, str],
        asked: frozenset[str],
        problems: Problems,
    ) -> None:
        self._export = export
        self._asked = asked
        self._problems = problems
        self._row = table.header.number
        self._titles = tuple(cell.strip(BLANK) for cell in table.header.cells)
        self._at: dict[str, list[int]] = {}
        """Columns by normal title."""
        for index, title in enumerate(self._titles):
            self._at.setdefault(normal(title), []).append(index)
        self._ends = _last_steps(self._titles) if table.unit == "record" else {}
        self._given = self._said(columns)

    def header(self) -> Header:
        fields: dict[str, int] = {}
        others: tuple[int, ...] = ()
        for field in FIELDS[self._export.family]:
            found = self._columns_of(field, self._export.fields)
            if field == MANY:
                others = tuple(found)
            elif found:
                fields[field] = self._one(found, field)
        facts: dict[str, int] = {}
        for fact in sorted(self._asked):
            found = self._columns_of(fact, self._export.facts)
            if found := found or self._at.get(fact) or self._ends.get(fact, []):
                facts[fact] = self._one(found, fact)
        keys = KEYS[self._export.family]
        missing = [] if fields.keys() & set(keys) else [keys[0]]
        missing += [field for field in self._export.required if field not in fields]
        for index in sorted({*fields.values(), *others, *facts.values()}):
            if flaw := hidden(self._titles[index]):
                self._problems.add(flaw, self._row, None, self._titles[index])
        header = Header(self._titles, fields, others, facts, tuple(missing))
        for field in missing:
            self._problems.add(self._missing(field, header), self._row, field)
        return header

    def _said(self, columns: Mapping[str, str]) -> dict[str, int]:
        """Return the columns that the source names itself, by field or by normal name of the fact."""
        family = self._export.family
        names = {normal(field): field for field in FIELDS[family]} | dict(ALSO_CALLED[family])
        said: dict[str, int] = {}
        for key, title in columns.items():
            name = names.get(normal(key), normal(key))
            meant = name in FIELDS[family] or name in self._export.facts or name in self._asked
            if not meant and (near := get_close_matches(normal(key), names, 1, 0.75)):
                message = f"columns names {shown(key, 40)}, which is no field of this preset"
                fix = f"did you mean {names[near[0]]}?"
                self._problems.add(Flaw("COLUMN_UNKNOWN", message, fix), self._row, key, title)
                continue
            at = [i for i, own in enumerate(self._titles) if own == title] or self._at.get(normal(title), [])
            if at:
                said[name] = self._one(at, key)
            else:
                self._problems.add(self._no_such(title), self._row, key, title)
        return said

    def _columns_of(self, name: str, known: Mapping[str, Ranks]) -> list[int]:
        """Return the column that the source names, or those of the first rank that has any."""
        if name in self._given:
            return [self._given[name]]
        for rank in known.get(name, ()):
            if found := sorted(index for title in rank for index in self._at.get(title, ())):
                return found
        return []

    def _one(self, found: Sequence[int], name: str) -> int:
        if len(found) > 1:
            both = " and ".join(printable(self._titles, index) for index in found[:2])
            title, other = (self._titles[index] for index in found[:2])
            fix = "rename or delete one of them"
            if title != other and _sound(title):
                fix = f"say which one is meant, {columns_line({name: title})}, or delete the other"
            flaw = Flaw("COLUMN_TWICE", f"{both} can both mean {name}", fix)
            self._problems.add(flaw, self._row, printable(self._titles, found[1]))
        return found[0]

    def _missing(self, field: str, header: Header) -> Flaw:
        keys = KEYS[self._export.family]
        wanted = " or ".join(keys) if field in keys else field
        near = guess(field, self._export, header)
        example = header.titles[near] if near is not None else "..."
        fix = f"say which column it is: {columns_line({field: example})}; the file has {self._listed()}"
        return Flaw("COLUMN_MISSING", f"no column is known to give {wanted}", fix)

    def _no_such(self, title: str) -> Flaw:
        near = get_close_matches(normal(title), self._at, 1, 0.6)
        if near:
            fix = f"did you mean {printable(self._titles, self._at[near[0]][0])}?"
        else:
            fix = f"the file has {self._listed()}"
        return Flaw("COLUMN_UNKNOWN", "the file has no column of the title that columns gives", fix)

    def _listed(self) -> str:
        names = [printable(self._titles, index) for index in range(len(self._titles))]
        more = len(names) - LISTED
        return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def guess(field: str, export: Export, header: Header) -> int | None:
    """Return the column of no known title whose title is most like one that gives a field."""
    known = [title for rank in export.fields.get(field, ()) for title in rank]
    free = {normal(header.titles[i]): i for i in header.ignored if _sound(header.titles[i])}
    free = {title: index for title, index in free.items() if title not in export.titles}
    near = {match for name in known for match in get_close_matches(name, free, 1, 0.65)}

    def likeness(title: str) -> float:
        return max(SequenceMatcher(None, name, title).ratio() for name in known)

    return free[max(sorted(near), key=likeness)] if near else None


def columns_line(columns: Mapping[str, str]) -> str:
    """Return `columns = { serial = "Seriennummer" }`, as it stands in the fleet file."""
    pairs = (f"{field} = {json.dumps(title, ensure_ascii=False)}" for field, title in columns.items())
    return f"columns = {{ {', '.join(pairs)} }}"


def printable(titles: Sequence[str], index: int) -> str:
    """Return a column's title, safe to print and short."""
    title = titles[index]
    if not title:
        return f"column {index + 1}"
    return title if _sound(title) else shown(title, LONG_TITLE)


def _sound(title: str) -> bool:
    """Tell whether a title can stand in a message as it is."""
    return title.isprintable() and len(title) <= LONG_TITLE and not hidden(title)


def _last_steps(titles: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of a JSON file by the last step of their path (`profile.contractEnd`)."""
    ends: dict[str, list[int]] = {}
    for index, title in enumerate(titles):
        ends.setdefault(normal(title.rpartition(".")[2]), []).append(index)
    return ends

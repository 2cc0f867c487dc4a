"""Which preset fits a file, what it understands of it, and which traps are in there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import BinaryIO

from provisioner.errors import Problem
from provisioner.fleet.sources import Preset, Source
from provisioner.roster.columns import REQUIRED, find_columns
from provisioner.roster.exports import EXPORTS, KEYS, Export, ExportPreset, Generation
from provisioner.roster.header import Header, guess, printable, read_header
from provisioner.roster.intake import LIMITS, read_records
from provisioner.roster.model import SourceRead
from provisioner.roster.problems import Problems
from provisioner.roster.table import Row, Table, read_table
from provisioner.roster.text import FORMULA_STARTS, Flaw
from provisioner.roster.titles import normal

KNOWN_ENOUGH = 3
"""Titles that a preset must know, or guess, of a file that it does not know half of."""
ADDRESSES = ("mail", "upn", "user_email", "user_upn")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is understood."""

    title: str
    """Safe to print."""
    gives: tuple[str, ...]
    """Fields, and facts as `fact department`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a preset fits a header."""

    preset: Preset
    generation: Generation | None
    """The header that it is most like; None for `plain`, which has none of its own."""
    understood: tuple[Column, ...]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    """Fields without which it can't be used."""
    guessed: Mapping[str, str]
    """Ids and addresses that the preset finds no title for, and the titles that may be meant."""
    known: float
    """Share of the file's titles that the preset knows, from 0 to 1."""
    alike: float
    """How alike header and generation are, from 0 to 1."""
    enough: bool
    """Whether it knows so much that the file can hardly be something else."""

    @property
    def fits(self) -> bool:
        """Whether the file can be read with this preset, and with `columns` as guessed."""
        return self.enough and not self.missing

    @property
    def order(self) -> tuple[bool, float, bool, float]:
        """What a better fit is greater by."""
        return self.fits, self.known, not self.guessed, self.alike


@dataclass(slots=True)
class Trap:
    """Cells of one kind that need care."""

    count: int = 0
    first: int = 0
    """The row of the first one."""

    def seen(self, row: int) -> None:
        """Count one."""
        self.count += 1
        self.first = self.first or row


@dataclass(frozen=True, slots=True)
class Traps:
    """What is odd in the rows, and no problem."""

    several: Trap = field(default_factory=Trap)
    """More than one address in a cell."""
    formulas: Trap = field(default_factory=Trap)
    """Text that a spreadsheet would run."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is."""

    file: str
    best: Fit
    second: Fit | None
    """The runner-up, where another preset knows some of the titles."""
    read: SourceRead
    unit: str
    """What is counted as a place: `row` or `record`."""
    traps: Traps
    problems: tuple[Problem, ...]
    """What would stop a run."""

    @property
    def group(self) -> str | None:
        """The group that the file is taken for the members of."""
        return PurePath(self.file).stem if self.best.preset == "entra-group-members" else None


def look(stream: BinaryIO, file: str, problems: Problems) -> Look | None:
    """Return what an open file is; None after problems: it is no table, or no preset fits.

    Every row is read, as a run would do it; what would stop the run is added to the problems, too.
    """
    table = read_table(stream, problems, LIMITS)
    if table is None:
        return None
    fits = [_plain_fit(table), *(_fit(table, preset) for preset in EXPORTS)]
    best, second, *_ = sorted(fits, key=lambda fit: fit.order, reverse=True)
    if not best.fits:
        problems.add(_no_preset(best), table.header.number)
        return None
    traps = Traps()
    read = _read(table, file, best, traps, problems)
    if read is None:
        return None
    told = problems.error().problems if problems else ()
    return Look(file, best, second if second.known else None, read, table.unit, traps, told)


def _read(table: Table, file: str, fit: Fit, traps: Traps, problems: Problems) -> SourceRead | None:
    if fit.preset == "plain":
        return SourceRead(file, "plain", "", sum(1 for _ in table.rows), fit.ignored)
    export = EXPORTS[fit.preset]
    facts = frozenset(export.facts)
    header = read_header(table, export, fit.guessed, facts, Problems(file))
    watched = replace(table, rows=_watched(table.rows, header, traps))
    source = Source(preset=fit.preset, columns=dict(fit.guessed))
    records = read_records(watched, file, source, facts, problems, "")
    return None if records is None else records.read


def _watched(rows: Iterator[Row], header: Header, traps: Traps) -> Iterator[Row]:
    """Yield the rows as they are, and count the traps in what is understood of them."""
    asked = sorted({*header.fields.values(), *header.others, *header.facts.values()})
    addresses = {header.fields[name] for name in ADDRESSES if name in header.fields} | {*header.others}
    for row in rows:
        for index in asked:
            cell = row.cells[index]
            if cell[:1] in FORMULA_STARTS and cell.strip("-"):
                traps.formulas.seen(row.number)
            if index in addresses and cell.count("@") > 1:
                traps.several.seen(row.number)
        yield row


def _fit(table: Table, preset: ExportPreset) -> Fit:
    export = EXPORTS[preset]
    facts = frozenset(export.facts)
    header = read_header(table, export, {}, facts, Problems(""))
    guessed = _guesses(export, header)
    if guessed:
        header = read_header(table, export, guessed, facts, Problems(""))
    names = {normal(title) for title in header.titles}
    generation = max(export.generations, key=lambda generation: _alike(names, generation))
    known = len(names & export.titles)
    # One known title and a few alike ones are chance; two tell that the others may be translated.
    read = known + len(guessed) if known > 1 else known
    addressed = export.family == "devices" or not header.fields.keys().isdisjoint(ADDRESSES)
    return Fit(
        preset,
        generation,
        _understood(header),
        tuple(printable(header.titles, index) for index in header.ignored),
        header.missing,
        guessed,
        known / len(names),
        _alike(names, generation),
        addressed and (read >= KNOWN_ENOUGH or read * 2 >= len(names)),
    )


def _plain_fit(table: Table) -> Fit:
    columns = find_columns(table.header, (), Problems(""))
    understood = tuple(Column(column.title, (name,)) for name, column in columns.fields.items())
    missing = tuple(name for name in REQUIRED if name not in columns.fields)
    share = len(understood) / len(table.header.cells)
    return Fit("plain", None, understood, columns.ignored, missing, {}, share, share, True)


def _guesses(export: Export, header: Header) -> dict[str, str]:
    """Return the titles that may be translations of what the preset knows, each for one field.

    Only for ids, addresses and what is required: for the rest, silence is better than a wrong guess.
    """
    wanted = dict.fromkeys((*KEYS[export.family], *ADDRESSES, *export.required))
    guessed: dict[str, str] = {}
    for name in wanted:
        near = None if name in header.fields else guess(name, export, header)
        if near is not None and header.titles[near] not in guessed.values():
            guessed[name] = header.titles[near]
    return guessed


def _alike(names: set[str], generation: Generation) -> float:
    """Return how alike two headers are (Dice's coefficient)."""
    theirs = {normal(title) for title in generation.titles}
    return 2 * len(names & theirs) / (len(names) + len(theirs))


def _understood(header: Header) -> tuple[Column, ...]:
    gives: dict[int, list[str]] = {}
    for name, index in header.fields.items():
        gives.setdefault(index, []).append(name)
    for index in header.others:
        gives.setdefault(index, []).append("others")
    for fact, index in header.facts.items():
        gives.setdefault(index, []).append(f"fact {fact}")
    return tuple(Column(printable(header.titles, index), tuple(gives[index])) for index in sorted(gives))


def _no_preset(nearest: Fit) -> Flaw:
    """Say that nothing fits, and what the nearest preset lacks."""
    if nearest.missing and nearest.known:
        needs = " and ".join(nearest.missing)
        fix = f"{nearest.preset} is nearest, and needs {needs}: say under it which column that is, in columns"
    else:
        fix = "export the file again in English, or name its columns email, team and env"
    return Flaw("NO_PRESET", "no preset knows enough of this header", fix)

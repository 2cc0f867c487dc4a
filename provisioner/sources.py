"""The files that the fleet file's `[[roster.source]]` names: found, opened, read, joined."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from provisioner import strict
from provisioner.assign import looks, versions
from provisioner.errors import InputError, Problem
from provisioner.fleet import Fleet, Source
from provisioner.fleet.patterns import FACT_NAME, pattern
from provisioner.fleet.rules import OWN_CONDITIONS
from provisioner.fleet.sources import EXCLUDED
from provisioner.roster import MAX_BYTES, RosterOptions, intake, join, read_roster
from provisioner.roster.exports import EXPORTS, Ranks
from provisioner.roster.model import Note, Roster, SourceRead
from provisioner.roster.problems import Problems
from provisioner.roster.records import DeviceFile, PeopleFile, PlainFile, SourceFile
from provisioner.roster.rows import file_too_big
from provisioner.roster.titles import normal
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath

_FACTS: Mapping[str, Mapping[str, Ranks]] = {preset: export.facts for preset, export in EXPORTS.items()}


@dataclass(frozen=True, slots=True)
class Export:
    """One file of a source."""

    path: Path
    source: Source
    at: int
    """Which `[[roster.source]]` of the fleet file names it."""

    @property
    def group(self) -> str | None:
        """The group whose members it lists, called as the file is; None for another preset."""
        return (self.source.group or self.path.stem) if self.source.preset == "entra-group-members" else None


def read(fleet: Fleet, told: strict.Source, options: RosterOptions, today: date) -> Roster:
    """Return everybody and everything that the fleet's sources tell, joined.

    `told` is the fleet file's text, parsed; paths in it are relative to its folder. Raises
    `InputError` with the problems of all files together.
    """
    problems: list[Problem] = []
    files: list[SourceFile] = []
    asked, wanted = facts_asked(fleet), groups_asked(fleet)
    exports = list(_exports(fleet, told, problems))
    first: dict[tuple[int, int], int] = {}
    twice: dict[tuple[int, int], Flaw] = {}
    for export in exports:
        try:
            found = _look(export)
            earlier = first.setdefault((found.st_dev, found.st_ino), export.at)
            if earlier != export.at:
                twice.setdefault((earlier, export.at), _named_twice(export, earlier))
            elif _needed(export, wanted):
                files.append(_read(export, found.st_size, asked, options, today))
        except InputError as exc:
            problems += (_with_place(problem, export, told) for problem in exc.problems)
        except OSError as exc:
            fix = "correct the path; it is relative to this file's folder"
            message = f"can't be read: {(exc.strerror or type(exc).__name__).lower()}"
            flaw = Flaw(("roster", "source", export.at), "FILE_UNREADABLE", message, fix, str(export.path))
            problems.append(told.problem(flaw))
    problems += told.problems(twice.values())
    if not problems:
        groups = [export.group for export in exports if export.group is not None]
        problems += told.problems((*_unserved(fleet, files), *_groups_nowhere(fleet, groups)))
    if problems:
        raise InputError(problems)
    roster = join.join(
        files,
        label=told.file,
        identity=fleet.roster.identity,
        domains=fleet.roster.domains,
        exclude=fleet.roster.exclude,
        groups=wanted,
        tenant=fleet.tenant,
        today=today,
    )
    unread = sum(not _needed(export, wanted) for export in exports)
    return replace(roster, notes=(*roster.notes, *_not_read(unread)))


def _needed(export: Export, wanted: re.Pattern[str] | None) -> bool:
    """Tell whether a file is read; members of a group that no rule asks for would only cost time."""
    group = export.group
    return group is None or bool(wanted and wanted.match(group.strip().casefold()))


def _not_read(count: int) -> Iterator[Note]:
    if count:
        files = "1 file of members is" if count == 1 else f"{count:,} files of members are"
        yield Note("GROUPS_NOT_ASKED", "groups", f"{files} not read, no rule asks for these groups")


def _look(export: Export) -> os.stat_result:
    """Return what the disk tells of a file; raises `OSError` before a pipe or device is opened (T29)."""
    found = export.path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is no file")
    return found


def _named_twice(export: Export, earlier: int) -> Flaw:
    message = f"names a file that roster.source[{earlier}] names"
    fix = "keep one of the two, or narrow the pattern"
    return Flaw(("roster", "source", export.at), "DUPLICATE", message, fix, str(export.path))


def _with_place(problem: Problem, export: Export, told: strict.Source) -> Problem:
    """Return a problem of what `columns` says with the place where it says so."""
    if problem.code != "COLUMN_UNKNOWN":
        return problem
    flaw = Flaw(("roster", "source", export.at, "columns"), problem.code, problem.message, problem.fix)
    row = told.problem(flaw).row
    place = f"{told.file}:{row}" if row else told.file
    return replace(problem, fix=f"{problem.fix}; columns stands in {place}")


def _read(
    export: Export, size: int, asked: frozenset[str], options: RosterOptions, today: date
) -> SourceFile:
    """Return what a file holds; the reader of its kind knows closer limits than the one looked at here."""
    name = str(export.path)
    limit = MAX_BYTES if export.source.preset == "plain" else intake.LIMITS.text_bytes
    if size > limit:
        problems = Problems(name)
        problems.add(file_too_big(limit))
        raise problems.error()
    with export.path.open("rb") as stream:
        if export.source.preset == "plain":
            plain = read_roster(stream.read(MAX_BYTES + 1), file=name, today=today, options=options)
            read = SourceRead(name, "plain", plain.digest, len(plain.entries), plain.ignored_columns)
            return PlainFile(read, plain.entries, plain.expired)
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        problems = Problems(name)
        file = intake.read_export(stream, name, export.source, asked, problems, sha256)
        if file is None or problems:
            raise problems.error()
        return file


def facts_asked(fleet: Fleet) -> frozenset[str]:
    """Return the names of all facts that rules, exclusions and the preflight need, as titles are compared."""
    ruled = {normal(name) for rule in fleet.assign for name in rule.facts}
    excluded = set(map(normal, fleet.roster.exclude)) - {"enabled"}
    return frozenset(ruled | excluded).union(looks.FACTS, versions.asked(fleet))


def groups_asked(fleet: Fleet) -> re.Pattern[str] | None:
    """Return what the groups that rules ask for are called; None when no rule asks for any."""
    texts = [text for rule in fleet.assign for text in rule.when.get("group", ()) if isinstance(text, str)]
    return pattern(texts) if texts else None


def _exports(fleet: Fleet, told: strict.Source, problems: list[Problem]) -> Iterator[Export]:
    """Yield every file of every source, in their order; patterns in order of the files' names."""
    folder = Path(told.file).parent
    for at, source in enumerate(fleet.roster.source):
        if source.file is not None:
            found = [folder / source.file]
        else:
            found = sorted(_fitting(folder, Path(source.files or "")))
        if not found:
            fix = "correct the pattern; it is relative to this file's folder"
            path = ("roster", "source", at, "files")
            problems.append(told.problem(Flaw(path, "NO_SUCH_FILE", "fits no file", fix, source.files)))
        for place in found:
            yield Export(place, source, at)


def _fitting(folder: Path, wanted: Path) -> Iterator[Path]:
    """Yield the files that a pattern fits; an absolute one starts at its own root."""
    if wanted.is_absolute():
        folder, wanted = Path(wanted.anchor), wanted.relative_to(wanted.anchor)
    if wanted.parts:
        yield from (path for path in folder.glob(str(wanted)) if path.is_file())


def _unserved(fleet: Fleet, files: Iterable[SourceFile]) -> Iterator[Flaw]:
    """Yield the facts that exclusions and rules ask for and that no file tells."""
    people = [file.read for file in files if isinstance(file, PeopleFile)]
    devices = [file.read for file in files if isinstance(file, DeviceFile)]
    served = {name for read in people for name in read.facts}
    for name, wanted in sorted(fleet.roster.exclude.items()):
        # Many directories know of no guests; that is no reason to say so in every fleet file.
        if normal(name) not in ("enabled", *served) and EXCLUDED.get(name) != wanted:
            message = "asks for what no source of people tells"
            yield _nowhere(("roster", "exclude"), message, name, _askable(people))
    served |= {name for read in devices for name in read.facts}
    for at, rule in enumerate(fleet.assign):
        for fact in sorted(rule.facts):
            if normal(fact) not in served:
                known = {name: name for name in OWN_CONDITIONS} | _askable([*people, *devices])
                yield _nowhere(("assign", at), "asks for what no source tells", fact, known)


def _askable(reads: Iterable[SourceRead]) -> dict[str, str]:
    """Return the facts and titles of some files by normal name, those included that nobody asks for yet."""
    known: dict[str, str] = {}
    for read in reads:
        titles = {normal(title): title for title in read.ignored_columns if FACT_NAME.fullmatch(title)}
        facts = _FACTS.get(read.preset, {}).items()
        told = {fact for fact, ranks in facts if any(not titles.keys().isdisjoint(rank) for rank in ranks)}
        # Of a JSON file the last step of a path is enough.
        steps = {normal(step): step for step in (title.rpartition(".")[2] for title in titles.values())}
        known = steps | titles | {fact: titles.get(fact, fact) for fact in (*told, *read.facts)} | known
    return known


def _nowhere(path: KeyPath, message: str, fact: str, known: Mapping[str, str]) -> Flaw:
    fix = "correct the name, or say which column it is: columns = { ... } under [[roster.source]]"
    if near := get_close_matches(normal(fact), known, 1):
        fix = f'did you mean "{known[near[0]]}"?'
    return Flaw(path, "FACT_NOWHERE", message, fix, fact)


def _groups_nowhere(fleet: Fleet, groups: list[str]) -> Iterator[Flaw]:
    """Yield the groups that rules ask for and that no file lists; a typing error would match nobody."""
    folded = [group.strip().casefold() for group in groups]
    for at, rule in enumerate(fleet.assign):
        for text in rule.when.get("group", ()):
            if isinstance(text, str) and not any(map(pattern([text]).match, folded)):
                fix = f"name it as its file is called: {strict.suggestion(text, groups)}"
                if not groups:
                    fix = 'add the group\'s members: [[roster.source]] with preset = "entra-group-members"'
                yield Flaw(
                    ("assign", at, "when"), "GROUP_NOWHERE", "asks for a group that no file lists", fix, text
                )

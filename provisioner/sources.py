"""The files that the fleet file's `[[roster.source]]` names: found, opened, read, joined."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from provisioner import strict
from provisioner.assign import asks
from provisioner.errors import InputError, Problem
from provisioner.fleet import Fleet, Source
from provisioner.roster import MAX_BYTES, RosterOptions, intake, join, read_roster
from provisioner.roster.model import Note, Roster, SourceRead
from provisioner.roster.problems import Problems
from provisioner.roster.records import PlainFile, SourceFile
from provisioner.roster.rows import file_too_big
from provisioner.strict import Flaw


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
    asked, wanted = asks.facts(fleet), asks.groups(fleet)
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
    groups = [export.group for export in exports if export.group is not None]
    # What can't be found or read may well be what tells them.
    nowhere = () if problems else asks.facts_nowhere(fleet, files)
    nobodys = asks.groups_nowhere(fleet, groups) if groups or not problems else ()
    problems += told.problems((*nowhere, *nobodys))
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

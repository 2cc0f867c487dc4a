"""The files that the fleet file's `[[roster.source]]` names: found, opened, read, joined."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from provisioner import strict
from provisioner.assign import looks, versions
from provisioner.errors import InputError, Problem
from provisioner.fleet import Fleet, Source
from provisioner.fleet.patterns import pattern
from provisioner.roster import MAX_BYTES, RosterOptions, intake, join, read_roster
from provisioner.roster.model import Note, Roster, SourceRead
from provisioner.roster.problems import Problems
from provisioner.roster.records import PlainFile, SourceFile
from provisioner.roster.titles import normal
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
    asked, wanted = facts_asked(fleet), groups_asked(fleet)
    exports = list(_exports(fleet, told, problems))
    for export in exports:
        if not _needed(export, wanted):
            continue
        try:
            files.append(_read(export, asked, options, today))
        except InputError as exc:
            problems += exc.problems
        except OSError as exc:
            fix = "correct the path; it is relative to this file's folder"
            message = f"can't be read: {(exc.strerror or type(exc).__name__).lower()}"
            flaw = Flaw(("roster", "source", export.at), "FILE_UNREADABLE", message, fix, str(export.path))
            problems.append(told.problem(flaw))
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


def _read(export: Export, asked: frozenset[str], options: RosterOptions, today: date) -> SourceFile:
    name = str(export.path)
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
    named = {name for rule in fleet.assign for name in rule.facts}
    named |= fleet.roster.exclude.keys() - {"enabled"}
    return frozenset(map(normal, named)).union(looks.FACTS, versions.asked(fleet))


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
            found = sorted(p for p in folder.glob(source.files or "") if p.is_file())
        if not found:
            fix = "correct the pattern; it is relative to this file's folder"
            path = ("roster", "source", at, "files")
            problems.append(told.problem(Flaw(path, "NO_SUCH_FILE", "fits no file", fix, source.files)))
        for place in found:
            yield Export(place, source, at)


def _unserved(fleet: Fleet, files: list[SourceFile]) -> Iterator[Flaw]:
    """Yield the facts that rules ask for and that no file tells."""
    served = {name for file in files for name in file.read.facts}
    for at, rule in enumerate(fleet.assign):
        for fact in sorted(rule.facts):
            if normal(fact) not in served:
                fix = "correct the name, or say which column it is: columns = { ... } under [[roster.source]]"
                yield Flaw(("assign", at), "FACT_NOWHERE", "asks for what no source tells", fix, fact)


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

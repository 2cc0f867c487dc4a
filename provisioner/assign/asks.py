"""What rules and exclusions ask of the sources, and what of it no file tells. Pure.

A name that nothing tells would match nobody, and nobody would notice; so it is a flaw of the fleet file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from provisioner.assign import looks, versions
from provisioner.fleet import Fleet
from provisioner.fleet.patterns import FACT_NAME, pattern
from provisioner.fleet.rules import OWN_CONDITIONS
from provisioner.fleet.sources import EXCLUDED
from provisioner.roster.exports import EXPORTS, Ranks
from provisioner.roster.model import SourceRead
from provisioner.roster.records import DeviceFile, PeopleFile, SourceFile
from provisioner.roster.titles import normal
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath

_FACTS: Mapping[str, Mapping[str, Ranks]] = {preset: export.facts for preset, export in EXPORTS.items()}


def facts(fleet: Fleet) -> frozenset[str]:
    """Return the names of all facts that rules, exclusions and the preflight need, as titles are compared."""
    ruled = {normal(name) for rule in fleet.assign for name in rule.facts}
    excluded = set(map(normal, fleet.roster.exclude)) - {"enabled"}
    return frozenset(ruled | excluded).union(looks.FACTS, versions.asked(fleet))


def groups(fleet: Fleet) -> re.Pattern[str] | None:
    """Return what the groups that rules ask for are called; None when no rule asks for any."""
    texts = [text for rule in fleet.assign for text in rule.when.get("group", ()) if isinstance(text, str)]
    return pattern(texts) if texts else None


def facts_nowhere(fleet: Fleet, files: Iterable[SourceFile]) -> Iterator[Flaw]:
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


def groups_nowhere(fleet: Fleet, listed: Sequence[str]) -> Iterator[Flaw]:
    """Yield the groups that rules ask for and that no file lists; a typing error would match nobody."""
    folded = {group.strip().casefold(): group for group in listed}
    for at, rule in enumerate(fleet.assign):
        for text in rule.when.get("group", ()):
            if isinstance(text, str) and not any(map(pattern([text]).match, folded)):
                near = get_close_matches(text.strip().casefold(), folded, 1)
                fix = f'did you mean "{folded[near[0]]}"?' if near else "name it as its file is called"
                if not listed:
                    fix = 'add the group\'s members: [[roster.source]] with preset = "entra-group-members"'
                yield Flaw(
                    ("assign", at, "when"), "GROUP_NOWHERE", "asks for a group that no file lists", fix, text
                )

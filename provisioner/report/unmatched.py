"""What the rules leave over: texts without a team, people without a rule; and lines to paste. Pure."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from provisioner import naming
from provisioner.assign.model import Coverage, Verdict
from provisioner.fleet import Fleet
from provisioner.report.columns import counted, plain, table
from provisioner.report.roster import ALL_OF_THEM, LINES_MAX, unmapped_by_frequency
from provisioner.roster.titles import normal

PASTED_MAX = 200
"""Lines to paste at once."""


def text(fleet: Fleet, coverage: Coverage, width: int) -> str:
    """Return the texts by frequency, the people by file, and last the lines to paste into the fleet file."""
    found, places = unmapped_by_frequency(coverage), _places(coverage)
    people = _by_file(coverage.verdicts)
    parts = [list(_texts(found, places, width)), list(_people(people, width)), list(_lines(fleet, found))]
    told = "\n\n".join("\n".join(part) for part in parts if part)
    return told or "every text maps to a team, and every person matches a rule"


def as_json(fleet: Fleet, coverage: Coverage) -> dict[str, Any]:
    """Return all texts and all people."""
    places = _places(coverage)
    return {
        "version": 1,
        "kind": "unmatched",
        "texts": [
            {
                "fact": fact,
                "text": text,
                "people": people,
                "place": places.get((fact, text)),
                "nearest_team": _nearest(fleet, text),
            }
            for fact, text, people in unmapped_by_frequency(coverage)
        ],
        "people": [
            {"file": file, "id": v.id, "row": v.place.row, "facts": _facts(v)}
            for file, verdicts in _by_file(coverage.verdicts).items()
            for v in verdicts
        ],
    }


def _places(coverage: Coverage) -> Mapping[tuple[str, str], str]:
    """Return where each unmapped text stands first, by fact and text."""
    wanted = {
        (normal(fact), text.casefold()): (fact, text)
        for fact, texts in coverage.unmapped.items()
        for text in texts
    }
    facts = {fact for fact, _text in wanted}
    places: dict[tuple[str, str], str] = {}
    for verdict in coverage.verdicts:
        for one in (verdict.person, verdict.device):
            for fact in facts if one is not None else ():
                found = wanted.get((fact, one.facts.get(fact, "").casefold())) if one else None
                if one is not None and found is not None:
                    places.setdefault(found, str(one.place))
    return places


def _by_file(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Return the people whom no rule matches, by the file that names them first."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.kind == "person" and verdict.reason == "NO_RULE":
            found.setdefault(verdict.place.file, []).append(verdict)
    return found


def _facts(verdict: Verdict) -> dict[str, str]:
    return dict(verdict.person.facts) if verdict.person else {}


def _texts(
    found: Sequence[tuple[str, str, int]], places: Mapping[tuple[str, str], str], width: int
) -> Iterator[str]:
    if not found:
        return
    yield f"{counted(len(found), 'text maps', 'texts map')} to no team:"
    rows = [(fact, f"{people:,}", text, places.get((fact, text), "-")) for fact, text, people in found]
    yield from table([("fact", "people", "text", "for instance"), *rows[:LINES_MAX]], width)
    if len(rows) > LINES_MAX:
        yield ALL_OF_THEM.format(f"{len(rows) - LINES_MAX:,}")


def _people(by_file: Mapping[str, Sequence[Verdict]], width: int) -> Iterator[str]:
    count = sum(map(len, by_file.values()))
    if not count:
        return
    yield f"{counted(count, 'person matches', 'people match')} no rule:"
    for file, verdicts in by_file.items():
        yield f"  {plain(file)}: {len(verdicts):,}"
        rows = ((f"row {v.place.row}", v.id, _told(_facts(v))) for v in verdicts[:LINES_MAX])
        yield from table(rows, width, indent=4)
        if len(verdicts) > LINES_MAX:
            yield "  " + ALL_OF_THEM.format(f"{len(verdicts) - LINES_MAX:,}")


def _told(facts: Mapping[str, str]) -> str:
    return ", ".join(f'{name} "{value}"' for name, value in facts.items())


def _lines(fleet: Fleet, found: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    """Yield lines for `[roster.teams]`. The team is left open: a guess must not decide what people may do."""
    # Printable texts only, so that a terminal shows what is pasted; a text of two facts needs one line.
    people = Counter[str]()
    for _fact, text, count in found:
        people[text] += count if text.isprintable() else 0
    lines = [(text, count) for text, count in people.most_common() if count]
    if not lines:
        return
    yield "to paste into provision.toml; fill in the teams, an empty one is refused:"
    yield ""
    yield "[roster.teams]"
    for text, count in lines[:PASTED_MAX]:
        near = _nearest(fleet, text)
        key = json.dumps(text, ensure_ascii=False)  # a TOML basic string, too, for printable text
        guess = f"nearest: {near}" if near else "no team is called like it"
        yield f'{key} = ""  # {counted(count, "person", "people")}; {guess}'
    if len(lines) > PASTED_MAX:
        yield f"# ... and {len(lines) - PASTED_MAX:,} more; all of them: --format json"


def _nearest(fleet: Fleet, text: str) -> str | None:
    """Return the team whose slug, or whose text in `[roster.teams]`, is spelled most like a text."""
    known = {team: team for team in fleet.roster.teams.values()}
    known |= {rule.team: rule.team for rule in fleet.assign if isinstance(rule.team, str)}
    known |= {words: team for pattern, team in fleet.roster.teams.items() if (words := naming.fold(pattern))}
    near = difflib.get_close_matches(naming.fold(text) or "", known, 1, 0.5)
    return known[near[0]] if near else None

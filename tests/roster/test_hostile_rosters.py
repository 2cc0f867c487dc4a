"""Every attack of the corpus is refused at its place, or comes out as the harmless name that is told."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import InputError
from provisioner.roster import RosterOptions, read_roster

CORPUS = Path(__file__).parents[1] / "cases" / "roster"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text())


@pytest.mark.covers("T4", "T5", "T6", "T11", "T12", "T13", "T14", "T15", "T16", "T25", "T29")
@pytest.mark.parametrize("name", list(EXPECTED))
def test_attack_is_refused_or_harmless(name: str) -> None:
    case = EXPECTED[name]
    options = RosterOptions(metadata_columns=tuple(case.get("options", {}).get("metadata_columns", ())))
    data = (CORPUS / name).read_bytes()
    if case["problems"]:
        with pytest.raises(InputError) as refused:
            read_roster(data, file=name, today=date(2026, 11, 20), options=options)
        assert [[p.row, p.column, p.code] for p in refused.value.problems] == case["problems"]
        for problem in refused.value.problems:
            assert str(problem).isascii()
            assert str(problem).isprintable()
            assert problem.message
            assert problem.fix
    else:
        roster = read_roster(data, file=name, today=date(2026, 11, 20), options=options)
        entry = roster.entries[-1]
        assert [entry.email, entry.team, entry.env] == case["harmless"]


def test_every_file_of_the_corpus_is_expected() -> None:
    assert {path.name for path in CORPUS.glob("*.csv")} == set(EXPECTED)

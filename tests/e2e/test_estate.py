"""A company's exports, as its directories and MDMs write them, through the real command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from random import Random

import pytest

from provisioner import project
from provisioner.cli import context
from provisioner.project import Places
from tests.support import estate
from tests.support.estate import shuffle
from tests.support.pilot import Pilot

Golden = Callable[[str, bytes], None]
COMPANIES = {
    "entra-intune": ("entra", "intune"),
    "entra-jamf": ("entra-2", "jamf", "jamf-german"),
    "google-kandji": ("google", "kandji"),
    "okta-jamf": ("okta", "jamf"),
    "everything": estate.EVERYTHING,
}
COMPANY = list(COMPANIES)
FORMULA_STARTS = "=+-@\t\r"


@pytest.fixture(autouse=True)
def on_the_day_of_the_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices not seen for 30 days are judged from the day on which everything was exported."""
    noon = datetime.combine(estate.TODAY, time(12), UTC)
    monkeypatch.setattr(context, "now", lambda: noon)


@pytest.mark.covers("S155", "S167", "S173", "S174", "S175", "S176", "S187", "S191", "S192", "T25")
@pytest.mark.parametrize("company", COMPANY)
def test_the_exports_of_a_company_come_to_its_golden_tables(
    pilot: Pilot, golden: Golden, company: str
) -> None:
    estate.write(pilot.folder, COMPANIES[company])
    ran = pilot.run("--roster", "provision.toml")
    assert ran.code == 0, ran.err
    for name in ("assignments.csv", "not-covered.csv"):
        golden(f"estate/{company}/{name}", (pilot.dist / name).read_bytes())


@pytest.mark.covers("S155", "S192", "T14", "T15", "T16")
@pytest.mark.parametrize("company", COMPANY)
def test_every_awkward_case_ends_as_the_table_of_cases_says(tmp_path: Path, company: str) -> None:
    made = estate.write(tmp_path, COMPANIES[company])
    assert made.outcomes
    assert wrong(made) == []


def wrong(made: estate.Estate) -> list[str]:
    """Return the cases that ended otherwise than they must."""
    coverage = project.survey(Places(None, made.fleet), estate.TODAY).coverage
    found = {(v.kind, v.id): (v.status, v.assignment or v.reason) for v in coverage.verdicts}
    return [
        f"{outcome.case}: {kind} {who}: {found.get((kind, who))}, not {outcome.status} {outcome.why}"
        for (kind, who), outcome in made.outcomes.items()
        if found.get((kind, who)) != (outcome.status, outcome.why)
    ]


@pytest.mark.covers("T12")
def test_formulas_of_a_directory_leave_in_no_table(pilot: Pilot) -> None:
    made = estate.write(pilot.folder, COMPANIES["everything"])
    assert "=1+3" in next(p for p in made.files if p.name == "entra-users.csv").read_text("utf-8-sig")
    assert pilot.run("--roster", "provision.toml").code == 0
    tables = sorted(pilot.dist.rglob("*.csv"))
    assert tables
    for path in tables:
        for row in csv.reader(io.StringIO(path.read_text("utf-8"))):
            assert [cell for cell in row if cell.startswith(tuple(FORMULA_STARTS))] == [], path


@pytest.mark.covers("T30")
def test_pseudonyms_hide_everybody_in_a_check(pilot: Pilot) -> None:
    made = estate.write(pilot.folder, COMPANIES["entra-intune"])
    ran = pilot.run("roster", "check", "--pseudonymise")
    assert ran.code == 0, ran.err
    people = project.survey(Places(None, made.fleet), estate.TODAY).roster.people
    assert people
    assert [p.identity for p in people if p.identity in ran.out + ran.err] == []


@pytest.mark.covers("T11")
@pytest.mark.parametrize("file", ["entra-users.csv", "intune.csv"])
def test_an_export_that_lost_its_rows_or_separators_is_refused(pilot: Pilot, file: str) -> None:
    estate.write(pilot.folder, COMPANIES["entra-intune"])
    path = pilot.folder / "in" / file
    header, *_rows = path.read_text("utf-8-sig").splitlines(keepends=True)
    path.write_text(header)
    ran = pilot.run("--roster", "provision.toml")
    assert ran.code == 2
    assert file in ran.err
    path.write_text(header.replace(",", "|"))
    assert pilot.run("--roster", "provision.toml").code == 2
    assert not pilot.dist.exists()


@pytest.mark.covers("S155")
def test_a_second_run_on_shuffled_exports_changes_no_key_and_no_settings(pilot: Pilot) -> None:
    made = estate.write(pilot.folder, COMPANIES["everything"])
    first = pilot.run("--roster", "provision.toml", "--format", "json")
    before = pilot.files()
    shuffle.rows(made, Random(7))
    second = pilot.run("--roster", "provision.toml", "--format", "json")
    assert second.code == 0, second.err
    assert second.json["keys"]["kept"] == first.json["keys"]["created"] > 0
    after = pilot.files()
    tables = {path for path in before if path.endswith(("/scope.csv", "manifest.json"))}
    tables |= {path for path in before if "/" not in path or path.startswith("_once/")}
    assert after.keys() == before.keys()
    assert [path for path in before if path not in tables and before[path] != after[path]] == []
